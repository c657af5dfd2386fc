from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from relook.data.coco.duplicates import find_duplicates
from relook.data.coco.records import ObjectRecord
from relook.data.coco.segmentation import runs_of
from relook.ops.runs import Runs

Array = np.ndarray[Any, Any]


def square(number: int, x: float, side: float = 9, label: int = 0, **more: bool) -> ObjectRecord:
    polygon = [[x, 5, x + side, 5, x + side, 5 + side, x, 5 + side]]
    segmentation = None if more.get("boxes") else polygon
    return ObjectRecord(number, label, (x, 5, x + side, 5 + side), segmentation, False, side**2)


def pairs(*objects: ObjectRecord, images: list[int] | None = None) -> list[tuple[int, int]]:
    rows = np.array(images or [0] * len(objects))
    return find_duplicates(objects, rows, [(40, 60)] * 2)


def test_duplicates() -> None:
    assert pairs(square(1, 3), square(2, 20), square(3, 3)) == [(0, 2)]
    assert pairs(square(1, 3), square(2, 3), square(3, 3)) == [(0, 1), (0, 2)]
    assert pairs(square(1, 3), square(2, 4)) == []
    assert pairs(square(1, 3), square(2, 3, label=1)) == []
    assert pairs(square(1, 3), square(2, 3), images=[0, 1]) == []
    assert pairs(square(1, 3, boxes=True), square(2, 3.3, boxes=True)) == [(0, 1)]
    assert pairs(square(1, 3, boxes=True), square(2, 4, boxes=True)) == []
    assert pairs() == pairs(square(1, 3)) == []


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(bool, (2, 5, 6)))
def test_overlap_is_that_of_the_pixels(masks: Array) -> None:
    def runs(mask: Array) -> Runs:
        flat = mask.T.ravel()
        edges = np.flatnonzero(np.diff(flat, prepend=False)).tolist()
        code = {"size": [5, 6], "counts": np.diff([0, *edges, flat.size]).tolist()}
        return runs_of(code, 5, 6)

    union = (masks[0] | masks[1]).sum()
    expected = (masks[0] & masks[1]).sum() / union if union else 0
    assert runs(masks[0]).iou(runs(masks[1])) == expected


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_any_two_objects_are_looked_at_once(a: int, b: int) -> None:
    found = pairs(square(1, a / 2), square(2, b / 2))
    assert a != b or found == [(0, 1)]
    assert abs(a - b) < 2 or found == []
