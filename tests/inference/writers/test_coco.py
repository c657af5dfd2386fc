"""COCO polygons, read again by pycocotools."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from relook.inference.results import Result
from relook.inference.writers.coco import coco_annotations, coco_categories, coco_image

Fill = Callable[[list[list[float]], tuple[int, int]], NDArray[np.bool_]]


def test_masks_come_back_from_the_polygons(
    odd: Result, masks: list[NDArray[np.bool_]], filled: Fill
) -> None:
    rows = list(coco_annotations(odd, 5, 10))
    assert [row["id"] for row in rows] == [10, 11, 12]
    for row, mask in zip(rows, masks, strict=False):
        assert (filled(row["segmentation"], odd.size) == mask).all()
        assert row["area"] == mask.sum()
        assert row["score"] == row["attributes"]["score"]
    assert {row["category_id"] for row in rows} == {3, 7}


def test_images_and_categories(odd: Result) -> None:
    assert coco_image(odd, 5, "a.png") == {
        "id": 5,
        "file_name": "a.png",
        "width": 16,
        "height": 12,
    }
    assert [row["name"] for row in coco_categories(odd.classes)] == ["cell", "=crystal"]
