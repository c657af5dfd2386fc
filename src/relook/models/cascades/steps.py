"""Steps that the cascades share."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

from ...errors import UsageError
from ...ops import boxes as box_ops
from ...ops.convention import V2, Convention
from ...ops.matching import Assigner, Sampler, assign
from ...ops.matching import draw as choose
from ...ops.nms import of_class, suppress_classes
from ...ops.roi_align import (
    Align,
    LevelOf,
    align_adaptive,
    pool_map,
    pool_pyramid,
    pyramid_level,
)
from ...structures.detection import ImageBatch, Losses, Matched, Pyramid, Rois, Target
from ...structures.rules.cascade import Deviations, SampleRule, SelectRule
from ..heads import semantic
from ..heads.box import box_loss
from ..heads.mask import mask_loss

Pool = Callable[[Pyramid, Tensor | None, Rois, int], Tensor]
"""Features (R, C, side, side) of RoIs: ``pool(pyramid, context, rois, side)``."""
M = TypeVar("M", bound=nn.Module)
STRIDES = (4, 8, 16, 32)  # RoIs are pooled from P2 to P5
CONTEXT_SIDE = 14  # the semantic feature is always pooled at this side, then averaged down


@dataclass(frozen=True, slots=True)
class Learning:
    """Functions that match and draw RoIs, and losses of boxes and masks."""

    assign: Assigner = assign
    choose: Sampler = choose
    box_loss: Callable[[Tensor, Tensor, Matched, Deviations], Losses] = box_loss
    mask_loss: Callable[[Tensor, Matched, Sequence[Target]], Tensor] = mask_loss


class Selected(NamedTuple):
    """Detections of one image, best first, without their masks."""

    rows: Tensor  # (N,) int64, of the boxes before the choice; not unique
    boxes: Tensor  # (N, 4) in pixels of the original image
    scores: Tensor  # (N,)
    labels: Tensor  # (N,) int64


def pool(
    pyramid: Pyramid,
    context: Tensor | None,
    rois: Rois,
    side: int,
    align: Align = align_adaptive,
    level_of: LevelOf = pyramid_level,
) -> Tensor:
    """Features (R, C, side, side) of each RoI, plus its semantic context when there is one."""
    pooled = pool_pyramid(pyramid, rois, side, STRIDES, align, level_of)
    if context is None:
        return pooled
    around = pool_context(context, rois, side, align)
    return pooled + around if torch.is_grad_enabled() else pooled.add_(around)


def pool_context(context: Tensor, rois: Rois, side: int, align: Align = align_adaptive) -> Tensor:
    """The semantic feature (R, C, side, side) of each RoI."""
    return pool_map(context, rois, side, semantic.STRIDE, align, CONTEXT_SIDE // side)


@torch.no_grad()
def draw(
    rois: Rois,
    targets: Sequence[Target],
    *,
    iou: float,
    num_classes: int,
    sample: SampleRule,
    by: Learning | None = None,
) -> Matched:
    """A random training sample of each image's RoIs and of the objects' own boxes, labelled.

    The objects' boxes come before the RoIs and always match themselves; a RoI is positive from
    `iou` on and background below. Positive rows come before background rows.
    """
    by = by or Learning()
    samples: list[tuple[Tensor, ...]] = []
    for boxes, target in zip(rois.per_image(rois.boxes, len(targets)), targets, strict=True):
        gt_rows = torch.arange(len(target.boxes), device=boxes.device)
        low_quality = iou if sample.match_low_quality else None
        index = by.assign(boxes, target.boxes, iou, iou, low_quality)
        index = torch.cat([gt_rows, index])
        boxes = torch.cat([target.boxes, boxes])
        positives, negatives = by.choose(
            index, sample.per_image, sample.positive_fraction, target.seed
        )
        rows, gt_index = torch.cat([positives, negatives]), index[positives]
        labels = index.new_full((len(rows),), num_classes)
        labels[: len(positives)] = target.labels[gt_index]
        gt_boxes = torch.zeros_like(boxes[rows])
        gt_boxes[: len(positives)] = target.boxes[gt_index]
        samples.append((boxes[rows], labels, gt_boxes, index[rows], rows < len(gt_rows)))
    columns = [list(column) for column in zip(*samples, strict=True)]
    return Matched(Rois.cat(columns[0]), *(torch.cat(column) for column in columns[1:]))


@torch.no_grad()
def match_all(
    rois: Rois,
    is_gt: Tensor,
    targets: Sequence[Target],
    *,
    iou: float,
    num_classes: int,
    assign: Assigner = assign,
) -> Matched:
    """Match every RoI, in order: positive from `iou` on with the object it overlaps most.

    No objects' boxes are added, and `is_gt` (R,) is not changed.
    """
    labels, gt_boxes, gt_index = [], [], []
    for boxes, target in zip(rois.per_image(rois.boxes, len(targets)), targets, strict=True):
        index = assign(boxes, target.boxes, iou, iou, None)
        positive = index >= 0
        own_labels = index.new_full((len(index),), num_classes)
        own_labels[positive] = target.labels[index[positive]]
        own_boxes = torch.zeros_like(boxes)
        own_boxes[positive] = target.boxes[index[positive]]
        labels.append(own_labels)
        gt_boxes.append(own_boxes)
        gt_index.append(index)
    return Matched(rois, torch.cat(labels), torch.cat(gt_boxes), torch.cat(gt_index), is_gt)


@torch.no_grad()
def refine(
    rois: Rois, deltas: Tensor, std: Deviations, images: ImageBatch, convention: Convention = V2
) -> Rois:
    """RoIs moved by `deltas` (R, 4) and cut at the border of their own image by `clip`."""
    limited = convention.limits_shrinking
    moved = rois.with_boxes(box_ops.decode(rois.boxes, deltas, std, limits_shrinking=limited))
    boxes = moved.per_image(moved.boxes, len(images))
    return Rois.cat(
        [
            box_ops.clip(b, size, convention.pixel)
            for b, size in zip(boxes, images.sizes, strict=True)
        ]
    )


@torch.no_grad()
def refine_each_class(
    rois: Rois, deltas: Tensor, std: Deviations, images: ImageBatch, convention: Convention = V2
) -> Tensor:
    """Boxes (R, K, 4) of each class, by `deltas` (R, 4 K)."""
    per_class = deltas.unflatten(1, (-1, 4))
    rows = torch.arange(deltas.shape[0], device=deltas.device)
    repeated = rois[rows.repeat_interleave(per_class.shape[1])]
    refined = refine(repeated, per_class.flatten(0, 1), std, images, convention)
    return refined.boxes.view_as(per_class)


def select(
    boxes: Tensor,
    scores: Tensor,
    scale: tuple[float, float],
    rule: SelectRule,
    convention: Convention = V2,
) -> Selected:
    """The detections among the RoIs of one image.

    `boxes` (R, 4), or (R, K, 4) for a box of each class, are in pixels of the network input;
    divided by `scale`, they are in pixels of the original image. `scores` (R, K) are of foreground
    classes.
    """
    in_original = box_ops.unscale(boxes, scale, convention.pixel)
    rows, best, labels = suppress_classes(
        in_original if rule.suppress_in == "original" else boxes,
        scores,
        score_threshold=rule.score_threshold,
        iou=rule.nms_iou,
        limit=rule.max_detections,
        method=rule.suppression,
        apart_from=convention.apart_from,
        min_bbox_size=rule.min_bbox_size,
        agnostic=rule.agnostic,
    )
    return Selected(rows, of_class(in_original, rows, labels), best, labels)


def scores_by_stage(chosen: Selected, logits: Sequence[Tensor]) -> Tensor | None:
    """Scores (N, S) that each stage alone gives to the labels of the detections of one image.

    `logits` are those of the S stages, (R, K + 1) each, of the boxes before the choice. None for a
    single stage, and in an exported model, which has no output for them.
    """
    if len(logits) < 2 or torch.compiler.is_exporting():
        return None
    own = chosen.labels[:, None]
    columns = [x[chosen.rows].softmax(dim=-1).gather(1, own) for x in logits]
    return torch.cat(columns, dim=1)


def shared(cascade: M, *, stages: int, of: int, **replaced: Any) -> M:
    """`cascade` with some attributes `replaced` and all else shared: the first `stages` of `of`.

    Raises:
        UsageError: U03 when it has fewer stages.
    """
    if not 1 <= stages <= of:
        raise UsageError("U03", f"stages: expected 1 to {of}, which the model has, got {stages}")
    short = copy.copy(cascade)
    vars(short)["_modules"] = dict(vars(cascade)["_modules"])
    for name, value in replaced.items():
        setattr(short, name, value)
    return short
