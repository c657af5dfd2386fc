"""Annotated beside found."""

from __future__ import annotations

from pathlib import Path

from examples.demo.datasets import find_data
from examples.demo.pictures import comparison

from relook.inference.predictor import Predictor
from relook.training.start.source import Start


def test_no_image_is_shown_twice(shipped: Start, blob_sets: Path) -> None:
    predictor, index = Predictor.of(shipped.saved), find_data(blob_sets, "nuclei").validation()
    few = comparison(predictor, index, count=2, max_dets=10)
    all_four = comparison(predictor, index, count=9, max_dets=10)
    assert all_four.height > few.height
    assert all_four.width == few.width
