"""Shapes of LabelMe."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from relook.inference.results import Result
from relook.inference.writers.labelme import labelme_record

Fill = Callable[[list[list[float]], tuple[int, int]], NDArray[np.bool_]]


def test_masks_come_back_by_group(
    odd: Result, masks: list[NDArray[np.bool_]], filled: Fill
) -> None:
    record = json.loads(json.dumps(labelme_record(odd, "../a.png")))
    assert (record["imagePath"], record["imageHeight"], record["imageWidth"]) == (
        "../a.png",
        12,
        16,
    )
    shapes = record["shapes"]
    assert [shape["group_id"] for shape in shapes] == [None, 2, 2, None]
    rings = {0: shapes[:1], 1: shapes[1:3], 2: shapes[3:]}
    for number, parts in rings.items():
        points = [np.array(part["points"]).ravel().tolist() for part in parts]
        assert (filled(points, odd.size) == masks[number]).all()
    assert shapes[0]["label"] == "cell" and shapes[0]["description"] == "score 0.9000"
