"""Cropping RoIs out of feature maps (RoIAlign, https://arxiv.org/abs/1703.06870)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import roi_align

from ..types import Pyramid, Rois
from .boxes import areas

FINEST_SIDE = 56  # pixels; a RoI twice as large, and every further doubling, is one level up


def pyramid_level(boxes: Tensor, num_levels: int) -> Tensor:
    """Pyramid level (R,) int64 that fits the area of each box (R, 4), 0 being the finest."""
    sides = areas(boxes).clamp(min=0).sqrt()
    level = torch.log2(sides / FINEST_SIDE + 1e-6).floor()
    return level.clamp(0, num_levels - 1).to(torch.int64)


def pool_pyramid(pyramid: Pyramid, rois: Rois, side: int, strides: Sequence[int]) -> Tensor:
    """Features (R, C, side, side) of each RoI, from the one level that fits its area.

    The first ``len(strides)`` levels are used.
    """
    level = pyramid_level(rois.boxes, len(strides))
    rows_of_level, pooled = [], []
    for index, stride in enumerate(strides):
        rows = (level == index).nonzero().flatten()
        rows_of_level.append(rows)
        pooled.append(pool_map(pyramid[index], rois[rows], side, stride))
    return torch.cat(pooled)[torch.cat(rows_of_level).argsort()]


def pool_map(features: Tensor, rois: Rois, side: int, stride: int) -> Tensor:
    """Features (R, C, side, side) of each RoI from one map (B, C, H, W) of the given stride.

    Every output is the mean of as many bilinear samples as it covers cells of the map; RoIs
    without area give zeros.
    """
    table = torch.cat([rois.image_index[:, None].to(rois.boxes), rois.boxes], dim=-1)  # (R, 5)
    pooled: Tensor = roi_align(
        features, table.to(features), side, 1 / stride, sampling_ratio=0, aligned=True
    )
    return pooled
