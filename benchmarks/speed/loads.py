"""What the models are given: a photograph, a formula, drawn objects, made-up detections."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from relook.data.batching import batch_images
from relook.data.images import read_image
from relook.data.resizing import resize_image
from relook.ops.masks import crop_masks
from relook.structures.detection import Detections, ImageBatch, Target

ROOT = Path(__file__).resolve().parents[2]
PHOTOGRAPH = ROOT / "datasets/coco_mini/images/000000000308.jpg"
CROP = 28  # side of mask probabilities

Pixels = NDArray[np.uint8]  # (H, W, 3) RGB


def photograph(height: int, width: int) -> Pixels:
    """A street of the shipped data, stretched to (height, width)."""
    return np.ascontiguousarray(resize_image(read_image(PHOTOGRAPH), (height, width)))


def formula(height: int, width: int) -> Pixels:
    """Waves of several lengths in each channel, with fine noise."""
    y, x = np.mgrid[:height, :width].astype(np.float64)
    waves = [
        np.sin(x / (7 + 11 * c)) * np.cos(y / (13 + 5 * c)) + 0.5 * np.sin((x + y) / (61 + c))
        for c in range(3)
    ]
    noise = np.random.default_rng(0).normal(0, 0.2, (height, width, 3))
    return np.clip(128 + 60 * (np.stack(waves, axis=-1) + noise), 0, 255).astype(np.uint8)


IMAGES = {"photograph": photograph, "formula": formula}


def image_batch(kind: str, height: int, width: int, batch: int, config: Any) -> ImageBatch:
    """`batch` times the image called `kind`, normalised for a model of `config`."""
    image, given = IMAGES[kind](height, width), config.input
    return batch_images([image] * batch, [(height, width)] * batch, given.mean, given.std)


def drawn_target(objects: int, side: int, config: Any, seed: int) -> Target:
    """Ellipses on an image of `side` x `side` pixels, with masks and a semantic map."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side]
    masks = np.zeros((objects, side, side), dtype=bool)
    for mask in masks:
        radii = np.exp(rng.uniform(np.log(side / 40), np.log(side / 5), 2))
        centre = rng.uniform(radii, side - radii)
        mask |= ((x - centre[0]) / radii[0]) ** 2 + ((y - centre[1]) / radii[1]) ** 2 < 1
    boxes = [_box(mask) for mask in masks]
    labels = torch.from_numpy(rng.integers(0, config.num_classes, objects))
    semantic = None
    if config.semantic is not None:
        painted = (masks.any(axis=0) * (config.semantic.num_classes - 1)).astype(np.uint8)
        semantic = torch.from_numpy(painted)
    return Target(torch.tensor(boxes), labels, crop_masks(torch.from_numpy(masks)), semantic)


def _box(mask: NDArray[np.bool_]) -> Sequence[float]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return float(columns[0]), float(rows[0]), float(columns[-1] + 1), float(rows[-1] + 1)


def made_up_detections(count: int, height: int, width: int, classes: int) -> Detections:
    """`count` objects of all sizes on an image of (height, width), with smooth masks.

    Sides are drawn evenly in their logarithm from 16 pixels to half of the shorter side.
    """
    draw = torch.Generator().manual_seed(0)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=draw)

    largest = min(height, width) / 2
    sides = 16 * (largest / 16) ** uniform(count, 2)
    corners = uniform(count, 2) * (torch.tensor([width, height]) - sides)
    line = torch.linspace(-1, 1, CROP)
    distance = (line[None, :, None] ** 2 + line[None, None, :] ** 2).sqrt()
    angle = torch.atan2(line[:, None].expand(CROP, CROP), line.expand(CROP, CROP))
    bumps = 0.15 * torch.sin(angle * torch.randint(2, 7, (count, 1, 1), generator=draw))
    return Detections(
        boxes=torch.cat([corners, corners + sides], dim=1),
        scores=uniform(count).sort(descending=True).values,
        labels=torch.randint(0, classes, (count,), generator=draw),
        mask_probabilities=torch.sigmoid(12 * (0.85 + bumps - distance)),
        size=(height, width),
    )
