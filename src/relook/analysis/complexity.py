"""How large a model is and how much it computes, without computing anything.

Modules run on PyTorch's meta device, which has shapes but no numbers. A multiply-add is one
product and its addition in a convolution or matrix product; pooling, sampling, normalisation and
activations count as nothing, and a deformable convolution as much as the plain one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import prod
from typing import Any

import torch
import torchvision  # noqa: F401 - registers torch.ops.torchvision
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ..config.model import ModelConfig
from ..errors import UsageError
from ..models.build import build_detector
from ..models.cascades.dsc import ShapeGuidedCascade
from ..models.cascades.htc import HybridTaskCascade
from ..models.detector import Detector
from ..models.heads import box as box_head
from ..models.heads import mask as mask_head
from ..structures.detection import Pyramid

STRIDE = 32  # network inputs are padded to multiples of it


@dataclass(frozen=True, slots=True)
class Complexity:
    """Counts by part: features, rpn, boxes, and where there are such semantic, stuff, guidance and
    masks. A user's own cascade is one part, whose multiply-adds nobody knows."""

    parameters: dict[str, int]  # those that training leaves alone included
    multiply_adds: dict[str, int]


def complexity(
    config: ModelConfig,
    height: int = 800,
    width: int = 1344,
    proposals: int = 1000,
    masks: int = 100,
) -> Complexity:
    """Parameters, and multiply-adds of detecting in one image of (height, width) pixels.

    Every box head and guidance head sees all `proposals`, every mask head all `masks` detections.

    Raises:
        UsageError: U03 when the size is not a multiple of 32.
    """
    if height < 1 or width < 1 or height % STRIDE or width % STRIDE:
        raise UsageError("U03", f"size {height}x{width}: expected multiples of {STRIDE} pixels")
    with torch.device("meta"):
        detector = build_detector(config).eval()
    counts = {
        name: sum(p.numel() for part in parts for p in part.parameters())
        for name, parts in _parts(detector).items()
    }
    with torch.no_grad():
        work = _count(detector, config.pyramid.channels, (height, width), proposals, masks)
    return Complexity(counts, work)


def multiply_adds(
    config: ModelConfig,
    height: int = 800,
    width: int = 1344,
    proposals: int = 1000,
    masks: int = 100,
) -> dict[str, int]:
    """Only the multiply-adds of `complexity`, by part."""
    return complexity(config, height, width, proposals, masks).multiply_adds


def _parts(detector: Detector) -> dict[str, list[nn.Module]]:
    cascade: Any = detector.cascade
    parts: dict[str, list[nn.Module]] = {"features": [detector.features], "rpn": [detector.rpn]}
    if detector.semantic is not None:
        parts["semantic"] = [detector.semantic]
    if detector.stuff is not None:
        parts["stuff"] = [detector.stuff]
    if not isinstance(cascade, HybridTaskCascade | ShapeGuidedCascade):
        return parts | {"cascade": [cascade]}
    parts["boxes"] = list(cascade.box_heads)
    if isinstance(cascade, ShapeGuidedCascade):
        parts |= {"guidance": list(cascade.guidance_heads), "masks": [cascade.mask_head]}
    elif len(cascade.mask_heads):
        parts["masks"] = list(cascade.mask_heads)
    return parts


def _count(
    detector: Detector, channels: int, size: tuple[int, int], proposals: int, masks: int
) -> dict[str, int]:
    cascade = detector.cascade
    counts: dict[str, int] = {}
    pyramid: Pyramid
    counts["features"], pyramid = _measured(detector.features, _empty(1, 3, *size))
    counts["rpn"], _ = _measured(detector.rpn, pyramid)
    if detector.semantic is not None:
        counts["semantic"], _ = _measured(detector.semantic, pyramid)
    if detector.stuff is not None:
        counts["stuff"], _ = _measured(detector.stuff, pyramid)
    if isinstance(cascade, ShapeGuidedCascade):
        return counts | _count_dsc(cascade, channels, proposals, masks)
    if not isinstance(cascade, HybridTaskCascade):
        return counts
    regions = _pooled(proposals, channels, box_head.POOL_SIDE)
    counts["boxes"] = sum(_measured(head, regions)[0] for head in cascade.box_heads)
    if len(cascade.mask_heads):
        objects = _pooled(masks, channels, mask_head.POOL_SIDE)
        counts["masks"], _ = _measured(partial(_all_masks, cascade), objects)
    return counts


def _all_masks(cascade: HybridTaskCascade, objects: Tensor) -> None:
    carried = None
    for head in cascade.mask_heads:
        features = head.features(objects, carried)
        carried = features if cascade.hybrid.mask_flow else None
        head.predict(features)


def _count_dsc(
    cascade: ShapeGuidedCascade, channels: int, proposals: int, masks: int
) -> dict[str, int]:
    """Guidance in all proposals, then boxes in them, then masks in the detections."""
    side, shown = cascade.guidance.side, cascade.mask_head.convs[-1].out_channels
    regions = _pooled(proposals, channels, box_head.POOL_SIDE)
    seen = _pooled(proposals, shown, side)
    objects = _pooled(masks, channels, mask_head.POOL_SIDE)
    before = _pooled(masks, shown, side)
    heads = list(cascade.guidance_heads)

    def guidance(pooled: Tensor) -> None:
        for t, head in enumerate(heads):
            head.predict(head.features(pooled, carried(t, pooled, seen if t else None)))

    def final(pooled: Tensor) -> None:
        features = cascade.mask_head.features(pooled, carried(len(heads), pooled, before))
        cascade.mask_head.predict(features)

    def carried(t: int, pooled: Tensor, last: Tensor | None) -> Tensor | None:
        if cascade.guidance.alignment != "recompute":
            return last
        again = None
        for head in heads[:t]:
            again = head.features(pooled, again)
        return again

    return {
        "boxes": sum(
            _measured(partial(head, shown=seen), regions)[0] for head in cascade.box_heads
        ),
        "guidance": _measured(guidance, _pooled(proposals, channels, side))[0],
        "masks": _measured(final, objects)[0],
    }


def _empty(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


def _pooled(rows: int, channels: int, side: int) -> Tensor:
    return _empty(rows, channels, side, side)


def _measured(run: Callable[[Any], Any], given: Any) -> tuple[int, Any]:
    """Multiply-adds of ``run(given)``, and what it gives.

    The counter of PyTorch says two operations for each.
    """
    deformable = torch.ops.torchvision.deform_conv2d
    with FlopCounterMode(display=False, custom_mapping={deformable: _deformable}) as counter:
        out = run(given)
    return int(counter.get_total_flops()) // 2, out


def _deformable(*shapes: Any, out_shape: Any = None, **_: Any) -> int:
    """Operations of a deformable convolution, counted as those of a plain one.

    The shapes are those of the operator's arguments: the input's, the kernel's, ...
    """
    kernel = shapes[1]
    batch, _channels, height, width = out_shape
    return int(2 * batch * height * width * prod(kernel))
