"""Which objects and images are huddled."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relook.errors import DataError, UsageError
from relook.evaluation.crowding.rule import OVERLAPS, SHARES, HuddleRule, find_huddles
from relook.evaluation.ground_truth import read_ground_truth


def truth_of(boxes_of_images, **more):
    """A ground truth of boxes (x, y, w, h) by image, their masks the boxes."""
    annotations = []
    for image_id, boxes in enumerate(boxes_of_images, start=1):
        for x, y, w, h, *other in boxes:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": 1,
                    "bbox": [x, y, w, h],
                    "area": w * h,
                    "iscrowd": 0,
                    "segmentation": [[x, y, x + w, y, x + w, y + h, x, y + h]],
                    **more,
                    **(other[0] if other else {}),
                }
            )
    return read_ground_truth(
        {
            "images": [
                {"id": key, "height": 100, "width": 100}
                for key in range(1, len(boxes_of_images) + 1)
            ],
            "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}],
            "annotations": annotations,
        }
    )


# A pair that shares half of each, IoU 1/3; a large square around a small one; one alone.
PAIR = [(0, 0, 10, 10), (5, 0, 10, 10)]
NESTED = [(40, 40, 20, 20), (45, 45, 10, 10)]
ALONE = [(80, 80, 5, 5)]


def overlaps(truth, rule=None):
    return list(find_huddles(truth, rule or HuddleRule()).overlaps.values())


def test_overlaps_by_hand():
    truth = truth_of([PAIR + NESTED + ALONE])
    third, quarter = pytest.approx(1 / 3), pytest.approx(1 / 4)
    assert overlaps(truth) == [third, third, quarter, quarter, 0]
    assert overlaps(truth, HuddleRule("ioa")) == [0.5, 0.5, quarter, 1, 0]
    assert overlaps(truth, HuddleRule("mask")) == [third, third, quarter, quarter, 0]


def test_masks_that_do_not_touch_do_not_overlap():
    upper = {"segmentation": [[0, 0, 10, 0, 0, 10]]}
    lower = {"segmentation": [[12, 0, 12, 12, 0, 12]]}
    truth = truth_of([[(0, 0, 10, 10, upper), (0, 0, 12, 12, lower)]])
    assert overlaps(truth) == [pytest.approx(100 / 144)] * 2
    assert overlaps(truth, HuddleRule("mask")) == [0, 0]


def test_the_highest_overlap_counts_and_not_the_sum():
    truth = truth_of([[(0, 0, 10, 10), (5, 0, 10, 10), (8, 0, 10, 10)]])
    assert overlaps(truth) == pytest.approx([1 / 3, 7 / 13, 7 / 13])


def test_crowd_regions_are_no_objects():
    truth = truth_of([[*PAIR, (0, 0, 50, 50, {"iscrowd": 1})], [(0, 0, 9, 9, {"iscrowd": 1})]])
    huddles = find_huddles(truth, HuddleRule())
    assert huddles.overlaps == {1: pytest.approx(1 / 3), 2: pytest.approx(1 / 3)}
    assert huddles.images(-1, 0) == [1]


def test_other_classes_can_be_left_out():
    truth = truth_of([[PAIR[0], (*PAIR[1], {"category_id": 2}), (0, 0, 10, 20)]])
    assert overlaps(truth) == pytest.approx([0.5, 1 / 3, 0.5])
    assert overlaps(truth, HuddleRule(same_class=True)) == pytest.approx([0.5, 0, 0.5])


def test_images_by_hand():
    lonely = [(x, 60, 4, 4) for x in (0, 10, 20)]
    huddles = find_huddles(truth_of([PAIR + lonely, ALONE, [], NESTED]), HuddleRule())
    assert huddles.images(-1, 0) == [1, 2, 4]  # image 3 has no object
    assert huddles.images(-1, 0.4) == [1, 2, 4]  # all of their objects are over -1
    assert huddles.images(0, 0) == [1, 4]
    assert huddles.images(0, 0.3) == [1, 4]
    assert huddles.images(0, 0.4) == [4]  # two of five are not more than 0.4
    assert huddles.images(0.25, 0) == [1]  # 1/4 is not more than 0.25
    assert huddles.images(0.3, 0.3) == [1]
    assert huddles.images(0.4, 0) == []
    assert huddles.objects(0.3) == {1, 2}
    assert len(huddles.objects(-1)) == 8


@pytest.mark.parametrize("kind", ["iou", "ioa", "mask"])
def test_an_object_without_area_overlaps_nothing(kind):
    truth = truth_of([[(5, 5, 0, 0), (5, 5, 0, 0), (0, 0, 9, 9)]])
    huddles = find_huddles(truth, HuddleRule(kind))
    assert list(huddles.overlaps.values()) == [0, 0, 0]
    assert huddles.images(-1, 0) == [1]


def test_boxes_that_touch_do_not_overlap():
    assert overlaps(truth_of([[(0, 0, 10, 10), (10, 0, 10, 10)]])) == [0, 0]


BOX = st.tuples(*[st.integers(0, 40)] * 2, *[st.integers(1, 40)] * 2)


@given(
    images=st.lists(st.lists(BOX, max_size=6), min_size=1, max_size=5),
    kind=st.sampled_from(["iou", "ioa", "mask"]),
)
def test_there_are_never_more_images_at_higher_thresholds(images, kind):
    huddles = find_huddles(truth_of(images), HuddleRule(kind))
    counts = np.array([[len(huddles.images(o, p)) for p in SHARES] for o in OVERLAPS])
    assert (np.diff(counts, axis=0) <= 0).all()
    assert (np.diff(counts, axis=1) <= 0).all()
    assert (counts[0] == sum(bool(boxes) for boxes in images)).all()
    for o, p in ((0.0, 0.2), (0.3, 0.1)):  # subsets, not only fewer
        assert set(huddles.images(o, p)) <= set(huddles.images(-1, 0))


@given(images=st.lists(st.lists(BOX, min_size=1, max_size=6), min_size=1, max_size=3))
def test_overlaps_are_those_of_two_loops(images):
    expected = []
    for boxes in images:
        for i, (ax, ay, aw, ah) in enumerate(boxes):
            best = 0.0
            for j, (bx, by, bw, bh) in enumerate(boxes):
                width = max(min(ax + aw, bx + bw) - max(ax, bx), 0)
                height = max(min(ay + ah, by + bh) - max(ay, by), 0)
                union = aw * ah + bw * bh - width * height
                best = max(best, width * height / union) if i != j else best
            expected.append(best)
    assert overlaps(truth_of(images)) == pytest.approx(expected)


@pytest.mark.parametrize("kind", ["iou", "ioa", "mask"])
@pytest.mark.parametrize("name", ["mushrooms", "coco_mini", "nuclei"])
def test_real_images(request, name, kind):
    content = request.getfixturevalue(name)
    huddles = find_huddles(read_ground_truth(content), HuddleRule(kind))
    with_objects = {row["image_id"] for row in content["annotations"] if not row["iscrowd"]}
    assert set(huddles.images(-1, 0)) == with_objects
    counts = [len(huddles.images(o, 0)) for o in OVERLAPS]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] >= counts[1] > counts[-1] or kind == "ioa"
    assert len(huddles.overlaps) == sum(not row["iscrowd"] for row in content["annotations"])
    assert all(0 <= value <= 1 for value in huddles.overlaps.values())


def test_masks_are_needed_to_compare_masks():
    truth = truth_of([PAIR, [(0, 0, 5, 5, {"segmentation": None})]])
    with pytest.raises(DataError, match=r"D09.*ground truth.*iou or ioa"):
        find_huddles(truth, HuddleRule("mask"))
    assert len(overlaps(truth)) == 3


def test_rules_that_make_no_sense():
    with pytest.raises(UsageError, match=r"U03.*'giou'.*iou, ioa, mask"):
        HuddleRule("giou")
    with pytest.raises(UsageError, match=r"U03.*resamples is 0"):
        HuddleRule(resamples=0)
