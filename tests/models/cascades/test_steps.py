"""Pooling, drawing and refining RoIs."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from relook.models.cascades import steps
from relook.models.cascades.steps import (
    Selected,
    draw,
    match_all,
    pool,
    refine,
    select,
)
from relook.models.pyramids import fpn
from relook.ops.boxes import decode
from relook.ops.roi_align import pool_map, pool_pyramid
from relook.structures.detection import ImageBatch, Matched, Rois, Target
from relook.structures.rules.cascade import SampleRule, SelectRule

OBJECTS = torch.tensor([[0.0, 0, 20, 20], [40, 40, 80, 80]])
STD = (0.1, 0.1, 0.2, 0.2)


def _target(boxes: torch.Tensor) -> Target:
    return Target(boxes, torch.arange(len(boxes)) + 3)


def _draw(rois: Rois, targets: list[Target], quota: int = 512, **rule: Any) -> Matched:
    sample = SampleRule(per_image=quota, **{"match_low_quality": False, **rule})
    return draw(rois, targets, iou=0.5, num_classes=9, sample=sample)


def test_context_is_pooled_finely_and_averaged_down() -> None:
    torch.manual_seed(0)
    pyramid = [torch.randn(1, 4, 96 // s, 96 // s) for s in (4, 8, 16, 32)]
    context, rois = torch.randn(1, 4, 12, 12), Rois.cat([OBJECTS])
    around = pool_map(context, rois, 14, 8)
    plain = {side: pool_pyramid(pyramid, rois, side, (4, 8, 16, 32)) for side in (7, 14)}
    torch.testing.assert_close(pool(pyramid, context, rois, 14), plain[14] + around)
    torch.testing.assert_close(pool(pyramid, context, rois, 7), plain[7] + F.avg_pool2d(around, 2))
    assert torch.equal(pool(pyramid, None, rois, 7), plain[7])


def test_objects_are_lent_as_rois_and_stand_first() -> None:
    near, far = OBJECTS[1:] + 3, torch.tensor([[0.0, 60, 10, 90]])
    matched = _draw(Rois.cat([torch.cat([far, near])]), [_target(OBJECTS)])
    assert torch.equal(matched.rois.boxes, torch.cat([OBJECTS, near, far]))
    assert matched.labels.tolist() == [3, 4, 4, 9]
    assert matched.gt_index.tolist() == [0, 1, 1, -1]
    assert matched.is_gt.tolist() == [True, True, False, False]
    assert torch.equal(matched.gt_boxes[:3], OBJECTS[[0, 1, 1]])
    assert not matched.gt_boxes[3].any()


@given(st.integers(0, 40), st.integers(1, 30), st.integers(0, 2))
def test_samples_respect_the_quota_per_image(count: int, quota: int, objects: int) -> None:
    torch.manual_seed(count)
    corner = torch.rand(count, 2) * 60
    boxes = torch.cat([corner, corner + torch.rand(count, 2) * 30 + 1], dim=1)
    targets = [_target(OBJECTS[:objects]), _target(OBJECTS[:0])]
    matched = _draw(Rois.cat([boxes, boxes]), targets, quota)
    for rows in matched.rois.per_image(matched.labels, 2):
        assert len(rows) <= quota
        assert (rows != 9).sum() <= quota // 4
    second = matched.rois.image_index == 1
    assert (matched.labels[second] == 9).all()
    positive = matched.is_positive
    assert ((matched.labels != 9) == positive).all()
    own = [t.boxes for t in targets]
    for row in positive.nonzero().flatten().tolist():
        image, index = int(matched.rois.image_index[row]), int(matched.gt_index[row])
        assert torch.equal(matched.gt_boxes[row], own[image][index])


def test_refined_rois_are_cut_at_their_own_image() -> None:
    boxes = [torch.tensor([[10.0, 10, 50, 50]]), torch.tensor([[10.0, 10, 50, 50]])]
    rois = Rois.cat(boxes)
    deltas = torch.tensor([[0.0, 0, 3, 3], [0.0, 0, 3, 3]])
    sizes = ((60, 55), (40, 200))
    images = ImageBatch(torch.zeros(2, 3, 64, 224), sizes, sizes, sizes, ((1.0, 1.0),) * 2)
    refined = refine(rois, deltas, STD, images)
    free = decode(rois.boxes, deltas, STD)
    assert (free[:, :2] < 0).all()
    assert refined.boxes[0].tolist() == [0, 0, 55, 60]
    assert refined.boxes[1, 3] == 40 and refined.boxes[1, 2] == free[1, 2]
    assert torch.equal(refined.image_index, rois.image_index)


def test_the_best_of_poor_rois_is_positive_where_that_is_asked_for() -> None:
    """Low-quality matching reaches down to the threshold itself, so what it adds are ties."""
    same = OBJECTS[:1].repeat(2, 1)
    near = Rois.cat([torch.tensor([[0.0, 0, 20, 15]])])
    for low_quality, expected in ((False, [0, 1, 0]), (True, [0, 1, 1])):
        matched = _draw(near, [_target(same)], match_low_quality=low_quality)
        assert matched.gt_index.tolist() == expected


def test_every_roi_is_matched_in_its_place() -> None:
    objects = torch.cat([OBJECTS, torch.tensor([[0.0, 60, 30, 90]])])
    far = torch.tensor([[90.0, 0, 99, 9]])
    first = torch.cat([far, OBJECTS[:1] + 1, far, OBJECTS[1:], objects[2:] + 1])
    rois = Rois.cat([first, OBJECTS[1:]])
    is_gt = torch.tensor([False, False, True, True, False, False])
    targets = [_target(objects), _target(OBJECTS[1:])]
    matched = match_all(rois, is_gt, targets, iou=0.5, num_classes=9)
    assert matched.rois is rois and matched.is_gt is is_gt
    assert matched.gt_index.tolist() == [-1, 0, -1, 1, 2, 0]
    assert matched.labels.tolist() == [9, 3, 9, 4, 5, 3]
    assert matched.is_positive.nonzero().flatten().tolist() == [1, 3, 4, 5]
    assert torch.equal(matched.gt_boxes[[1, 3, 4, 5]], torch.cat([objects, OBJECTS[1:]]))
    assert not matched.gt_boxes[[0, 2]].any()


@pytest.mark.parametrize(("iou", "positive"), [(0.5, True), (0.75, True), (0.76, False)])
def test_a_roi_is_positive_from_the_threshold_on(iou: float, positive: bool) -> None:
    rois = Rois.cat([torch.tensor([[0.0, 0, 20, 15]])])  # three quarters of the first object
    matched = match_all(rois, torch.zeros(1).bool(), [_target(OBJECTS[:1])], iou=iou, num_classes=9)
    assert matched.is_positive.tolist() == [positive]


def test_without_objects_or_without_rois_nothing_is_matched() -> None:
    rois = Rois.cat([OBJECTS, OBJECTS[:0]])
    targets = [_target(OBJECTS[:0]), _target(OBJECTS)]
    matched = match_all(rois, torch.zeros(2).bool(), targets, iou=0.5, num_classes=9)
    assert matched.gt_index.tolist() == [-1, -1] and matched.labels.tolist() == [9, 9]
    nothing = Rois.cat([OBJECTS[:0]] * 2)
    none = match_all(nothing, torch.zeros(0).bool(), targets, iou=0.5, num_classes=9)
    assert len(none.labels) == 0 and none.gt_boxes.shape == (0, 4)


def test_selected_boxes_name_the_row_they_came_from() -> None:
    boxes = torch.tensor([[20.0, 20, 120, 120], [24, 20, 120, 120], [200, 200, 300, 300]])
    scores = torch.tensor([[0.6, 0.3], [0.7, 0.05], [0.2, 0.5]])
    rule = SelectRule(score_threshold=0.01, max_detections=3)
    found = select(boxes, scores, (2.0, 4.0), rule)
    assert found.rows.tolist() == [1, 2, 0] and found.labels.tolist() == [0, 1, 1]
    torch.testing.assert_close(found.scores, torch.tensor([0.7, 0.5, 0.3]))
    original = boxes[[1, 2, 0]] / torch.tensor([2.0, 4, 2, 4])
    torch.testing.assert_close(found.boxes, original)


def test_scores_by_stage_are_those_of_the_chosen_rows_and_labels() -> None:
    logits = [torch.tensor([[0.0, 0.0, 0.0], [9.0, 0.0, 0.0]]), torch.tensor([[0.0] * 3] * 2)]
    rows, labels = torch.tensor([1, 0, 1]), torch.tensor([0, 1, 1])
    chosen = Selected(rows, torch.zeros(3, 4), torch.zeros(3), labels)
    found = steps.scores_by_stage(chosen, logits)
    third = pytest.approx(1 / 3)
    assert found is not None and found.shape == (3, 2)
    assert found[:, 1].tolist() == [third, third, third]
    assert found[0, 0] > 0.99 and found[1, 0] == third and found[2, 0] < 0.01
    assert steps.scores_by_stage(chosen, logits[:1]) is None


def test_an_overlap_of_exactly_the_threshold_is_kept() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5]])
    scores = torch.tensor([[0.9], [0.8]])
    for iou, rows in ((0.5, [0, 1]), (0.49, [0])):
        rule = SelectRule(score_threshold=0.1, nms_iou=iou)
        found = select(boxes, scores, (1.0, 1.0), rule)
        assert found.rows.tolist() == rows


def test_no_boxes_select_nothing() -> None:
    rule = SelectRule(score_threshold=0.0, max_detections=9)
    found = select(torch.zeros(0, 4), torch.zeros(0, 2), (2.0, 2.0), rule)
    assert found.boxes.shape == (0, 4) and len(found.rows) == 0


def test_rois_are_pooled_from_the_levels_of_the_pyramid() -> None:
    assert fpn.STRIDES[:4] == steps.STRIDES
    assert steps.CONTEXT_SIDE == 14  # pooled once for masks, of 14 cells, and halved for boxes
