"""The first part: evaluated, drawn, and compared with no learning."""

from __future__ import annotations

import json
from pathlib import Path

from examples.demo.datasets import find_data, part_of
from examples.demo.nuclei import show_nuclei
from PIL import Image
from rich.console import Console

from relook.inference.predictor import Predictor
from relook.training.start.source import Start


def test_evaluates_draws_and_compares(
    shipped: Start, blob_sets: Path, tmp_path: Path, console: Console
) -> None:
    index = find_data(blob_sets, "nuclei").validation()
    predictor = Predictor.of(shipped.saved)
    model, threshold = show_nuclei(predictor, index, 2, tmp_path, console)
    with Image.open(tmp_path / "nuclei.jpg") as picture:
        assert min(picture.size) > 300
    assert json.loads((tmp_path / "metrics.json").read_text())["images"] == 4
    assert isinstance(json.loads((tmp_path / "predictions.json").read_text()), list)
    assert model.images_per_second is not None
    # Bright rectangles on a dark ground need no learning.
    mask = threshold.metrics.mask
    assert mask is not None
    assert (mask.ap, mask.ap50) == (1.0, 1.0)
    assert "evaluated 4 of 4 images" in console.file.getvalue()  # type: ignore[attr-defined]


def test_images_that_are_left_out_do_not_count_as_missed(
    shipped: Start, blob_sets: Path, tmp_path: Path, console: Console
) -> None:
    index = part_of(find_data(blob_sets, "nuclei").validation(), 2)
    predictor = Predictor.of(shipped.saved)
    rows = show_nuclei(predictor, index, 1, tmp_path, console)
    assert [row.metrics.num_images for row in rows] == [2, 2]
    mask = rows[1].metrics.mask
    assert mask is not None and mask.ap == 1.0
