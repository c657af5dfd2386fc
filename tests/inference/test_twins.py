"""Objects that are found as two classes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relook.data.coco.reader import Category
from relook.inference.results import Result
from relook.inference.twins import IOU, Twins, count_twins

A = [0, 0, 10, 10]
B = [100, 0, 110, 10]
BOX = st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(1, 6), st.integers(1, 6))


def _boxes(*rows: list[int]) -> np.ndarray:
    return np.array(rows, dtype=np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("boxes", "labels", "count"),
    [
        ([A, A], [0, 1], 1),
        ([A, A, A], [0, 1, 2], 2),
        ([A, A], [0, 0], 0),
        ([A, B], [0, 1], 0),
        ([A, [0, 0, 10, 5]], [0, 1], 1),
        ([A, [0, 0, 10, 4]], [0, 1], 0),
        ([[0, 0, 0, 0], [0, 0, 0, 0]], [0, 1], 0),
        ([], [], 0),
    ],
)
def test_a_better_object_of_another_class_makes_a_twin(
    boxes: list[list[int]], labels: list[int], count: int
) -> None:
    assert count_twins(_boxes(*boxes), np.array(labels, dtype=np.int64)) == count


@given(st.lists(st.tuples(BOX, st.integers(0, 2)), max_size=9))
def test_it_is_what_all_pairs_say(rows: list[tuple[tuple[int, int, int, int], int]]) -> None:
    boxes = _boxes(*([x, y, x + w, y + h] for (x, y, w, h), _ in rows))
    labels = np.array([label for _, label in rows], dtype=np.int64)
    expected = set()
    for worse in range(len(rows)):
        for better in range(worse):
            a, b = boxes[worse].astype(float), boxes[better].astype(float)
            sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
            shared = sides.clip(0).prod()
            union = (a[2:] - a[:2]).prod() + (b[2:] - b[:2]).prod() - shared
            if shared >= IOU * union and labels[worse] != labels[better]:
                expected.add(worse)
    assert count_twins(boxes, labels) == len(expected)


def _result(boxes: np.ndarray, labels: list[int], scores: list[float]) -> Result:
    return Result(
        boxes=boxes,
        scores=np.array(scores, dtype=np.float32),
        labels=np.array(labels, dtype=np.int64),
        masks=None,
        size=(200, 200),
        classes=(Category(1, "nut"), Category(2, "bolt")),
    )


def test_many_twins_are_said_with_what_helps() -> None:
    twins = Twins(score=0.5)
    twins.add(_result(_boxes(A, A, B, B), [0, 1, 0, 1], [0.9, 0.8, 0.7, 0.1]))
    twins.add("no result")
    (line,) = twins.lines()
    assert "1 of 3 objects" in line and "--agnostic" in line
    few = Twins()
    few.add(_result(_boxes(*[[20 * i, 0, 20 * i + 9, 9] for i in range(10)], [0, 0, 9, 9]),
                    [0] * 10 + [1], [0.9] * 11))  # fmt: skip
    assert few.lines() == []
    assert Twins().lines() == []
