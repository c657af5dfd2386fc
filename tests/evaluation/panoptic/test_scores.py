from __future__ import annotations

import json
import math

import pytest

from relook.evaluation.panoptic.scores import ClassQuality, PanopticScores, summed
from relook.structures.panoptic import PanopticCategory

SCORES = PanopticScores(
    (
        ClassQuality(1, "cat", True, 3, 1, 1, 2.4),
        ClassQuality(2, "dog", True, 0, 2, 0, 0.0),
        ClassQuality(3, "cow", True, 0, 0, 0, 0.0),
        ClassQuality(9, "sky", False, 1, 0, 0, 0.9),
    ),
    num_images=4,
)


def test_a_class_by_hand() -> None:
    cat, dog, cow, sky = SCORES.classes
    assert (cat.pq, cat.sq, cat.rq) == pytest.approx((0.6, 0.8, 0.75))
    assert (dog.pq, dog.sq, dog.rq) == (0, 0, 0)
    assert not cow.is_counted
    assert math.isnan(cow.pq)
    assert math.isnan(cow.sq)
    assert math.isnan(cow.rq)
    assert (sky.pq, sky.sq, sky.rq) == (0.9, 0.9, 1)


def test_means_leave_out_what_is_nowhere() -> None:
    assert (SCORES.all.pq, SCORES.all.num_classes) == (pytest.approx(0.5), 3)
    assert (SCORES.things.pq, SCORES.things.sq, SCORES.things.rq) == pytest.approx(
        (0.3, 0.4, 0.375)
    )
    assert (SCORES.stuff.pq, SCORES.stuff.num_classes) == (0.9, 1)


def test_json_has_no_nan() -> None:
    content = json.loads(json.dumps(SCORES.to_json(), allow_nan=False))
    assert content["images"] == 4
    assert content["things"] == {
        "pq": pytest.approx(0.3),
        "sq": pytest.approx(0.4),
        "rq": pytest.approx(0.375),
        "classes": 2,
    }
    cat, _, cow, sky = content["classes"]
    assert (cat["tp"], cat["fp"], cat["fn"], cat["iou_sum"]) == (3, 1, 1, 2.4)
    assert (cow["pq"], cow["isthing"]) == (None, 1)
    assert (sky["id"], sky["name"], sky["isthing"]) == (9, "sky", 0)
    empty = PanopticScores(SCORES.classes[2:3], 0).to_json()
    assert empty["all"] == {"pq": None, "sq": None, "rq": None, "classes": 0}


def test_images_are_summed_whatever_their_order() -> None:
    categories = [PanopticCategory(one.id, one.name, one.is_thing) for one in SCORES.classes]
    one = (ClassQuality(1, "cat", True, 1, 1, 0, 0.9),)
    other = (ClassQuality(1, "cat", True, 2, 0, 1, 1.5), *SCORES.classes[1::2])
    scores = summed(categories, [one, other])
    assert scores == PanopticScores(SCORES.classes, num_images=2)
    assert summed(categories, [other, one]) == scores
    assert summed(categories, []).all.num_classes == 0
