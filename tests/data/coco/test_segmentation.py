from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from pycocotools import mask as coco_mask

from relook.data.coco.segmentation import (
    EmptyMaskError,
    MalformedMaskError,
    checked,
    checked_runs,
    enclosing_box,
    rasterised,
    runs_of,
)
from relook.data.panoptic.png import MapSegment, write_ids
from relook.errors import DataError

# pycocotools asks numpy for arrays in the way of numpy 1.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=40))


def compressed(mask: np.ndarray[Any, Any]) -> dict[str, Any]:
    code = coco_mask.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {"size": list(mask.shape), "counts": code["counts"].decode()}


def listed(mask: np.ndarray[Any, Any]) -> dict[str, Any]:
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=False)).tolist()
    return {
        "size": list(mask.shape),
        "counts": np.diff([0, *edges, flat.size]).tolist(),
    }


@settings(max_examples=200, deadline=None)
@given(MASKS)
@example(np.ones((1, 1), bool))
@example(np.ones((300, 400), bool))
@example(np.eye(90, dtype=bool))
def test_run_length_codes_round_trip(mask: np.ndarray[Any, Any]) -> None:
    for code in (
        compressed(mask),
        listed(mask),
        {**compressed(mask), "counts": compressed(mask)["counts"].encode()},
    ):
        if mask.any():
            safe, left_out = checked(code, *mask.shape)
            assert left_out == 0
            np.testing.assert_array_equal(rasterised(safe, *mask.shape), mask)
            assert checked_runs(code, mask.shape).area == mask.sum()
        else:
            with pytest.raises(EmptyMaskError):
                checked(code, *mask.shape)
            with pytest.raises(EmptyMaskError):
                checked_runs(code, mask.shape)


def test_runs_of_length_zero_are_allowed() -> None:
    code = {"size": [2, 3], "counts": [0, 1, 0, 2, 3]}
    expected = np.array([1, 1, 1, 0, 0, 0], bool).reshape(3, 2).T
    np.testing.assert_array_equal(rasterised(checked(code, 2, 3)[0], 2, 3), expected)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=30), st.text(st.characters(min_codepoint=48, max_codepoint=111))))
@example("")
@example("`" * 50)
@example("o" * 14 + "0")
@example("PPYo0")
@example("\ud800")
def test_hostile_compressed_counts_never_reach_c(text: str) -> None:
    """Either a mask that pycocotools reads in the same way, or MalformedMaskError."""
    code = {"size": [6, 7], "counts": text}
    try:
        runs = runs_of(code, 6, 7)
    except MalformedMaskError:
        return
    assert (runs.ends > runs.starts).all()
    np.testing.assert_array_equal(rasterised(code, 6, 7), coco_mask.decode(code).astype(bool))


@pytest.mark.parametrize(
    "code",
    [
        {"size": [6, 7], "counts": [42, 1]},
        {"size": [6, 7], "counts": [41]},
        {"size": [6, 7], "counts": [-1, 43]},
        {"size": [6, 7], "counts": [50, -8]},
        {"size": [6, 7], "counts": [2**31, 42 - 2**31]},
        {"size": [6, 7], "counts": [10**30]},
        {"size": [6, 7], "counts": [2**62, 2**62, 2**62, 2**62, 42]},
        {"size": [6, 7], "counts": [21.0, 21.0]},
        {"size": [6, 7], "counts": [True] * 42},
        {"size": [6, 7], "counts": ["42"]},
        {"size": [6, 7], "counts": [[42]]},
        {"size": [6, 7], "counts": []},
        {"size": [6, 7], "counts": 42},
        {"size": [6, 7], "counts": None},
        {"size": [7, 6], "counts": [42]},
        {"size": [6], "counts": [42]},
        {"size": "6x7", "counts": [42]},
        {"counts": [42]},
        {"size": [6, 7]},
        "polygon",
        3,
        [1, 1, 5, 1, 5, 5],
        [[1, 1, 5, 1, 5, 5, 2]],
        [[1, 1, "5", 1, 5, 5]],
        [[1, 1, None, 1, 5, 5]],
        [[[1, 1], [5, 1], [5, 5]]],
        [[1, 1, math.nan, 1, 5, 5]],
        [[1, 1, math.inf, 1, 5, 5]],
        [[1, 1, 1e9, 1, 5, 5]],
        [[1, 1, -1e300, 1, 5, 5]],
        [[1, 1, 10**400, 1, 5, 5]],
        [[0, 0, 6, 0, 6, 6, 0, 6] * 1000],
    ],
)
def test_malformed_segmentations(code: object) -> None:
    with pytest.raises(MalformedMaskError):
        checked(code, 6, 7)


@pytest.mark.parametrize(
    "polygons",
    [
        [],
        [[]],
        [[1, 1]],
        [[1, 1, 5, 5]],  # pycocotools would take four numbers for a box
        [[3, 3, 3, 3, 3, 3]],
        [[3.1, 3.1, 3.2, 3.1, 3.2, 3.2]],
        [[8, 8, 12, 8, 12, 11]],  # beside the image
    ],
)
def test_polygons_without_a_pixel_are_empty(polygons: list[list[float]]) -> None:
    with pytest.raises(EmptyMaskError):
        checked(polygons, 6, 7)


def test_useless_parts_of_polygons_are_left_out_and_counted() -> None:
    good = [1.0, 1.0, 5.0, 1.0, 5.0, 5.0]
    safe, left_out = checked([[1, 1], good, [2, 2, 2, 2, 2, 2]], 6, 7)
    assert safe == [good]
    assert left_out == 2


COORDINATE = st.floats(-30, 60, width=16)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(COORDINATE, min_size=6, max_size=16), min_size=1, max_size=3))
def test_polygons_are_rasterised_as_pycocotools_does(parts: list[list[float]]) -> None:
    parts = [part[: len(part) // 2 * 2] for part in parts]
    expected = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(parts, 30, 34)))
    try:
        safe, _ = checked(parts, 30, 34)
    except EmptyMaskError:
        assert not expected.any()
        return
    np.testing.assert_array_equal(rasterised(safe, 30, 34), expected.astype(bool))


@settings(max_examples=200, deadline=None)
@given(MASKS.filter(lambda mask: bool(mask.any())))
def test_enclosing_box_holds_whole_pixels(mask: np.ndarray[Any, Any]) -> None:
    rows, columns = np.nonzero(mask)
    runs = runs_of(compressed(mask), *mask.shape)
    expected = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert enclosing_box(runs, mask.shape[0]) == expected


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(MASKS)
@example(np.ones((1, 1), bool))
@example(np.zeros((3, 2), bool))
def test_segments_of_maps_are_their_pixels(tmp_path: Path, mask: np.ndarray[Any, Any]) -> None:
    height, width = mask.shape
    path = tmp_path / "map.png"
    write_ids(path, np.where(mask, 70_000, 5).astype(np.int32))
    segment = MapSegment(path, 70_000)
    if not mask.any():
        with pytest.raises(DataError, match=r"D15.*map\.png has no pixel of segment 70000"):
            runs_of(segment, height, width)
        return
    assert runs_of(segment, height, width).area == mask.sum()
    np.testing.assert_array_equal(rasterised(segment, height, width), mask)
    with pytest.raises(DataError, match="D15"):
        rasterised(segment, height + 1, width)
