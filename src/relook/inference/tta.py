"""Merging what is found in several views of one image (test-time augmentation).

``union`` is how Detectron2 merges, and by its authors' word DetectoRS's published numbers: all
detections of all views compete, and the masks of those that stay are averaged over the views.
``average`` is how MMDetection 2 does: proposals are shared, and their boxes, scores and masks are
averaged over the views.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from ..models.cascades.protocol import Cascade
from ..models.cascades.steps import select
from ..models.detector import Detector, FirstStageOutput
from ..models.rpn.rpn import proposed
from ..ops.nms import of_class, suppress, suppress_classes
from ..structures.detection import Detections, Rois
from ..structures.rules.cascade import SelectRule
from .views import TTA, View, mirrored

_Found = tuple[Tensor, Tensor, Tensor]  # boxes (N, 4), scores (N,), labels (N,), best first
_Step = Callable[[], None]
_Merge = Callable[
    [Detector, Sequence[View], Sequence[FirstStageOutput], TTA, SelectRule, _Step], _Found
]
OnStep = Callable[[int, int], None]
"""Called with how many steps are done for an image, and of how many."""


@torch.no_grad()
def merge_views(
    detector: Detector,
    views: Sequence[View],
    tta: TTA,
    rule: SelectRule,
    on_step: OnStep | None = None,
) -> Detections:
    """Detections in the one image that all `views` show, in its own pixels.

    `rule` says which of all boxes they are. `on_step` is told of each view that is done with
    proposals, boxes and, where there are any, masks: two or three steps a view.
    """
    cascade: Cascade = detector.cascade  # type: ignore[assignment]
    done, total = 0, len(views) * (3 if cascade.masks else 2)

    def step() -> None:
        nonlocal done
        done += 1
        if on_step is not None:
            on_step(done, total)

    firsts = []
    for view in views:
        firsts.append(detector.look(view.images, max_detections=rule.max_detections))
        step()
    merge: _Merge = _union if tta.merge == "union" else _average
    boxes, scores, labels = merge(detector, views, firsts, tta, rule, step)
    masks = None
    if cascade.masks:
        masks = _average_masks(cascade, views, firsts, boxes, labels, step)
    size = views[0].images.original_sizes[0]
    return Detections(boxes, scores, labels, masks, size, cascade.convention.paste)


def turned_back(found: Detections, view: View) -> Detections:
    """Detections in the original image, of those in its mirror if `view` is flipped."""
    if not view.flipped:
        return found
    boxes = mirrored(found.boxes, found.size[1])
    masks = found.mask_probabilities
    return replace(found, boxes=boxes, mask_probabilities=None if masks is None else masks.flip(-1))


def _union(
    detector: Detector,
    views: Sequence[View],
    firsts: Sequence[FirstStageOutput],
    tta: TTA,
    rule: SelectRule,
    step: _Step,
) -> _Found:
    """All detections of all views, suppressed class by class unless the rule is agnostic."""
    cascade: Cascade = detector.cascade  # type: ignore[assignment]
    pixel = cascade.convention.pixel
    columns: list[tuple[Tensor, ...]] = []
    for view, first in zip(views, firsts, strict=True):
        boxes, scores = cascade.score(first.pyramid, first.context, first.proposals, view.images)
        one = select(boxes, scores, view.scale, rule, cascade.convention)
        own = of_class(boxes, one.rows, one.labels)
        columns.append((view.to_original(own, pixel), one.scores, one.labels))
        step()
    boxes, scores, labels = (torch.cat(column) for column in zip(*columns, strict=True))
    rows, best = suppress(
        boxes,
        scores,
        torch.zeros_like(labels) if rule.agnostic else labels,
        rule.nms_iou,
        tta.suppression or rule.suppression,
        apart_from=cascade.convention.apart_from,
    )
    best, rows = best[: rule.max_detections], rows[: rule.max_detections]
    return boxes[rows], best, labels[rows]


def _average(
    detector: Detector,
    views: Sequence[View],
    firsts: Sequence[FirstStageOutput],
    tta: TTA,
    rule: SelectRule,
    step: _Step,
) -> _Found:
    """Shared proposals, their boxes and scores averaged over the views, and suppressed then."""
    cascade: Cascade = detector.cascade  # type: ignore[assignment]
    pixel = cascade.convention.pixel
    shared = _shared_proposals(detector, views, firsts, rule.max_detections)
    all_boxes, all_scores = [], []
    for view, first in zip(views, firsts, strict=True):
        rois = Rois.cat([view.from_original(shared, pixel)])
        boxes, scores = cascade.score(first.pyramid, first.context, rois, view.images)
        all_boxes.append(view.to_original(boxes.view(-1, 4), pixel).view_as(boxes))
        all_scores.append(scores)
        step()
    boxes = torch.stack(all_boxes).mean(dim=0)
    rows, best, labels = suppress_classes(
        boxes,
        torch.stack(all_scores).mean(dim=0),
        score_threshold=rule.score_threshold,
        iou=rule.nms_iou,
        limit=rule.max_detections,
        method=tta.suppression or rule.suppression,
        apart_from=cascade.convention.apart_from,
        min_bbox_size=rule.min_bbox_size,
        agnostic=rule.agnostic,
    )
    return of_class(boxes, rows, labels), best, labels


def _shared_proposals(
    detector: Detector, views: Sequence[View], firsts: Sequence[FirstStageOutput], most: int
) -> Tensor:
    """The best proposals (R, 4) of all views, in pixels of the original image."""
    cascade: Cascade = detector.cascade  # type: ignore[assignment]
    pixel, rule = cascade.convention.pixel, detector.rpn.test_rule
    boxes = torch.cat(
        [
            view.to_original(first.proposals.boxes, pixel)
            for view, first in zip(views, firsts, strict=True)
        ]
    )
    scores = torch.cat([first.objectness for first in firsts])
    groups = torch.zeros_like(scores, dtype=torch.int64)
    rows, best = suppress(boxes, scores, groups, rule.nms_iou)
    return boxes[rows[proposed(best, rule.proposals, detector.crowd(most))]]


def _average_masks(
    cascade: Cascade,
    views: Sequence[View],
    firsts: Sequence[FirstStageOutput],
    boxes: Tensor,
    labels: Tensor,
    step: _Step,
) -> Tensor:
    """Mask probabilities (N, M, M) of `boxes` (N, 4), averaged over the views."""
    found = []
    for view, first in zip(views, firsts, strict=True):
        rois = Rois.cat([view.from_original(boxes, cascade.convention.pixel)])
        masks = cascade.mask_probabilities(first.pyramid, first.context, rois, labels, view.images)
        found.append(masks.flip(-1) if view.flipped else masks)
        step()
    return torch.stack(found).mean(dim=0)
