"""Masks as runs, beside the same masks as arrays."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from relook.ops.rle import decode_runs, encode_mask, encode_runs
from relook.ops.runs import Runs, part_of, rectangle_runs, runs_window, window_runs

SHAPE = (11, 13)
masks = arrays.arrays(bool, SHAPE)


def runs_of(mask: NDArray[np.bool_]) -> Runs:
    return window_runs(mask, 0, 0, mask.shape[0])


def dense(runs: Runs) -> NDArray[np.bool_]:
    window, left, top = runs_window(runs, SHAPE[0])
    mask = np.zeros(SHAPE, dtype=bool)
    mask[top : top + window.shape[0], left : left + window.shape[1]] = window
    return mask


@given(masks, masks)
def test_areas_intersections_and_unions_are_those_of_the_arrays(
    first: NDArray[np.bool_], second: NDArray[np.bool_]
) -> None:
    one, other = runs_of(first), runs_of(second)
    assert one.area == first.sum()
    assert one.shared(other) == other.shared(one) == (first & second).sum()
    assert one.iou(other) == (first & second).sum() / max((first | second).sum(), 1)
    joined = Runs.union([one, other])
    assert (dense(joined) == (first | second)).all()
    assert encode_runs(joined, SHAPE) == encode_mask(first | second)


@given(masks)
def test_codes_and_runs_are_two_forms_of_one_mask(mask: NDArray[np.bool_]) -> None:
    code = encode_mask(mask)
    assert encode_runs(decode_runs(code), SHAPE) == code
    assert (dense(runs_of(mask)) == mask).all()
    lengths = runs_of(mask).lengths(mask.size)
    assert lengths.sum() == mask.size
    assert (dense(Runs.of_lengths(lengths)) == mask).all()


def test_ranges_in_any_order_become_runs() -> None:
    starts, ends = np.array([7, 2, 4, 9, 3]), np.array([9, 4, 4, 12, 5])
    runs = Runs.of_ranges(starts, ends)
    assert (runs.starts.tolist(), runs.ends.tolist()) == ([2, 7], [5, 12])
    assert runs.bounds(5) == (0, 0, 3, 5) and Runs.union([]).bounds(5) == (0, 0, 0, 0)


@given(st.integers(0, 13), st.integers(0, 13), st.integers(0, 11), st.integers(0, 11))
def test_a_rectangle_is_its_pixels(left: int, right: int, top: int, bottom: int) -> None:
    left, right, top, bottom = *sorted((left, right)), *sorted((top, bottom))
    mask = np.zeros(SHAPE, dtype=bool)
    mask[top:bottom, left:right] = True
    runs = rectangle_runs(left, top, right, bottom, SHAPE[0])
    assert runs.area == mask.sum()
    everything = runs_of(np.ones(SHAPE, dtype=bool))
    assert everything.shared(runs) == mask.sum()


def test_a_mask_of_a_huge_image_takes_what_its_outline_takes() -> None:
    window = np.ones((30, 40), dtype=bool)
    runs = window_runs(window, 19_950, 19_960, 20_000)
    assert runs.area == 1200
    again = decode_runs(encode_runs(runs, (20_000, 20_000)))
    assert (again.starts == runs.starts).all() and (again.ends == runs.ends).all()
    found, left, top = runs_window(again, 20_000)
    assert found.all() and found.shape == (30, 40) and (left, top) == (19_950, 19_960)


def test_the_window_of_nothing_is_empty_and_at_the_origin() -> None:
    window, left, top = runs_window(runs_of(np.zeros(SHAPE, dtype=bool)), SHAPE[0])
    assert window.shape == (0, 0) and (left, top) == (0, 0)


@given(masks, st.data())
def test_parts_and_lengths_are_those_of_the_array(
    mask: NDArray[np.bool_], data: st.DataObject
) -> None:
    flat = np.concatenate([[False], mask.T.ravel(), [False]])
    turns = np.flatnonzero(flat[1:] != flat[:-1])
    runs = Runs.of_lengths(np.diff(np.concatenate([[0], turns])))
    assert runs.area == mask.sum()
    top, left = (data.draw(st.integers(0, side - 1)) for side in SHAPE)
    size = data.draw(st.integers(1, SHAPE[0] - top)), data.draw(st.integers(1, SHAPE[1] - left))
    expected = mask[top : top + size[0], left : left + size[1]]
    np.testing.assert_array_equal(part_of(runs, SHAPE[0], top, left, size), expected)


@given(arrays.arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_painted_pixels_are_those_of_the_mask(mask: NDArray[np.bool_]) -> None:
    pixels = np.full(mask.size, 5)
    runs_of(mask).paint(pixels, 7)
    assert np.array_equal(pixels.reshape(mask.shape[::-1]).T, np.where(mask, 7, 5))
