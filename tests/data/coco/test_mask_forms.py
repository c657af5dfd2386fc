from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.data.coco.mask_forms import (
    BYTES,
    CODES,
    FLAT,
    PAIRS,
    in_coco_form,
    is_nothing,
    is_plain,
)
from relook.data.coco.segmentation import (
    EmptyMaskError,
    MalformedMaskError,
    checked_mask,
    rasterised,
    runs_of,
)


@pytest.mark.parametrize(
    ("value", "expected", "form"),
    [
        ([1, 2, 3, 4, 5, 6], [[1, 2, 3, 4, 5, 6]], FLAT),
        ([[1, 2], [3, 4], [5, 6]], [[1, 2, 3, 4, 5, 6]], PAIRS),
        ([[1, 2, 3, 4, 5, 6]], [[1, 2, 3, 4, 5, 6]], ""),
        ([[1, 2], [3, 4]], [[1, 2], [3, 4]], ""),
        ({"counts": "b'PPYo0'", "size": [4, 4]}, {"counts": "PPYo0", "size": [4, 4]}, BYTES),
        ("[1, 2", "[1, 2", ""),
        ([], [], ""),
        (None, None, ""),
    ],
)
def test_forms(value: Any, expected: Any, form: str) -> None:
    assert in_coco_form(value, 4, 4) == (expected, form)


@pytest.mark.parametrize("value", [None, [], {}, "", [[]], [[], []]])
def test_segmentations_that_say_nothing(value: Any) -> None:
    assert is_nothing(value)


@pytest.mark.parametrize("value", [[0, 0, 0, 0, 0, 0], [[], [1, 2, 3, 4, 5, 6]], [[0]], [{}], "[]"])
def test_segmentations_that_say_something(value: Any) -> None:
    assert not is_nothing(value)


def test_codes_of_parts_are_joined() -> None:
    parts = [np.zeros((4, 5), bool) for _ in range(3)]
    parts[0][0, 0] = parts[0][1:3, 2] = parts[1][2:4, 2] = parts[2][:, 4] = True
    codes = []
    for part in parts:
        flat = part.T.ravel()
        edges = np.flatnonzero(np.diff(flat, prepend=False)).tolist()
        codes.append({"size": [4, 5], "counts": np.diff([0, *edges, flat.size]).tolist()})
    joined, form = in_coco_form(codes, 4, 5)
    mask = rasterised(checked_mask(joined, 4, 5).segmentation, 4, 5)
    assert form == CODES
    assert (mask == np.logical_or.reduce(parts)).all()
    assert in_coco_form([codes[0], {"counts": [3]}], 4, 5)[1] == ""


VALUES = st.recursive(
    st.one_of(st.none(), st.integers(-9, 9), st.floats(-9, 9), st.text(max_size=3)),
    lambda inner: (
        st.lists(inner, max_size=6)
        | st.dictionaries(st.sampled_from(["counts", "size", "x", "y"]), inner)
    ),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_any_value_is_read_or_refused(value: Any) -> None:
    read, form = in_coco_form(value, 6, 7)
    if is_plain(value):
        assert (read, form) == (value, "")
    try:
        mask = checked_mask(read, 6, 7)
    except (MalformedMaskError, EmptyMaskError):
        return
    assert 0 < runs_of(mask.segmentation, 6, 7).area <= 42
