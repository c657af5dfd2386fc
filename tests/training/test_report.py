"""The page about a run is complete, escaped and alone, also after a resume."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.data.coco.reader import read_coco
from relook.errors import RelookError
from relook.evaluation.coco import evaluate_coco
from relook.evaluation.files import save_predictions
from relook.ops.rle import encode_window
from relook.runtime.files import write_text
from relook.training.report import report_on, report_page
from relook.training.run_folder import RunFolder
from relook.training.settings import Settings
from relook.training.sources import Sources, read_sources

ROWS = [
    {"step": 1, "epoch": 0, "lr": 0.1, "seconds_per_step": 1, "loss": 3.0, "rpn.box": 1.0},
    {"step": 2, "epoch": 0, "val/mask_ap": 0.25, "val/box_ap": float("nan"), "val/f1": 0.5},
]


def test_the_page_holds_everything_and_escapes_it() -> None:
    page = report_page("a <run>", ["plan: 1 < 2"], ROWS, None, Image.new("RGB", (8, 8)))
    for part in ("a &lt;run&gt;", "1 &lt; 2", "rpn.box", "mask AP: 0.25", "F1: 0.5", "First batch"):
        assert part in page
    assert "<script" not in page
    assert "box AP" not in page  # nothing but nan


def test_a_panoptic_training_has_its_quality_drawn() -> None:
    quality = {"val/pq": 0.4, "val/pq_things": 0.5, "val/pq_stuff": 0.3}
    page = report_page("t", [], [*ROWS, {"step": 3, "epoch": 1, **quality}], None, None)
    for part in ("Panoptic quality", "PQ: 0.4", "things: 0.5", "stuff: 0.3"):
        assert part in page
    assert "Panoptic quality" not in report_page("t", [], ROWS, None, None)


def test_nothing_recorded_is_said() -> None:
    page = report_page("t", [], [], None, None)
    assert "Nothing was recorded." in page
    assert "<svg" not in page


@pytest.fixture
def sources(small: Settings) -> Sources:
    return read_sources(small)[1]


@pytest.fixture
def run(tmp_path: Path, sources: Sources) -> RunFolder:
    """A run whose best model found every object of the first image and nothing else."""
    run = RunFolder(tmp_path / "run")
    assert sources.val is not None
    image, *_ = sources.val.images
    found = []
    for thing in image.objects:
        x1, y1, x2, y2 = map(int, thing.box)
        mask = encode_window(np.ones((y2 - y1, x2 - x1), dtype=bool), x1, y1, (64, 64))
        row = {"image_id": image.id, "category_id": 7, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        found.append({**row, "score": 0.75, "segmentation": mask})
    save_predictions(run.predictions, found)
    write_text(run.metrics, "".join(json.dumps(row) + "\n" for row in ROWS))
    return run


def report(run: RunFolder, settings: Settings, sources: Sources, known: Any) -> tuple[Any, str]:
    said: list[str] = []
    metrics = report_on(run, settings, sources, ["plan"], known, 60, 20, None, said.append)
    assert f"report: {run.report}" in said
    assert f"trained for 1:00 min, 20 s of it in validation; model: {run.best}" in said
    return metrics, "\n".join(said) + run.report.read_text()


def test_a_resumed_run_knows_the_numbers_of_its_best_model(
    run: RunFolder, small: Settings, sources: Sources
) -> None:
    metrics, page = report(run, small, sources, None)
    assert metrics.num_detections == 2
    assert metrics.best_counting.recall == pytest.approx(2 / 7)
    assert (run.path / "metrics.csv").is_file()
    for words in (f"{metrics.mask.ap:.3f}", "from score 0.75", "Worst images", "Missed objects"):
        assert words in page


def test_numbers_that_are_known_are_taken(
    run: RunFolder, small: Settings, sources: Sources, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert sources.val is not None
    known = evaluate_coco(sources.val.path, json.loads(run.predictions.read_text()))
    monkeypatch.delattr("relook.training.report.evaluate_coco")
    metrics, page = report(run, small, sources, known)
    assert metrics is known
    assert "Missed objects" in page


def test_validation_with_other_ids_of_the_classes(
    run: RunFolder, small: Settings, sources: Sources
) -> None:
    assert sources.val is not None
    content = json.loads(
        sources.val.path.read_text().replace('"category_id": 7', '"category_id": 3')
    )
    content["categories"] = [{"id": 3, "name": "blob"}]
    other = sources.val.path.with_name("other.json")
    other.write_text(json.dumps(content))
    val = read_coco(other, sources.val.images[0].path.parent, classes=["blob"])
    metrics, _ = report(run, small, Sources(sources.train, val, sources.semantics), None)
    assert metrics.num_detections == 2
    assert metrics.mask.ap50 == pytest.approx(29 / 101)


def test_predictions_that_cannot_be_used_do_not_fail_a_finished_training(
    run: RunFolder, small: Settings, sources: Sources
) -> None:
    run.predictions.write_text('[{"image_id": 99}]')
    metrics, page = report(run, small, sources, None)
    assert metrics is None
    assert "the report has no part about the best model: data error D04" in page
    assert "<h2" in page and "Missed objects" not in page


def test_without_validation_there_is_the_training(
    run: RunFolder, small: Settings, sources: Sources
) -> None:
    metrics, page = report(run, small, Sources(sources.train, None, sources.semantics), None)
    assert metrics is None
    assert "Losses by name" in page and "Missed objects" not in page


@pytest.mark.parametrize("error", [TypeError("of a width of 0"), RelookError("R02", "is full")])
def test_a_page_that_cannot_be_made_does_not_fail_a_finished_training(
    run: RunFolder,
    small: Settings,
    sources: Sources,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise error

    monkeypatch.setattr("relook.training.report.page", broken)
    said: list[str] = []
    metrics = report_on(run, small, sources, ["plan"], None, 60, 20, "too few", said.append)
    assert metrics is not None and metrics.num_detections == 2
    assert "too few" in said and f"the report could not be written: {error}" in said
    monkeypatch.undo()
    monkeypatch.setattr("relook.training.report.study", broken)
    metrics = report_on(run, small, sources, ["plan"], None, 60, 20, "9 updates", said.append)
    assert metrics is None
    assert f"the report has no part about the best model: {error}" in said
    assert "9 updates" in run.report.read_text()
