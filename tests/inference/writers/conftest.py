"""Small results with masks that are known."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from relook.data.coco.reader import Category
from relook.inference.results import Result
from relook.ops.rle import decode_window, encode_mask
from relook.runtime.json_files import dump_json

CLASSES = (Category(3, "cell"), Category(7, "=crystal"))


def small_result(masks: list[np.ndarray], boxes: list[list[float]] | None = None) -> Result:
    """A result of these masks, or of boxes only; best first, classes in turn."""
    count = len(boxes if boxes is not None else masks)
    size = (6, 8) if boxes is not None else masks[0].shape
    return Result(
        boxes=np.array(boxes if boxes is not None else [[0, 0, 2, 2]] * count, np.float32),
        scores=np.linspace(0.9, 0.5, count, dtype=np.float32),
        labels=np.arange(count) % 2,
        masks=None if boxes is not None else tuple(encode_mask(mask) for mask in masks),
        size=(int(size[0]), int(size[1])),
        classes=CLASSES,
        source="a.png",
    )


@pytest.fixture
def result_of() -> Callable[..., Result]:
    """Make a result: see `small_result`."""
    return small_result


def odd_masks() -> list[np.ndarray]:
    """A ring, an object of two parts, a square at the border, and a mask without pixels."""
    ring = np.zeros((12, 16), bool)
    ring[1:6, 1:6] = True
    ring[3, 3] = False
    parts = np.zeros((12, 16), bool)
    parts[7:9, 2:5] = parts[9:11, 8:12] = True
    corner = np.zeros((12, 16), bool)
    corner[:3, 12:] = True
    return [ring, parts, corner, np.zeros((12, 16), bool)]


@pytest.fixture
def masks() -> list[np.ndarray]:
    """Masks (12, 16) of four objects: see `odd_masks`."""
    return odd_masks()


@pytest.fixture
def odd(masks: list[np.ndarray]) -> Result:
    """A result with these masks."""
    return small_result(masks)


def filled_by_pycocotools(rings: list[list[float]], size: tuple[int, int]) -> np.ndarray:
    """The mask of COCO polygons as pycocotools fills them."""
    code = coco_mask.merge(coco_mask.frPyObjects(rings, *size))
    window, left, top = decode_window({**code, "counts": code["counts"].decode()})
    mask = np.zeros(size, bool)
    mask[top : top + window.shape[0], left : left + window.shape[1]] = window
    return mask


@pytest.fixture
def filled() -> Callable[[list[list[float]], tuple[int, int]], np.ndarray]:
    """Fill polygons: see `filled_by_pycocotools`."""
    return filled_by_pycocotools


@pytest.fixture
def result_of_boxes() -> Result:
    """A result of a model for boxes, with one object."""
    return small_result([], [[1.0, 1.0, 4.0, 3.0]])


@pytest.fixture
def as_json() -> Callable[[Any], Any]:
    """Write a value as json, and read it again."""

    def written(value: Any) -> Any:
        file = io.StringIO()
        dump_json(file, value)
        return json.loads(file.getvalue())

    return written
