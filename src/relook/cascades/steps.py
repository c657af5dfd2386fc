"""The steps that cascades are made of."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..heads import semantic
from ..ops import boxes as box_ops
from ..ops.boxes import Deviations
from ..ops.matching import assign
from ..ops.matching import draw as draw_rows
from ..ops.roi_pool import Align, align_adaptive, pool_map, pool_pyramid
from ..types import ImageBatch, Matched, Pyramid, Rois, Target

STRIDES = (4, 8, 16, 32)  # RoIs are pooled from P2 to P5
CONTEXT_SIDE = 14  # the semantic feature is always pooled at this side, then averaged down


def pool(
    pyramid: Pyramid,
    context: Tensor | None,
    rois: Rois,
    side: int,
    align: Align = align_adaptive,
) -> Tensor:
    """Features (R, C, side, side) of each RoI, plus its semantic context when there is one."""
    pooled = pool_pyramid(pyramid, rois, side, STRIDES, align)
    if context is None:
        return pooled
    finer = CONTEXT_SIDE // side
    around = pool_map(context, rois, side, semantic.STRIDE, align, finer)
    return pooled + around


@torch.no_grad()
def draw(
    rois: Rois,
    targets: Sequence[Target],
    *,
    iou: float,
    match_low_quality: bool,
    num_classes: int,
    quota: int,
    positive_fraction: float,
) -> Matched:
    """A random training sample of each image's RoIs and of the objects' own boxes, labelled.

    The objects' boxes stand before the RoIs and always match themselves; a RoI is positive from
    `iou` on and background below. Positive rows come before background rows.
    """
    samples: list[tuple[Tensor, ...]] = []
    for boxes, target in zip(rois.per_image(rois.boxes, len(targets)), targets, strict=True):
        own = torch.arange(len(target.boxes), device=boxes.device)
        index = assign(boxes, target.boxes, iou, iou, iou if match_low_quality else None)
        index = torch.cat([own, index])
        boxes = torch.cat([target.boxes, boxes])
        positives, negatives = draw_rows(index, quota, positive_fraction, target.seed)
        rows, gt_index = torch.cat([positives, negatives]), index[positives]
        labels = index.new_full((len(rows),), num_classes)
        labels[: len(positives)] = target.labels[gt_index]
        gt_boxes = torch.zeros_like(boxes[rows])
        gt_boxes[: len(positives)] = target.boxes[gt_index]
        samples.append((boxes[rows], labels, gt_boxes, index[rows], rows < len(own)))
    columns = [list(column) for column in zip(*samples, strict=True)]
    return Matched(Rois.cat(columns[0]), *(torch.cat(column) for column in columns[1:]))


@torch.no_grad()
def refine(
    rois: Rois, deltas: Tensor, std: Deviations, images: ImageBatch, pixel: float = 0.0
) -> Rois:
    """RoIs moved by `deltas` (R, 4) and cut at the border of their own image, as `clip` does."""
    moved = rois.with_boxes(box_ops.decode(rois.boxes, deltas, std))
    boxes = moved.per_image(moved.boxes, len(images))
    return Rois.cat(
        [box_ops.clip(b, size, pixel) for b, size in zip(boxes, images.sizes, strict=True)]
    )
