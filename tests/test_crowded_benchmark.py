"""benchmarks/crowded.py, on a small mosaic."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from relook.inference.results import Result

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import crowded


def test_an_object_is_found_once() -> None:
    boxes = np.array([[0, 0, 10, 10], [20, 0, 30, 10]], np.float32)
    found = np.array([[0, 0, 10, 9], [0, 0, 9, 10], [22, 0, 30, 10], [50, 50, 60, 60]], np.float32)
    result = Result(found, np.ones(4, np.float32), np.zeros(4, np.int64), None, (60, 60), ())
    assert crowded.hits(result, boxes) == 2
    assert crowded.hits(result, boxes[:1]) == 1
    assert crowded.hits(result, boxes, iou=0.95) == 0


def test_a_mosaic_is_predicted_with_every_cap(capsys: pytest.CaptureFixture[str]) -> None:
    picture, boxes = crowded.mosaic(tiles=2)
    assert boxes[:, 2].max() <= picture.shape[1] and boxes[:, 3].max() <= picture.shape[0]
    crowded.main(["--tiles", "2", "--size", "192", "--max-dets", "5", "900"])
    lines = capsys.readouterr().out.splitlines()
    assert "max_dets 5: 600 to 600 proposals, 5 detections" in lines[-2]
    assert "max_dets 900: 600 to 1800 proposals" in lines[-1]
