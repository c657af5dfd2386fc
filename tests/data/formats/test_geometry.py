"""Pixels of shapes against a test of every pixel centre, one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from relook.data.formats.geometry import (
    Ellipse,
    Outline,
    Shape,
    UnusableShapeError,
    bounds_of,
    joined_runs,
    pixels,
    points_of,
    rectangle,
    shape_runs,
)
from relook.ops.runs import runs_window

SIZE = (9, 11)
POINTS = st.lists(st.tuples(st.floats(-4, 15), st.floats(-4, 13)), min_size=3, max_size=8)


def mask_of(shape: Shape) -> NDArray[np.bool_]:
    mask = np.zeros(SIZE, bool)
    window, left, top = runs_window(shape_runs(shape, SIZE), SIZE[0])
    mask[top : top + window.shape[0], left : left + window.shape[1]] = window
    return mask


def is_inside(x: float, y: float, rings: tuple[NDArray[np.float64], ...]) -> bool:
    """Whether a ray upwards from (x, y) crosses an odd number of edges."""
    crossings = 0
    for ring in rings:
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if (x0 <= x) != (x1 <= x):
                crossings += y0 + (x - x0) * (y1 - y0) / (x1 - x0) < y
    return crossings % 2 == 1


def is_on(x: float, y: float, rings: tuple[NDArray[np.float64], ...]) -> bool:
    """Whether (x, y) is less than a millionth of a pixel from an outline."""
    point = np.array([x, y])
    for ring in rings:
        for start, end in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            along = end - start
            share = np.clip((point - start) @ along / max(along @ along, 1e-300), 0, 1)
            if np.linalg.norm(start + share * along - point) < 1e-6:
                return True
    return False


@settings(max_examples=40, deadline=None)
@example([(0.0, 0.0)] * 3, [(0.0, 0.0), (0.0, 1.0), (2.0, 2.0)])  # two centres on an edge
@given(POINTS, POINTS)
def test_pixels_whose_centre_is_inside(
    first: list[tuple[float, float]], second: list[tuple[float, float]]
) -> None:
    rings = (points_of(first), points_of(second))
    truth = [
        [is_inside(column + 0.5, row + 0.5, rings) for column in range(SIZE[1])]
        for row in range(SIZE[0])
    ]
    for row, column in np.argwhere(mask_of(Outline(rings)) != np.array(truth)):
        assert is_on(column + 0.5, row + 0.5, rings)  # such a centre may be on either side


def test_a_line_that_runs_both_ways_encloses_nothing() -> None:
    ring = points_of([(1.3, 1.1), (7.9, 6.2), (4.1, 7.7), (7.9, 6.2)])
    assert not mask_of(Outline((ring,))).any()


def test_ellipses_and_their_bounds() -> None:
    y, x = np.mgrid[: SIZE[0], : SIZE[1]] + 0.5
    for angle in (0.0, 0.4, math.pi / 2, 2.0):
        shape = Ellipse(5.2, 4.3, 4.1, 1.9, angle)
        along = (x - 5.2) * math.cos(angle) + (y - 4.3) * math.sin(angle)
        across = (y - 4.3) * math.cos(angle) - (x - 5.2) * math.sin(angle)
        truth = (along / 4.1) ** 2 + (across / 1.9) ** 2 < 1
        assert np.array_equal(mask_of(shape), truth)
        turns = np.linspace(0, 2 * math.pi, 20_001)
        rim_x = 5.2 + 4.1 * np.cos(turns) * math.cos(angle) - 1.9 * np.sin(turns) * math.sin(angle)
        rim_y = 4.3 + 4.1 * np.cos(turns) * math.sin(angle) + 1.9 * np.sin(turns) * math.cos(angle)
        expected = rim_x.min(), rim_y.min(), rim_x.max(), rim_y.max()
        assert bounds_of(shape) == pytest.approx(expected, abs=1e-5)
    assert not mask_of(Ellipse(5, 5, 0, 3)).any()
    assert not mask_of(Ellipse(500, 5, 3, 3)).any()


def test_turned_rectangles() -> None:
    around = rectangle(2, 3, 8, 5, 90)
    assert around.corners.tolist() == [[6, 1], [6, 7], [4, 7], [4, 1]]
    corner = rectangle(2, 3, 8, 5, 90, at="corner")
    assert corner.corners.tolist() == [[2, 3], [2, 9], [0, 9], [0, 3]]
    assert bounds_of(corner) == (0, 3, 2, 9)


def test_masks_are_cut_at_the_image_and_joined() -> None:
    full = np.ones((4, 5), bool)
    for left, top in ((-2, -1), (9, 7), (3, 3), (-9, 0), (20, 20)):
        truth = np.zeros((40, 60), bool)
        truth[20 + top : 24 + top, 20 + left : 25 + left] = True
        shape = pixels(full, left, top, SIZE)
        assert np.array_equal(mask_of(shape), truth[20:29, 20:31])
    both = joined_runs([pixels(full, 0, 0, SIZE), pixels(full, 3, 2, SIZE)], SIZE)
    assert both.area == 20 + 20 - 4
    assert bounds_of(pixels(full, 3, 2, SIZE)) == (3, 2, 8, 6)
    tall = pixels(np.ones((9, 2), bool), 4, 0, SIZE)
    assert bounds_of(tall) == (4, 0, 6, 9)
    assert bounds_of(pixels(full, 50, 50, SIZE))[0] == math.inf


def test_what_no_image_can_have() -> None:
    for points in ([(0, math.nan)], [(1e300, 0)], [(math.inf, 0)]):
        with pytest.raises(UnusableShapeError, match="no image has"):
            points_of(points)
    with pytest.raises(UnusableShapeError, match="no image has"):
        Ellipse(0, 0, 1e200, 1)
    # a zigzag whose edges cross all columns of a large image
    zigzag = points_of([(0 if row % 2 else 20_000, row) for row in range(6000)])
    with pytest.raises(UnusableShapeError, match="longer than that of any object"):
        shape_runs(Outline((zigzag,)), (20_000, 20_000))
