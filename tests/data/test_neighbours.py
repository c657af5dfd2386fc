"""Overlapping and touching objects against loops over pixels."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.data import neighbours
from relook.data.neighbours import highest_overlaps, touching
from relook.ops.runs import Runs, window_runs

BOXES = np.array([[0, 0, 10, 10], [5, 0, 10, 10], [40, 40, 20, 20], [45, 45, 10, 10.0]])


def test_overlaps_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    third, quarter = pytest.approx(1 / 3), pytest.approx(1 / 4)
    assert highest_overlaps(BOXES).tolist() == [third, third, quarter, quarter]
    assert highest_overlaps(BOXES, own_area=True).tolist() == [0.5, 0.5, quarter, 1]
    assert highest_overlaps(BOXES, labels=[1, 2, 3, 3]).tolist() == [0, 0, quarter, quarter]
    assert highest_overlaps(np.zeros((0, 4))).tolist() == []
    monkeypatch.setattr(neighbours, "_ROWS", 3)
    assert highest_overlaps(BOXES).tolist() == [third, third, quarter, quarter]


_RECTANGLES = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(1, 10), st.integers(1, 10)),
    max_size=6,
)


@settings(max_examples=60)
@given(_RECTANGLES, st.integers(1, 50))
def test_touching_masks_are_those_of_the_pixels(
    rectangles: list[tuple[int, int, int, int]], pairs: int
) -> None:
    masks = []
    for top, left, tall, wide in rectangles:
        mask = np.zeros((10, 12), dtype=bool)
        mask[top : top + tall, left : left + wide] = True
        masks.append(mask)
    grown = [cv2.dilate(mask.astype(np.uint8), np.ones((3, 3))) > 0 for mask in masks]
    expected = [
        any((grown[a] & masks[b]).any() for b in range(len(masks)) if a != b)
        for a in range(len(masks))
    ]
    before, neighbours._PAIRS = neighbours._PAIRS, pairs
    try:
        found = touching([window_runs(mask, 0, 0, 10) for mask in masks], 10)
    finally:
        neighbours._PAIRS = before
    assert found.tolist() == expected


def test_the_end_of_a_column_is_not_beside_the_start_of_the_next() -> None:
    bottom = Runs(np.array([9]), np.array([10]))  # last row of the first column of ten
    top = Runs(np.array([10]), np.array([11]))  # first row of the second
    empty = Runs(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    assert touching([bottom, top, empty], 10).tolist() == [False, False, False]
    assert touching([], 10).tolist() == []
