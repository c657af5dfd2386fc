"""Shapes of LabelMe."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from relook.inference.results import Result
from relook.inference.writers.labelme import labelme_record

Fill = Callable[[list[list[float]], tuple[int, int]], NDArray[np.bool_]]


def test_masks_come_back_by_group(
    odd: Result, masks: list[NDArray[np.bool_]], filled: Fill, as_json: Callable[[Any], Any]
) -> None:
    record = as_json(labelme_record(odd, "../a.png"))
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


def test_the_image_is_found_from_the_json(tmp_path: Path, odd: Result) -> None:
    image = tmp_path / "images" / "a.png"
    image.parent.mkdir()
    image.touch()
    path = tmp_path / "out" / "labelme" / "a.json"
    replace(odd, source=str(image)).save(path, "labelme")
    named = json.loads(path.read_text())["imagePath"]
    assert named == "../../images/a.png" and (path.parent / named).is_file()
    replace(odd, source="archive.zip/a.png").save(path, "labelme")
    assert json.loads(path.read_text())["imagePath"] == "a.png"
