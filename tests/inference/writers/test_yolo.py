"""Labels of YOLO."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import yaml
from numpy.typing import NDArray

from relook.inference.results import Result
from relook.inference.writers.yolo import yolo_lines, yolo_yaml

Fill = Callable[[list[list[float]], tuple[int, int]], NDArray[np.bool_]]


def test_masks_come_back_from_the_shares(
    odd: Result, masks: list[NDArray[np.bool_]], filled: Fill
) -> None:
    lines = yolo_lines(odd)
    assert [line.split()[0] for line in lines] == ["0", "1", "0"]
    height, width = odd.size
    for line, mask in zip(lines, masks, strict=False):
        shares = np.array(line.split()[1:], np.float64).reshape(-1, 2)
        assert shares.min() >= 0 and shares.max() <= 1
        ring = (shares * (width, height)).ravel().tolist()
        assert (filled([ring], odd.size) == mask).all()


def test_classes_are_named_by_row(odd: Result) -> None:
    assert yaml.safe_load(yolo_yaml(odd.classes))["names"] == {0: "cell", 1: "=crystal"}
