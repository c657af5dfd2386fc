"""A small DSC, and a scene of two images for it: maps of random numbers, objects and proposals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from relook.config.cascades import DSCConfig
from relook.models.build.cascade import build_dsc
from relook.models.cascades.dsc import ShapeGuidedCascade
from relook.ops.masks import crop_masks
from relook.structures.detection import Detections, ImageBatch, Losses, Pyramid, Rois, Target
from relook.structures.rules.cascade import SelectRule
from relook.structures.rules.guidance import GuidanceRule
from relook.structures.rules.pixels import SemanticRule

CHANNELS, CLASSES = 16, 3
CANVAS = (96, 128)
SIZES = ((90, 120), (96, 100))  # the two images differ
OBJECTS = (
    torch.tensor([[8.0, 6, 60, 50], [70, 30, 110, 80]]),
    torch.tensor([[20.0, 40, 80, 90]]),
)
LABELS = (torch.tensor([0, 2]), torch.tensor([1]))
LIMITS = SelectRule(score_threshold=0.01, max_detections=15)
FAST = DSCConfig(guidance=GuidanceRule(side=7), box_hidden=24, mask_channels=12)


def cascade(config: DSCConfig = FAST, *, semantic: bool = True) -> ShapeGuidedCascade:
    """Heads with random weights, the same at every call; boxes are moved by several pixels."""
    torch.manual_seed(0)
    branch = SemanticRule() if semantic else None
    built = build_dsc(config, branch, CHANNELS, CLASSES)
    for head in built.box_heads:
        nn.init.normal_(head.regress.weight, std=0.3)
        nn.init.normal_(head.classify.weight, std=0.5)
    return built


def changed(base: ShapeGuidedCascade, config: DSCConfig, **options: bool) -> ShapeGuidedCascade:
    """A cascade of `config` with the weights of `base`, wherever both have them."""
    other = cascade(config, **options)
    theirs = base.state_dict()
    state = {k: theirs.get(k, v) for k, v in other.state_dict().items()}
    other.load_state_dict(state)
    return other


def images(sizes: Sequence[tuple[int, int]] = SIZES) -> ImageBatch:
    """Images that were half as large before they were resized."""
    halves = tuple((h // 2, w // 2) for h, w in sizes)
    return ImageBatch(
        torch.zeros(len(sizes), 3, *CANVAS),
        tuple(sizes),
        (CANVAS,) * len(sizes),
        halves,
        ((2.0, 2.0),) * len(sizes),
    )


def pyramid() -> Pyramid:
    """P2 to P6 of both images."""
    generator = torch.Generator().manual_seed(1)
    return [
        torch.randn(2, CHANNELS, CANVAS[0] // s, CANVAS[1] // s, generator=generator)
        for s in (4, 8, 16, 32, 64)
    ]


def context() -> Tensor:
    """The semantic feature of both images."""
    generator = torch.Generator().manual_seed(2)
    return torch.randn(2, CHANNELS, CANVAS[0] // 8, CANVAS[1] // 8, generator=generator)


def target(boxes: Tensor, labels: Tensor, size: tuple[int, int] = CANVAS) -> Target:
    """Objects that fill the left two thirds of their boxes."""
    masks = torch.zeros(len(boxes), *size, dtype=torch.bool)
    for mask, (x1, y1, x2, y2) in zip(masks, boxes.int().tolist(), strict=True):
        mask[y1:y2, x1 : x1 + (x2 - x1) * 2 // 3] = True
    return Target(boxes, labels, crop_masks(masks), seed=1)


def targets() -> list[Target]:
    """Two objects in the first image, one in the second."""
    both = zip(OBJECTS, LABELS, SIZES, strict=True)
    return [target(boxes, labels, size) for boxes, labels, size in both]


def nothing(size: tuple[int, int] = CANVAS) -> Target:
    """An image without objects."""
    return target(torch.zeros(0, 4), torch.zeros(0).long(), size)


def proposals() -> Rois:
    """Three around each object, and some elsewhere."""
    generator = torch.Generator().manual_seed(3)
    found = []
    for objects, size in zip(OBJECTS, SIZES, strict=True):
        limit = torch.tensor([size[1], size[0], size[1], size[0]])
        near = objects.repeat(3, 1)
        near = near + (torch.rand(near.shape, generator=generator) - 0.5) * 14
        corner = torch.rand(6 - len(near) // 6, 2, generator=generator) * 60
        sides = torch.rand(len(corner), 2, generator=generator) * 40 + 4
        boxes = torch.cat([near, torch.cat([corner, corner + sides], dim=1)])
        found.append(boxes.clamp(min=0).minimum(limit))
    return Rois.cat(found)


def losses(
    part: ShapeGuidedCascade, rois: Rois | None = None, goals: Sequence[Target] | None = None
) -> Losses:
    """Of the scene, or of other proposals or targets in it."""
    goals = targets() if goals is None else goals
    rois = proposals() if rois is None else rois
    shown = context() if part.fuse.boxes else None
    return part.loss(pyramid(), shown, rois, images(), goals)


@torch.no_grad()
def detections(
    part: ShapeGuidedCascade, rois: Rois | None = None, **limits: Any
) -> list[Detections]:
    """Of the scene, in both images."""
    rois = proposals() if rois is None else rois
    shown = context() if part.fuse.boxes else None
    return part.eval().detect(pyramid(), shown, rois, images(), replace(LIMITS, **limits))


def assert_same(first: Detections, second: Detections, tolerance: float = 1e-5) -> None:
    """The same objects in the same order, up to rounding."""
    assert torch.equal(first.labels, second.labels)
    for field in ("boxes", "scores", "mask_probabilities"):
        ours, theirs = getattr(first, field), getattr(second, field)
        torch.testing.assert_close(ours, theirs, rtol=tolerance, atol=tolerance)


def values(found: Mapping[str, Tensor]) -> dict[str, float]:
    """Losses as numbers."""
    return {name: float(value.detach()) for name, value in found.items()}
