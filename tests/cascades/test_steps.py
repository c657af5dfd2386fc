"""Pooling, drawing and refining RoIs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from relook.cascades.steps import draw, pool, refine
from relook.ops.boxes import decode
from relook.ops.roi_pool import pool_map, pool_pyramid
from relook.types import ImageBatch, Matched, Rois, Target

OBJECTS = torch.tensor([[0.0, 0, 20, 20], [40, 40, 80, 80]])
STD = (0.1, 0.1, 0.2, 0.2)


def _target(boxes: torch.Tensor) -> Target:
    return Target(boxes, torch.arange(len(boxes)) + 3)


def _draw(rois: Rois, targets: list[Target], quota: int = 512) -> Matched:
    return draw(
        rois,
        targets,
        iou=0.5,
        match_low_quality=False,
        num_classes=9,
        quota=quota,
        positive_fraction=0.25,
    )


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
