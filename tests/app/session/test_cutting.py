"""Objects cut along a line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from relook.app.session.cutting import cut
from relook.errors import UsageError
from relook.ops.runs import Runs, part_of, window_runs

SIZE = (20, 24)
Mask = np.ndarray[Any, Any]


def runs_of(mask: Mask) -> Runs:
    return window_runs(mask, 0, 0, mask.shape[0])


def mask_of(runs: Runs) -> Mask:
    return part_of(runs, SIZE[0], 0, 0, SIZE)


def block() -> Mask:
    mask = np.zeros(SIZE, bool)
    mask[4:14, 4:20] = True
    return mask


def test_a_line_across_gives_two_objects_and_no_pixel_is_lost() -> None:
    parts = [mask_of(runs) for runs in cut(runs_of(block()), SIZE[0], [[10.5, 0], [10.5, 19]])]
    assert len(parts) == 2
    assert (parts[0] | parts[1] == block()).all()
    assert not (parts[0] & parts[1]).any()
    assert parts[0].sum() >= parts[1].sum()
    assert not parts[0][:, :10].any() and not parts[1][:, 12:].any()


@given(
    arrays(np.bool_, SIZE),
    st.lists(st.tuples(st.floats(-5, 30), st.floats(-5, 30)), min_size=2, max_size=4),
)
def test_whatever_is_cut_is_divided_wholly(mask: Mask, line: list[tuple[float, float]]) -> None:
    try:
        parts = cut(runs_of(mask), SIZE[0], line)
    except UsageError:
        return
    assert len(parts) >= 2
    assert sum(runs.area for runs in parts) == mask.sum()
    assert (np.logical_or.reduce([mask_of(runs) for runs in parts]) == mask).all()


def test_a_bent_line_gives_three() -> None:
    line = [[8.5, 0], [8.5, 19], [15.5, 19], [15.5, 0]]
    assert len(cut(runs_of(block()), SIZE[0], line)) == 3


def test_a_part_that_the_line_does_not_cut_stays_with_the_nearest() -> None:
    mask = block()
    mask[16:18, 4:6] = True
    parts = [mask_of(runs) for runs in cut(runs_of(mask), SIZE[0], [[10, 0], [10, 19]])]
    assert len(parts) == 2
    left = next(part for part in parts if part[5, 5])
    assert left[16, 4]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ([[0, 0], [0, 19]], "does not meet"),
        ([[10, 0], [10, 9]], "does not cut"),
        ([[0, 4.5], [23, 4.5]], "does not cut"),  # along the edge: nothing is left on one side
        ([[5, 5], [6, 6]], "does not cut"),
    ],
)
def test_lines_that_do_not_cut(line: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        cut(runs_of(block()), SIZE[0], line)


def test_a_speck_is_no_object() -> None:
    """Two pixels behind the line go to the larger part, so that nothing is cut."""
    mask = np.zeros(SIZE, bool)
    mask[4:14, 4:20] = True
    mask[8, 20:23] = True
    with pytest.raises(UsageError, match="does not cut"):
        cut(runs_of(mask), SIZE[0], [[20.5, 0], [20.5, 19]])
