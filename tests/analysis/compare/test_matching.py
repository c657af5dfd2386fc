"""Which objects are the same: hand-worked scenes, and what holds for any scene."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from relook.analysis.compare.matching import Match, Objects, Truth, match_objects, objects_of
from relook.inference.results import Result
from relook.ops.rle import encode_window

SIZE = (40, 100)
Box = tuple[int, int, int, int]
NOTHING = Objects([], np.zeros((0, 4)))


def boxes(*rows: Box, name: str = "cell") -> Objects:
    """Objects whose outlines are boxes: x, y, width, height."""
    return Objects([name] * len(rows), np.array(rows, dtype=np.float64).reshape(-1, 4))


def masks(*rows: Box, name: str = "cell") -> Objects:
    codes = [encode_window(np.ones((h, w), dtype=bool), x, y, SIZE) for x, y, w, h in rows]
    return Objects([name] * len(rows), codes)


def verdicts(matches: list[Match]) -> list[str]:
    return [one.verdict for one in matches]


@pytest.mark.parametrize("outlines", [boxes, masks])
def test_without_the_truth(outlines: Any) -> None:
    a = outlines((0, 0, 10, 10), (20, 0, 10, 10), (40, 0, 10, 10))
    b = outlines((60, 0, 10, 10), (22, 0, 10, 10), (0, 0, 10, 10))
    same, moved, only_a, only_b = match_objects(a, b)
    assert same == Match("cell", "alike", a=0, b=2, between=1.0)
    assert moved.verdict == "differ"
    assert (moved.a, moved.b) == (1, 1)
    assert moved.between == pytest.approx(80 / 120)
    assert only_a == Match("cell", "a only", a=2)
    assert only_b == Match("cell", "b only", b=0)


@pytest.mark.parametrize("outlines", [boxes, masks])
def test_with_the_truth(outlines: Any) -> None:
    squares = [(20 * i, 0, 10, 10) for i in range(5)]
    truth = Truth(outlines(*squares), outlines())
    a = outlines((0, 0, 10, 10), (20, 0, 10, 9), (40, 0, 10, 10), (0, 30, 10, 10), (90, 30, 9, 9))
    b = outlines((0, 0, 10, 10), (20, 0, 10, 6), (60, 0, 10, 10), (0, 30, 10, 10))
    found = match_objects(a, b, truth)
    assert verdicts(found) == [
        "alike",
        "a better",
        "a only",
        "b only",
        "neither",
        "both wrong",
        "a wrong",
    ]
    better = found[1]
    assert (better.a, better.b, better.truth) == (1, 1, 1)
    assert better.a_truth == pytest.approx(0.9)
    assert better.b_truth == pytest.approx(0.6)
    assert better.between == pytest.approx(6 / 9)
    assert found[2].a_truth == 1.0
    assert found[2].b_truth is None
    assert found[5].between == 1.0


def test_a_little_better_is_not_better() -> None:
    truth = Truth(boxes((0, 0, 10, 100)), NOTHING)
    for height, verdict in ((96, "alike"), (94, "a better")):
        (match,) = match_objects(boxes((0, 0, 10, 100)), boxes((0, 0, 10, height)), truth)
        assert match.verdict == verdict


def test_both_found_a_true_object_although_their_outlines_hardly_meet() -> None:
    truth = Truth(boxes((0, 0, 20, 10)), NOTHING)
    a, b = boxes((0, 0, 11, 10)), boxes((9, 0, 11, 10))
    (match,) = match_objects(a, b, truth)
    assert match.verdict == "alike"
    assert match.between == pytest.approx(20 / 200)
    assert verdicts(match_objects(a, b)) == ["a only", "b only"]


def test_the_outline_that_overlaps_most_is_the_object_whatever_its_place() -> None:
    truth = Truth(boxes((0, 0, 10, 10)), NOTHING)
    found = match_objects(boxes((0, 0, 10, 7), (0, 0, 10, 9)), NOTHING, truth)
    assert [(one.verdict, one.a) for one in found] == [("a only", 1), ("a wrong", 0)]


def test_other_classes_are_other_objects() -> None:
    here = (0, 0, 10, 10)
    truth = Truth(boxes(here, name="nut"), NOTHING)
    found = match_objects(boxes(here, name="nut"), boxes(here, name="bolt"), truth)
    assert [(one.verdict, one.name) for one in found] == [("a only", "nut"), ("b wrong", "bolt")]


def test_on_a_crowd_nothing_is_wrong() -> None:
    truth = Truth(boxes((60, 0, 10, 10)), boxes((0, 0, 50, 40)))
    a = boxes((5, 5, 10, 10), (60, 0, 10, 10), (46, 0, 10, 10))  # 4 of 10 columns on the crowd
    b = boxes((5, 5, 10, 10))
    found = match_objects(a, b, truth)
    assert [(one.verdict, one.a, one.b) for one in found] == [
        ("a only", 1, None),
        ("a crowd", 0, None),
        ("b crowd", None, 0),
        ("a wrong", 2, None),
    ]


def test_an_empty_mask_is_an_object_of_its_own() -> None:
    found = match_objects(masks((0, 0, 0, 0)), masks((0, 0, 0, 0)))
    assert verdicts(found) == ["a only", "b only"]


def test_outlines_of_a_result() -> None:
    codes = masks((2, 3, 5, 7)).outlines
    result = Result(
        boxes=np.array([[1, 2, 8, 11]], dtype=np.float32),
        scores=np.array([0.5], dtype=np.float32),
        labels=np.array([0]),
        masks=tuple(codes),
        size=SIZE,
        classes=(type("Class", (), {"id": 1, "name": "cell"})(),),
    )
    assert objects_of(result, True).box(0) == (2, 3, 5, 7)
    assert objects_of(result, False).box(0) == (1, 2, 7, 9)


SCENE = st.lists(
    st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(1, 9), st.integers(1, 9)),
    max_size=8,
)


@settings(max_examples=60, deadline=None)
@given(SCENE, SCENE, SCENE, SCENE, st.booleans())
def test_every_object_is_there_once_and_swapping_the_models_swaps_the_names(
    in_a: list[Box], in_b: list[Box], there: list[Box], crowd: list[Box], known: bool
) -> None:
    a, b = boxes(*in_a), boxes(*in_b)
    truth = Truth(boxes(*there), boxes(*crowd)) if known else None
    found = match_objects(a, b, truth)
    assert sorted(one.a for one in found if one.a is not None) == list(range(len(in_a)))
    assert sorted(one.b for one in found if one.b is not None) == list(range(len(in_b)))
    trues = sorted(one.truth for one in found if one.truth is not None)
    assert trues == (list(range(len(there))) if known else [])
    for one in found:
        if one.a is not None and one.b is not None:
            iou = coco_mask.iou(a.outlines[[one.a]], b.outlines[[one.b]], [False])
            assert one.between == pytest.approx(float(iou.item()))
    back = match_objects(b, a, truth)
    if truth is not None:
        mirrored = {"a better": "b better", "a only": "b only", "a crowd": "b crowd"}
        mirrored |= {value: key for key, value in mirrored.items()}
        settled = [one for one in found if one.truth is not None or "crowd" in one.verdict]
        swapped = [one for one in back if one.truth is not None or "crowd" in one.verdict]
        assert Counter(verdicts(swapped)) == Counter(
            mirrored.get(verdict, verdict) for verdict in verdicts(settled)
        )
