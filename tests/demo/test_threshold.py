"""The method that learns nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from examples.demo.threshold import connected_parts, evaluate_threshold

from relook.data.coco.reader import read_coco
from relook.ops.rle import decode_window

NUCLEI = Path(__file__).parents[2] / "datasets" / "nuclei"


@pytest.mark.parametrize("dark_objects", [False, True])
def test_parts_are_found_on_dark_and_on_bright_ground(dark_objects: bool) -> None:
    image = np.full((60, 80, 3), 20, dtype=np.uint8)
    image[10:30, 20:40] = 220
    image[40:50, 50:60] = 220
    image[5, 70] = 220  # noise
    parts = connected_parts(255 - image if dark_objects else image)
    assert [part["bbox"] for part in parts] == [[20, 10, 20, 20], [50, 40, 10, 10]]
    assert parts[0]["score"] == 0.4 > parts[1]["score"]
    window, left, top = decode_window(parts[0]["segmentation"])
    assert (left, top) == (20, 10) and window.all() and window.shape == (20, 20)


def test_the_line_to_beat_on_real_nuclei() -> None:
    index = read_coco(NUCLEI / "annotations" / "instances_val.json", NUCLEI / "images")
    metrics = evaluate_threshold(index, max_dets=500)
    assert metrics.mask is not None
    # An independent measurement of such a method on these images: 0.243 and 0.429.
    assert metrics.mask.ap == pytest.approx(0.243, abs=0.01)
    assert metrics.mask.ap50 == pytest.approx(0.429, abs=0.015)
