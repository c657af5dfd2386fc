"""Cropping of RoIs from feature maps (RoIAlign, https://arxiv.org/abs/1703.06870)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..structures.detection import Pyramid, Rois
from .boxes import areas
from .compiled import roi_align
from .cpu import switch as fast
from .cpu.roi_align import pool_gathered

Align = Callable[[Tensor, Tensor, int, int], Tensor]
"""Function that samples a map (B, C, H, W) at boxes (R, 5), image index first: ``align(map, table,
side, stride)`` is (R, C, side, side)."""

LevelOf = Callable[[Tensor, int], Tensor]
"""Function with the signature of `pyramid_level`."""

_WIDE = 16  # channels
FINEST_SIDE = 56  # pixels; each doubling of a RoI is one level up


def pyramid_level(boxes: Tensor, num_levels: int) -> Tensor:
    """Pyramid level (R,) int64 that fits the area of each box (R, 4), 0 being the finest."""
    sides = areas(boxes).clamp(min=0).sqrt()
    level = torch.log2(sides / FINEST_SIDE + 1e-6).floor()
    return level.clamp(0, num_levels - 1).nan_to_num(0).to(torch.int64)


def torchvision_level(boxes: Tensor, num_levels: int) -> Tensor:
    """The same as torchvision rounds it."""
    sides = areas(boxes).clamp(min=0).sqrt()
    level = (2 + torch.log2(sides / (4 * FINEST_SIDE)) + 1e-6).floor()
    return level.clamp(0, num_levels - 1).nan_to_num(0).to(torch.int64)


def align_adaptive(features: Tensor, table: Tensor, side: int, stride: int) -> Tensor:
    """RoIAlign: every output is the mean of one bilinear sample per cell that it covers.

    RoIs without area give zeros.
    """
    pooled: Tensor = roi_align(features, table, side, 1 / stride, sampling_ratio=0, aligned=True)
    return pooled


def align_two_by_two(features: Tensor, table: Tensor, side: int, stride: int) -> Tensor:
    """RoIAlign of MMDetection 1.x: two by two samples, with coordinates moved by half a cell.

    The position of a cell is then its first corner instead of its centre.
    """
    image, first, end = table.split([1, 2, 2], dim=1)
    # `aligned` subtracts the half cell that is added here. Without `aligned`, torchvision would
    # widen RoIs to at least one cell, unlike that version.
    half = stride / 2
    moved = torch.cat([image, first + half, torch.maximum(first, end) + half], dim=1)
    pooled: Tensor = roi_align(features, moved, side, 1 / stride, sampling_ratio=2, aligned=True)
    return pooled


def align_corners(features: Tensor, table: Tensor, side: int, stride: int) -> Tensor:
    """RoIAlign of torchvision's detectors: two by two samples, cells at their first corner, and
    RoIs of at least one cell.
    """
    pooled: Tensor = roi_align(features, table, side, 1 / stride, sampling_ratio=2, aligned=False)
    return pooled


def pool_pyramid(
    pyramid: Pyramid,
    rois: Rois,
    side: int,
    strides: Sequence[int],
    align: Align = align_adaptive,
    level_of: LevelOf = pyramid_level,
) -> Tensor:
    """Features (R, C, side, side) of each RoI, from the one level that fits its area.

    The first ``len(strides)`` levels are used.
    """
    level = level_of(rois.boxes, len(strides))
    if _gathers(pyramid[0], rois, align):
        return pool_gathered(pyramid[: len(strides)], strides, level, rois, side)
    rows_of_level, pooled = [], []
    for index, stride in enumerate(strides):
        rows = (level == index).nonzero().flatten()
        rows_of_level.append(rows)
        pooled.append(pool_map(pyramid[index], rois[rows], side, stride, align))
    return torch.cat(pooled)[torch.cat(rows_of_level).argsort()]


def pool_map(
    features: Tensor,
    rois: Rois,
    side: int,
    stride: int,
    align: Align = align_adaptive,
    finer: int = 1,
) -> Tensor:
    """Features (R, C, side, side) of each RoI from one map (B, C, H, W) of the given stride.

    With `finer`, RoIs are pooled at ``side * finer`` and averaged down.
    """
    if _gathers(features, rois, align):
        level = torch.zeros(len(rois), dtype=torch.int64)
        return pool_gathered([features], [stride], level, rois, side, finer)
    table = torch.cat([rois.image_index[:, None].to(rois.boxes), rois.boxes], dim=-1)  # (R, 5)
    # Half precision would move RoIs by pixels.
    wide = features.float() if features.dtype.itemsize < 4 else features
    pooled = align(wide, table.to(wide), side * finer, stride)
    pooled = pooled if finer == 1 else F.avg_pool2d(pooled, finer)
    return pooled.to(features.dtype)


def _gathers(features: Tensor, rois: Rois, align: Align) -> bool:
    """Return whether RoIs are pooled by sums of rows, which is faster for enough channels."""
    return (
        fast.applies(features)
        and align is align_adaptive
        and features.shape[1] >= _WIDE
        and features.numel() > 0
        and len(rois) > 0
    )
