"""Differences between two ways of finding objects."""

from __future__ import annotations

import torch

from relook.export.comparison import EXACT, Difference, difference
from relook.structures.detection import Detections

BOXES = torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 50], [21, 21, 41, 51]])
SCORES = torch.tensor([0.9, 0.8, 0.7])
LABELS = torch.tensor([0, 1, 1])
MASKS = torch.ones(3, 4, 4)


def _found(
    boxes: torch.Tensor = BOXES,
    scores: torch.Tensor = SCORES,
    labels: torch.Tensor = LABELS,
    masks: torch.Tensor | None = MASKS,
) -> Detections:
    return Detections(boxes, scores, labels, masks, (60, 60))


def test_the_same_objects_differ_by_nothing() -> None:
    assert difference(_found(), _found(), 0.1) == Difference(objects=3)


def test_order_does_not_count() -> None:
    rows = torch.tensor([2, 0, 1])
    theirs = _found(BOXES[rows], SCORES[rows], LABELS[rows], MASKS[rows])
    assert difference(_found(), theirs, 0.1) == Difference(objects=3)


def test_every_number_is_the_largest() -> None:
    boxes, scores, masks = BOXES.clone(), SCORES.clone(), MASKS.clone()
    boxes[1, 2] += 0.5
    scores[0] -= 0.25
    masks[2, :2] = 0.25
    found = difference(_found(), _found(boxes, scores, LABELS, masks), 0.1)
    assert (found.objects, found.unmatched) == (3, 0)
    assert (found.box, found.score, found.mask) == (0.5, 0.25, 0.75)
    assert abs(found.mask_iou - 40 / 48) < 1e-6
    assert len(found.exceeds(EXACT)) == 3


def test_an_object_of_another_class_has_no_counterpart() -> None:
    found = difference(_found(), _found(labels=torch.tensor([1, 1, 1])), 0.1)
    assert found.unmatched == 2  # one of each way
    assert "2 objects without a counterpart" in found.exceeds(EXACT)


def test_an_object_at_the_least_score_may_be_missing() -> None:
    theirs = _found(BOXES[:2], SCORES[:2], LABELS[:2], MASKS[:2])
    assert difference(_found(), theirs, 0.6995).unmatched == 0
    assert difference(_found(), theirs, 0.69).unmatched == 1


def test_no_objects_at_all() -> None:
    none = _found(BOXES[:0], SCORES[:0], LABELS[:0], MASKS[:0])
    assert difference(none, none, 0.1) == Difference()
    assert difference(none, _found(), 0.1).unmatched == 3
    assert Difference().exceeds(EXACT) == []


def test_boxes_alone_are_compared_without_masks() -> None:
    assert difference(_found(masks=None), _found(masks=None), 0.1).mask_iou == 1


def test_values_that_are_no_numbers_are_too_large() -> None:
    nan = float("nan")
    assert len(Difference(3, 0, nan, nan, nan, nan).exceeds(EXACT)) == 3
