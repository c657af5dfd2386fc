"""Sizes of training objects: what a model file says of them, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.structures.object_sizes import KEY, ObjectSizes, sizes_of

SIZES = ObjectSizes((10.0, 20.0, 30.0, 45.0, 90.0), (5.0, 120.0), 400, "masks")
STORED: dict[str, Any] = SIZES.to_extra()[KEY]


def test_what_is_written_is_read() -> None:
    stored = json.loads(json.dumps({"shown_from": 0.4, **SIZES.to_extra()}))
    assert sizes_of(stored) == SIZES
    assert sizes_of({"shown_from": 0.4}) is None
    assert (SIZES.median, SIZES.common) == (30.0, (10.0, 90.0))
    assert "half of them under 30 (by masks)" in SIZES.line()
    assert "eight in ten of 400 training objects are 10 to 90 pixels across" in SIZES.line()


@pytest.mark.parametrize(
    "changes",
    [
        {"quantiles": [10, 20, 30]},
        {"quantiles": [10, 20, 30, 45, float("nan")]},
        {"quantiles": [10, 20, float("nan"), 45, 90]},
        {"quantiles": [10, 20, 30, 45, float("inf")]},
        {"quantiles": [10, 20, 30, 45, 10**400]},
        {"quantiles": [0, 20, 30, 45, 90]},
        {"quantiles": [10, 30, 20, 45, 90]},
        {"quantiles": [True, 20, 30, 45, 90]},
        {"quantiles": ["10", 20, 30, 45, 90]},
        {"quantiles": "10 20 30 45 90"},
        {"quantiles": None},
        {"trained": [120, 5]},
        {"trained": [5]},
        {"trained": {"low": 5, "high": 120}},
        {"count": 0},
        {"count": 1.5},
        {"count": True},
        {"count": 2**60},
        {"basis": "guesses"},
        {"basis": ["masks"]},
        {"more": 1},
    ],
)
def test_hostile_values_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="object sizes"):
        sizes_of({KEY: {**STORED, **changes}})


@pytest.mark.parametrize("stored", [[], 3, "small", {}, {**STORED, "count": None}])
def test_other_shapes_are_refused(stored: object) -> None:
    with pytest.raises(ValueError, match="object sizes"):
        sizes_of({KEY: stored})


VALUES = st.none() | st.floats() | st.text(max_size=3) | st.lists(st.floats(), max_size=6)


@settings(max_examples=50)
@given(VALUES | st.dictionaries(st.sampled_from([*STORED, "x"]), VALUES))
def test_any_json_value_is_sizes_or_refused(stored: object) -> None:
    try:
        found = sizes_of({KEY: stored})
    except ValueError:
        return
    assert found is None or found.median > 0


def test_a_diameter_is_the_less_usual_the_further_it_is_from_the_median() -> None:
    assert SIZES.likeness(30.0) == 1.0
    falling = [SIZES.likeness(d) for d in (30, 45, 90, 200, 1000, 1e12)]
    assert falling == sorted(falling, reverse=True) and falling[-1] < 1e-6
    assert SIZES.likeness(0.0) < 1e-6
    narrow = ObjectSizes((30.0,) * 5, (30.0, 30.0), 1, "boxes")
    assert 0.2 < narrow.likeness(45.0) < SIZES.likeness(45.0) < 1
