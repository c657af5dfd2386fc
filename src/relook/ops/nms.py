"""Non-maximum suppression as the reference computes it.

Boxes of different groups (classes, pyramid levels) are kept apart by shifting each group by a
multiple of the largest coordinate, in float32, and running one suppression over all of them.
torchvision's `batched_nms` changes its method at other sizes, and its results can differ by the
rounding of the shift; it is therefore not used.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..structures.rules.cascade import Suppression
from .boxes import are_wide, pairwise_iou
from .compiled import nms

SPLIT_FROM = 10_000  # boxes; from here on groups are suppressed one by one
SOFT_NMS_MIN_SCORE = 1e-3
_BOXES_A_SURVIVOR = 2  # suppressed at first, where a number of survivors is enough


def suppress(
    boxes: Tensor,
    scores: Tensor,
    groups: Tensor,
    iou: float,
    method: Suppression = "nms",
    apart_from: int | None = None,
    limit: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Rows (S,) that survive and their scores (S,), best first; with `limit` at least that many of
    them, if there are as many.

    `boxes` (N, 4), `scores` (N,), `groups` (N,) int64: only boxes of one group suppress each
    other. ``nms`` removes boxes that overlap a better one by more than `iou`; ``soft_nms``
    lowers their scores linearly instead (https://arxiv.org/abs/1704.04503). From `apart_from` boxes
    on the groups are suppressed one by one, on boxes that are not shifted.
    """
    boxes, scores = boxes.float(), scores.float()
    exporting = torch.compiler.is_exporting()  # the number of boxes is then not known
    apart = not exporting and apart_from is not None and len(boxes) >= apart_from
    if not exporting and len(boxes) == 0:
        return groups.new_zeros(0), scores
    largest = torch.cat([boxes.flatten(), boxes.new_zeros(1)]).max()
    shifted = boxes if apart else boxes + (groups.to(boxes) * (largest + 1))[:, None]
    if not apart and (exporting or len(boxes) < SPLIT_FROM):
        if limit is not None and method == "nms" and not exporting and boxes.device.type == "cpu":
            return _suppress_best(shifted, scores, iou, limit)
        return _suppress_one_group(shifted, scores, iou, method)
    kept_rows, kept_scores = [], []
    for group in groups.unique():
        rows = (groups == group).nonzero().flatten()
        kept, new_scores = _suppress_one_group(shifted[rows], scores[rows], iou, method)
        kept_rows.append(rows[kept])
        kept_scores.append(new_scores)
    all_rows, all_scores = torch.cat(kept_rows), torch.cat(kept_scores)
    if apart:  # boxes of equal scores stay in their order
        order = all_rows.argsort()
        all_rows, all_scores = all_rows[order], all_scores[order]
    values, order = all_scores.sort(descending=True, stable=True)
    return all_rows[order], values


def suppress_classes(
    boxes: Tensor,
    scores: Tensor,
    *,
    score_threshold: float,
    iou: float,
    limit: int,
    method: Suppression = "nms",
    apart_from: int | None = None,
    min_bbox_size: float = 0.0,
    agnostic: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Detections of one image: rows (S,), scores (S,), labels (S,), best first, at most `limit`.

    `boxes` (N, 4), or (N, K, 4) for a box of each class, have `scores` (N, K) for every class; a
    pair of row and class is a candidate if its score is above `score_threshold`, and both sides of
    its box are from `min_bbox_size` on. A row may be in the result once for each class; with
    `agnostic`, boxes of all classes suppress each other.
    """
    row, label = (scores > score_threshold).nonzero(as_tuple=True)
    if min_bbox_size > 0:
        wide = are_wide(of_class(boxes, row, label), min_bbox_size, "from")
        row, label = row[wide], label[wide]
    candidates = of_class(boxes, row, label)
    groups = torch.zeros_like(label) if agnostic else label
    keep, kept_scores = suppress(candidates, scores[row, label], groups, iou, method, apart_from)
    keep = keep[:limit]
    return row[keep], kept_scores[:limit], label[keep]


def of_class(boxes: Tensor, rows: Tensor, labels: Tensor) -> Tensor:
    """Boxes (S, 4) of `rows` (S,) of `boxes` (N, 4), or (N, K, 4) for those of their `labels`."""
    return boxes[rows] if boxes.ndim == 2 else boxes[rows, labels]


def _suppress_one_group(
    boxes: Tensor, scores: Tensor, iou: float, method: Suppression
) -> tuple[Tensor, Tensor]:
    if method == "soft_nms":
        return _soft_nms(boxes, scores, iou)
    keep = nms(boxes, scores, iou)
    return keep, scores[keep]


def _suppress_best(boxes: Tensor, scores: Tensor, iou: float, limit: int) -> tuple[Tensor, Tensor]:
    """At least `limit` rows that survive, if there are as many, and their scores.

    Only better boxes decide about a box. So the best ones are suppressed alone, and more of them
    only while too few survive.
    """
    values, order = scores.sort(descending=True, stable=True)
    number = _BOXES_A_SURVIVOR * limit
    while True:
        keep = nms(boxes[order[:number]], values[:number], iou)
        if len(keep) >= limit or number >= len(boxes):
            return order[keep], values[keep]
        number *= 2


def _soft_nms(boxes: Tensor, scores: Tensor, iou: float) -> tuple[Tensor, Tensor]:
    rows = torch.arange(len(boxes), device=boxes.device)
    kept_rows, kept_scores = [], []
    while len(rows):
        best = int(scores.argmax())
        if scores[best] < SOFT_NMS_MIN_SCORE:
            break
        kept_rows.append(rows[best])
        kept_scores.append(scores[best])
        overlap = pairwise_iou(boxes[best : best + 1], boxes)[0]
        scores = torch.where(overlap >= iou, scores * (1 - overlap), scores)
        is_left = scores >= SOFT_NMS_MIN_SCORE
        is_left[best] = False
        rows, boxes, scores = rows[is_left], boxes[is_left], scores[is_left]
    if not kept_rows:
        return rows[:0], scores[:0]
    return torch.stack(kept_rows), torch.stack(kept_scores)
