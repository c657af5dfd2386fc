"""Shape-guided RoIAlign: box features weighted by a mask (DSC, https://arxiv.org/abs/1911.11263)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from ..structures.detection import Pyramid, Rois
from ..structures.rules.guidance import Product
from .compiled import roi_align
from .roi_align import pool_pyramid, pyramid_level


def pool_guided(
    pyramid: Pyramid,
    rois: Rois,
    side: int,
    strides: Sequence[int],
    weights: Tensor,
    product: Product = "of_means",
) -> Tensor:
    """Features (R, C, side, side) of each RoI, each cell times its weight.

    `weights` (R, 1, m, m) lie over the RoIs. ``of_means`` multiplies the mean feature of a bin by
    its mean weight; ``of_samples`` is the mean of feature times weight over the bin's sample
    points, with weights interpolated between the centres of their cells.
    """
    if product == "of_samples":
        return _of_samples(pyramid, rois, side, strides, weights)
    pooled = pool_pyramid(pyramid, rois, side, strides)
    return pooled * F.adaptive_avg_pool2d(weights, side).to(pooled)


def _of_samples(
    pyramid: Pyramid, rois: Rois, side: int, strides: Sequence[int], weights: Tensor
) -> Tensor:
    level = pyramid_level(rois.boxes, len(strides))
    stride = level.new_tensor(list(strides))[level]
    extent = (rois.boxes[:, 2:] - rois.boxes[:, :2]) / stride[:, None]  # in cells
    samples = (extent / side).ceil().to(torch.int64)  # of a bin, (x, y), as RoIAlign counts them
    table = torch.cat([rois.image_index[:, None].to(rois.boxes), rois.boxes], dim=-1)

    kinds, kind = torch.stack([level, *samples.unbind(1)], dim=1).unique(dim=0, return_inverse=True)
    rows_of_kind, pooled = [], []
    for i, (index, across, down) in enumerate(kinds.tolist()):
        rows = (kind == i).nonzero().flatten()
        features = pyramid[index]
        features = features.float() if features.dtype.itemsize < 4 else features  # RoIs need it
        rows_of_kind.append(rows)
        if min(across, down) < 1:  # no area
            pooled.append(features.new_zeros(len(rows), features.shape[1], side, side))
            continue
        size = (side * down, side * across)  # a bin of its own for each sample
        table_of_kind = table[rows].to(features)
        points = roi_align(
            features, table_of_kind, size, 1 / strides[index], sampling_ratio=1, aligned=True
        )
        at_points = F.interpolate(weights[rows], size, mode="bilinear", align_corners=False)
        pooled.append(F.avg_pool2d(points * at_points.to(points), (down, across)))
    if not pooled:
        return pyramid[0].new_zeros(0, pyramid[0].shape[1], side, side)
    return torch.cat(pooled)[torch.cat(rows_of_kind).argsort()].to(pyramid[0].dtype)
