"""Pairs of detections and objects, worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest

from relook.evaluation.coco import evaluate_coco
from relook.evaluation.ground_truth import GroundTruth, read_ground_truth
from relook.evaluation.pairing import ImagePairs, pair_images

Row = dict[str, Any]


def thing(identity: int, box: list[float], category_id: int = 1, **more: Any) -> Row:
    row = {"id": identity, "image_id": 1, "category_id": category_id, "bbox": box, "iscrowd": 0}
    return {**row, "area": box[2] * box[3], **more}


def truth(*annotations: Row) -> GroundTruth:
    return read_ground_truth(
        {
            "images": [
                {"id": number, "height": 100, "width": 100, "file_name": ""} for number in (1, 2)
            ],
            "categories": [{"id": 1, "name": "nut"}, {"id": 2, "name": "bolt"}],
            "annotations": list(annotations),
        }
    )


def found(box: list[float], score: float, category_id: int = 1, image_id: int = 1) -> Row:
    return {"image_id": image_id, "category_id": category_id, "bbox": box, "score": score}


def paired(objects: GroundTruth, *rows: Row, threshold: float = 0.0) -> ImagePairs:
    return pair_images(objects, rows, kind="box", threshold=threshold)[0]


def test_the_highest_score_takes_the_object_it_overlaps_most() -> None:
    objects = truth(thing(1, [0, 0, 20, 20]), thing(2, [0, 8, 20, 20]))
    low, high = found([0, 0, 20, 20], 0.5), found([0, 3, 20, 20], 0.9)
    one = paired(objects, low, high)
    # 17 of 23 rows are common with the first, 15 of 25 with the second.
    (first, second) = one.pairs[0], one.false[0]
    assert (first.detection, first.true_object["id"]) == (high, 1)
    assert first.iou == pytest.approx(17 / 23)
    assert second.row == low
    assert second.iou == 1.0  # with the object that is taken
    assert [(alone.row["id"], alone.iou) for alone in one.missed] == [(2, pytest.approx(15 / 25))]


def test_classes_do_not_matter_except_between_equals() -> None:
    objects = truth(thing(1, [0, 0, 20, 20], 1), thing(2, [0, 0, 20, 20], 2))
    one = paired(objects, found([0, 0, 20, 20], 0.9, 2), found([0, 0, 20, 20], 0.8, 2))
    assert [pair.true_object["id"] for pair in one.pairs] == [2, 1]
    assert [pair.is_right for pair in one.pairs] == [True, False]
    assert (one.num_right, one.num_objects) == (1, 2)


def test_what_lies_on_a_crowd_of_its_class_is_left_out() -> None:
    objects = truth(thing(1, [0, 0, 50, 50], 1, iscrowd=1))
    on, off, other = (
        found([10, 10, 10, 10], 0.9),
        found([60, 60, 10, 10], 0.8),
        found([10, 10, 10, 10], 0.7, 2),
    )
    one = paired(objects, on, off, other)
    assert [alone.row for alone in one.false] == [off, other]
    assert one.num_objects == 0


def test_only_scores_from_the_threshold_count() -> None:
    objects = truth(thing(1, [0, 0, 20, 20]))
    rows = [found([0, 0, 20, 20], 0.5), found([50, 0, 20, 20], 0.49)]
    one = paired(objects, *rows, threshold=0.5)
    assert (len(one.pairs), one.false, one.missed) == (1, (), ())


def test_numbers_of_an_image() -> None:
    objects = truth(thing(1, [0, 0, 20, 20]), thing(2, [50, 0, 20, 20]), thing(3, [0, 50, 20, 20]))
    one = paired(objects, found([0, 0, 20, 16], 0.9), found([50, 0, 20, 20], 0.8, 2))
    assert one.f1 == pytest.approx(2 * 1 / (3 + 2))
    assert one.mean_iou == pytest.approx(0.8)
    assert one.quality == pytest.approx(0.4 * 0.8)
    nothing = ImagePairs(1, (), (), ())
    assert (nothing.f1, nothing.mean_iou) == (1.0, 0.0)


def test_other_images_and_classes_are_left_out() -> None:
    objects = truth(thing(1, [0, 0, 20, 20]))
    rows = [found([0, 0, 20, 20], 0.9, 7), found([0, 0, 20, 20], 0.9, image_id=2)]
    first, second = pair_images(objects, rows, kind="box", threshold=0)
    assert (len(first.missed), len(first.false), len(second.false)) == (1, 0, 1)
    assert [one.image_id for one in pair_images(objects, [], kind="box", threshold=0)] == [1, 2]
    few = pair_images(objects, rows, kind="box", threshold=0, image_ids=[2])
    assert [one.image_id for one in few] == [2]


def test_with_one_class_it_counts_as_coco_does(mushrooms: Any, noisy: Any) -> None:
    predictions = noisy(mushrooms)
    counting = evaluate_coco(mushrooms, predictions, max_dets=500, count_from=0.4).counting
    images = pair_images(read_ground_truth(mushrooms), predictions, kind="mask", threshold=0.4)
    right = sum(one.num_right for one in images)
    missed = sum(len(one.missed) for one in images)
    false = sum(len(one.false) for one in images)
    assert counting is not None
    assert right / (right + missed) == pytest.approx(counting.recall)
    assert right / (right + false) == pytest.approx(counting.precision)


def test_a_detection_on_an_object_that_has_another_class_is_a_twin() -> None:
    objects = truth(thing(1, [0, 0, 20, 20]), thing(2, [50, 0, 20, 20]))
    one = paired(
        objects,
        found([0, 0, 20, 20], 0.9, 1),
        found([0, 0, 20, 20], 0.8, 2),  # the twin
        found([0, 0, 20, 19], 0.7, 1),  # the same class again
        found([50, 50, 20, 20], 0.6, 2),  # on nothing
        found([50, 0, 20, 20], 0.5, 2),  # wrong, and alone
    )
    assert [(alone.row["score"], alone.is_twin) for alone in one.false] == [
        (0.8, True),
        (0.7, False),
        (0.6, False),
    ]
    assert one.num_twins == 1 and one.num_found == 5
