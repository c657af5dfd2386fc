from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from relook.ops.id_runs import Extent, id_extents, id_runs, sum_by

from ..work import calls_of

Ids = np.ndarray[Any, np.dtype[np.int32]]
SHAPES = hnp.array_shapes(min_dims=2, max_dims=2, max_side=12)
MAPS = SHAPES.flatmap(lambda shape: hnp.arrays(np.int32, shape, elements=st.integers(0, 4)))


@given(MAPS)
@example(np.zeros((1, 1), np.int32))
@example(np.arange(12, dtype=np.int32).reshape(3, 4))
@settings(max_examples=100, deadline=None)
def test_extents_are_those_of_the_pixels(ids: Ids) -> None:
    found = id_extents(ids)
    assert set(found) == set(np.unique(ids).tolist())
    for key, (area, (x, y, width, height)) in found.items():
        rows, columns = np.nonzero(ids == key)
        assert area == len(rows)
        assert (x, y) == (columns.min(), rows.min())
        assert (x + width - 1, y + height - 1) == (columns.max(), rows.max())


@given(MAPS, st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_runs_of_two_maps_are_both_maps(ids: Ids, random: Any) -> None:
    other = ids.ravel().tolist()
    random.shuffle(other)
    others = np.array(other, np.int32).reshape(ids.shape)
    (one, two), lengths = id_runs(ids, others)
    assert (lengths > 0).all()
    assert (lengths <= ids.shape[1]).all()
    np.testing.assert_array_equal(np.repeat(one, lengths), ids.ravel())
    np.testing.assert_array_equal(np.repeat(two, lengths), others.ravel())


def test_a_run_ends_with_its_row() -> None:
    (values,), lengths = id_runs(np.full((3, 5), 8, np.int32))
    assert (values.tolist(), lengths.tolist()) == ([8] * 3, [5] * 3)
    assert id_extents(np.full((3, 5), 8, np.int32)) == {8: Extent(15, (0, 0, 5, 3))}


def test_sums_are_exact() -> None:
    rows, numbers = np.array([2, 0, 2]), np.array([2**40, 1, 1])
    assert sum_by(rows, numbers, 4).tolist() == [1, 0, 2**40 + 1, 0]


def test_work_does_not_grow_with_the_number_of_segments() -> None:
    y, x = np.divmod(np.arange(480 * 640).reshape(480, 640), 640)
    many = (y // 48 * 10 + x // 64).astype(np.int32)  # 100 segments
    few = (y // 240 * 2 + x // 320).astype(np.int32)  # 4
    assert (len(id_extents(many)), len(id_extents(few))) == (100, 4)
    more = calls_of(lambda: id_extents(many)) - calls_of(lambda: id_extents(few))
    assert more <= 6 * 96  # of values of Python for each segment, none of arrays
