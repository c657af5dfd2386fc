"""Merging what is found in several views of one image (test-time augmentation).

``union`` is how Detectron2 merges, and by its authors' word DetectoRS's published numbers: all
detections of all views compete, and the masks of those that stay are averaged over the views.
``average`` is how MMDetection 2 does: proposals are shared, and their boxes, scores and masks are
averaged over the views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ..models.cascades.protocol import Cascade
from ..models.cascades.steps import select
from ..models.detector import Detector, Looked
from ..ops.nms import suppress, suppress_classes
from ..structures.detection import Detections, Rois
from .views import TTA, View, mirrored

_Found = tuple[Tensor, Tensor, Tensor]  # boxes (N, 4), scores (N,), labels (N,), best first
_Merge = Callable[[Detector, Sequence[View], Sequence[Looked], TTA, float, int], _Found]


@torch.no_grad()
def detect_in_views(
    detector: Detector,
    views: Sequence[View],
    tta: TTA,
    *,
    score_threshold: float | None = None,
    max_detections: int | None = None,
) -> Detections:
    """What is in the one image that all `views` show, in its own pixels.

    What a single view finds is that view's own detections.
    """
    cascade: Cascade = detector.cascade  # type: ignore[assignment]
    threshold = cascade.score_threshold if score_threshold is None else score_threshold
    most = cascade.max_detections if max_detections is None else max_detections
    if len(views) == 1:
        (found,) = detector.detect(views[0].images, score_threshold=threshold, max_detections=most)
        return _turned_back(found, views[0])
    looks = [detector.look(view.images) for view in views]
    merge: _Merge = _union if tta.merge == "union" else _average
    boxes, scores, labels = merge(detector, views, looks, tta, threshold, most)
    masks = None
    if cascade.masks:
        masks = _average_masks(cascade, views, looks, boxes, labels)
    size = views[0].images.original_sizes[0]
    return Detections(boxes, scores, labels, masks, size, cascade.convention.paste)


def _union(
    detector: Detector,
    views: Sequence[View],
    looks: Sequence[Looked],
    tta: TTA,
    threshold: float,
    most: int,
) -> _Found:
    """All detections of all views, suppressed class by class."""
    cascade: Cascade = detector.cascade  # type: ignore[assignment]
    pixel, rule = cascade.convention.pixel, cascade.select
    columns: list[tuple[Tensor, ...]] = []
    for view, looked in zip(views, looks, strict=True):
        boxes, scores = cascade.score(looked.pyramid, looked.context, looked.proposals, view.images)
        one = select(
            boxes,
            scores,
            view.scale,
            rule,
            score_threshold=threshold,
            max_detections=most,
            convention=cascade.convention,
        )
        columns.append((view.to_original(boxes[one.rows], pixel), one.scores, one.labels))
    boxes, scores, labels = (torch.cat(column) for column in zip(*columns, strict=True))
    rows, best = suppress(
        boxes,
        scores,
        labels,
        rule.nms_iou,
        tta.suppression or rule.method,
        apart=cascade.convention.suppress_apart,
    )
    return boxes[rows[:most]], best[:most], labels[rows[:most]]


def _average(
    detector: Detector,
    views: Sequence[View],
    looks: Sequence[Looked],
    tta: TTA,
    threshold: float,
    most: int,
) -> _Found:
    """Shared proposals, their boxes and scores averaged over the views, and suppressed then."""
    cascade: Cascade = detector.cascade  # type: ignore[assignment]
    pixel, rule = cascade.convention.pixel, cascade.select
    apart = cascade.convention.suppress_apart
    shared = _shared_proposals(detector, views, looks)
    all_boxes, all_scores = [], []
    for view, looked in zip(views, looks, strict=True):
        rois = Rois.cat([view.from_original(shared, pixel)])
        boxes, scores = cascade.score(looked.pyramid, looked.context, rois, view.images)
        all_boxes.append(view.to_original(boxes, pixel))
        all_scores.append(scores)
    boxes = torch.stack(all_boxes).mean(dim=0)
    rows, best, labels = suppress_classes(
        boxes,
        torch.stack(all_scores).mean(dim=0),
        score_threshold=threshold,
        iou=rule.nms_iou,
        limit=most,
        method=tta.suppression or rule.method,
        apart=apart,
    )
    return boxes[rows], best, labels


def _shared_proposals(detector: Detector, views: Sequence[View], looks: Sequence[Looked]) -> Tensor:
    """The best proposals (R, 4) of all views, in pixels of the original image."""
    cascade: Cascade = detector.cascade  # type: ignore[assignment]
    pixel, rule = cascade.convention.pixel, detector.rpn.test_rule
    boxes = torch.cat(
        [
            view.to_original(looked.proposals.boxes, pixel)
            for view, looked in zip(views, looks, strict=True)
        ]
    )
    scores = torch.cat([looked.objectness for looked in looks])
    rows, _ = suppress(boxes, scores, torch.zeros_like(scores, dtype=torch.int64), rule.nms_iou)
    return boxes[rows[: rule.proposals]]


def _average_masks(
    cascade: Cascade,
    views: Sequence[View],
    looks: Sequence[Looked],
    boxes: Tensor,
    labels: Tensor,
) -> Tensor:
    """Mask probabilities (N, M, M) of `boxes` (N, 4), averaged over the views."""
    found = []
    for view, looked in zip(views, looks, strict=True):
        rois = Rois.cat([view.from_original(boxes, cascade.convention.pixel)])
        masks = cascade.mask_probabilities(
            looked.pyramid, looked.context, rois, labels, view.images
        )
        found.append(masks.flip(-1) if view.flipped else masks)
    return torch.stack(found).mean(dim=0)


def _turned_back(found: Detections, view: View) -> Detections:
    if not view.flipped:
        return found
    boxes = mirrored(found.boxes, found.size[1])
    masks = found.mask_probabilities
    masks = None if masks is None else masks.flip(-1)
    return Detections(boxes, found.scores, found.labels, masks, found.size, found.paste)
