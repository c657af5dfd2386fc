"""Real microscope images through training, evaluation and prediction, under each semantics."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

import relook
from relook.training.loop import train
from relook.training.settings import Overlay, resolve

NUCLEI = Path(__file__).parents[2] / "datasets" / "nuclei"
IMAGES = 4


@pytest.mark.parametrize("semantics", ["none", "instances", "auto"])
def test_nuclei_run_end_to_end(
    semantics: str,
    narrow: Overlay,
    few_nuclei: Callable[[str, Path, int], Path],
    tmp_path: Path,
) -> None:
    data = {
        "train_json": few_nuclei("train", tmp_path, IMAGES),
        "val_json": few_nuclei("val", tmp_path, IMAGES),
        "train_images": NUCLEI / "images",
        "val_images": NUCLEI / "images",
    }
    model = {"input": {"size": [256, 256]}}  # whole images, not tiles of them
    train_ = {"epochs": 1, "semantics": semantics}
    changes = Overlay(model=model, train=train_, data=data)
    settings = resolve([narrow, changes], preset_name="detectors-htc-tiny")
    console = Console(width=200, file=io.StringIO())
    outcome = train(settings, console, out=tmp_path / "run")
    assert isinstance(console.file, io.StringIO)
    said = console.file.getvalue()
    words = {"none": "No semantic branch is trained: asked for."}
    assert words.get(semantics, "The semantic branch learns from the objects:") in said
    assert outcome.metrics is not None and outcome.metrics.mask is not None
    model = relook.load(tmp_path / "run", device="cpu")
    assert (model.detector.semantic is None) == (semantics == "none")
    first = json.loads(data["val_json"].read_text())["images"][0]
    result = model.predict(NUCLEI / "images" / first["file_name"])
    assert result.size == (first["height"], first["width"])
    assert len(result.to_coco(first["id"])) == len(result)
