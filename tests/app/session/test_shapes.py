"""Shapes of the page as pixels and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relook.app.session.shapes import box_of, checked_line, runs_of, shape_of
from relook.errors import UsageError
from relook.ops.runs import Runs, part_of, window_runs

MASKS = arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def mask_of(runs: Any, size: tuple[int, int]) -> np.ndarray[Any, Any]:
    return part_of(runs, size[0], 0, 0, size)


@given(MASKS)
def test_pixels_come_back_from_their_shape(mask: np.ndarray[Any, Any]) -> None:
    """Holes and several parts included."""
    if not mask.any():
        return
    height, width = mask.shape
    runs = window_runs(mask, 0, 0, height)
    shape = shape_of(runs, height)
    assert (mask_of(runs_of(shape, (height, width)), (height, width)) == mask).all()
    rows, columns = np.nonzero(mask)
    box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
    left, top, right, bottom = box_of(runs, height)
    assert (left, right) == (box[0], box[2])
    assert top <= box[1] and bottom >= box[3]


def test_a_ring_with_a_hole_and_a_second_part() -> None:
    square = [[0, 0], [6, 0], [6, 6], [0, 6]]
    hole = [[2, 2], [4, 2], [4, 4], [2, 4]]
    other = [[8, 8], [10, 8], [10, 10], [8, 10]]
    runs = runs_of([[square, hole], [other]], (12, 12))
    assert runs.area == 36 - 4 + 4
    assert box_of(runs, 12) == (0, 0, 10, 10)


def test_what_lies_outside_of_the_image_is_left_out() -> None:
    runs = runs_of([[[[-5.5, -5.5], [3.2, -5.5], [3.2, 3.2], [-5.5, 3.2]]]], (10, 10))
    assert runs.area == 9


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ([], "no pixel inside"),
        ([[]], "no pixel inside"),
        ([[[[0, 0], [4, 4]]]], "fewer than three points"),
        ([[[[0, 0], [4, 0], [float("nan"), 4]]]], "coordinates that no image has"),
        ([[[[0, 0], [1e300, 0], [0, 4]]]], "coordinates that no image has"),
        ([[[[20, 20], [30, 20], [30, 30]]]], "no pixel inside"),
        ([[[[0, 0]] * 200_001]], "more points"),
        ([[[[0, 0], [1, 0], [1, 1]]] * 20_001], "more points or rings"),
        ([[[[0, 0, 1], [4, 4], [4, 0]]]], "points that are none"),
    ],
)
def test_shapes_that_no_object_has(shape: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        runs_of(shape, (12, 12), "object 'o1'")


def test_an_object_too_large_to_be_drawn() -> None:
    runs = window_runs(np.ones((1, 1), bool), 0, 0, 20_000)
    far = window_runs(np.ones((1, 1), bool), 9_000, 19_999, 20_000)
    with pytest.raises(UsageError, match="Divide it"):
        shape_of(Runs.union([runs, far]), 20_000)


@pytest.mark.parametrize("line", [[], [[1, 2]], [[0, 0], [float("inf"), 1]], [[0, 0], [1e12, 1]]])
def test_lines_that_are_none(line: Any) -> None:
    with pytest.raises(UsageError):
        checked_line(line)
