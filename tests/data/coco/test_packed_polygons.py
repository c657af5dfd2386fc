"""Polygons side by side: nothing is lost, and what is unusual is not packed."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relook.data.coco.packed_polygons import packed

numbers = st.floats() | st.integers(-(2**53) + 1, 2**53 - 1)


@given(st.lists(st.lists(numbers, min_size=1, max_size=8), min_size=1, max_size=4))
def test_packing_loses_nothing(polygons: list[list[float]]) -> None:
    mask = packed(polygons)
    assert mask is not None
    assert len(mask) == len(polygons)
    assert repr(mask.lists()) == repr(polygons)
    assert repr(pickle.loads(pickle.dumps(mask)).lists()) == repr(polygons)


@pytest.mark.parametrize(
    "value",
    [
        *(None, "", "[[1, 2]]", 3, {}, {"counts": [1]}, [], [[]], [[1.0], []], [1.0, 2.0]),
        *([[True, 1.0]], [[1.0, None]], [["1"]], [[[1.0, 2.0]]], [[2**53]], [[-(2**60), 1.5]]),
    ],
    ids=repr,
)
def test_unusual_segmentations_are_not_packed(value: Any) -> None:
    assert packed(value) is None
