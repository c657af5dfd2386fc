"""Small results with masks that are known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from relook.data.coco.reader import Category
from relook.inference.results import Result
from relook.ops.rle import encode_mask

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
