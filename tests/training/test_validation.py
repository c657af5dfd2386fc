"""Records and validations around the steps; whole trainings are in test_loop."""

from __future__ import annotations

import contextlib
import io
import json
import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console

from relook.api import load
from relook.data.coco.reader import read_coco
from relook.evaluation.coco import evaluate_coco
from relook.evaluation.metrics import Metrics
from relook.evaluation.run import evaluate_model
from relook.inference.predictor import Predictor
from relook.inference.results import SHOWN_FROM
from relook.training.loop import train
from relook.training.settings import Settings
from relook.training.validation import Validation, headline, in_file_order, validation_row
from relook.weights.file import load_model


def _console() -> Console:
    return Console(width=200, file=io.StringIO())


def test_validation_while_training_is_the_evaluation_afterwards(
    small: Settings, tmp_path: Path
) -> None:
    """The same images, the same model: the same detections and the same numbers."""
    outcome = train(small, _console(), out=tmp_path / "run")
    saved = load_model(outcome.run.best)
    predictor = Predictor(saved.detector, saved.config, saved.classes, device="cpu")
    assert small.data.val_json is not None and small.data.val_images is not None
    index = read_coco(small.data.val_json, small.data.val_images)
    after = evaluate_model(predictor, index, max_dets=small.train.max_dets)
    during = json.loads(outcome.run.predictions.read_text())
    assert len(during) == len(after.predictions) > 0
    for first, second in zip(during, after.predictions, strict=True):
        assert first["score"] == pytest.approx(second["score"], abs=1e-6)
        assert first["bbox"] == pytest.approx(second["bbox"], abs=1e-3)
        assert first["segmentation"] == second["segmentation"]
    assert outcome.metrics is not None and outcome.metrics.mask is not None
    assert after.metrics.mask is not None
    assert outcome.metrics.mask.ap == pytest.approx(after.metrics.mask.ap, abs=1e-9)


def test_validation_without_sizes_in_the_file_reads_them_from_the_images(
    small: Settings, tmp_path: Path
) -> None:
    assert small.data.val_json is not None
    document = json.loads(small.data.val_json.read_text())
    for image in document["images"]:
        del image["width"], image["height"]
    bare = tmp_path / "bare.json"
    bare.write_text(json.dumps(document))
    outcome = train(small.with_(data__val_json=bare), _console(), out=tmp_path / "run")
    assert outcome.metrics is not None and outcome.metrics.num_objects == 7


def test_the_best_threshold_is_kept_with_the_best_model(
    make_settings: Callable[..., Settings], blobs: Path, tmp_path: Path
) -> None:
    console = _console()
    outcome = train(make_settings(blobs, epochs=3), console, out=tmp_path / "run")
    assert outcome.metrics is not None
    best = outcome.metrics.best_counting
    assert best is not None and best.threshold != SHOWN_FROM
    assert load(outcome.run.path, device="cpu").shown_from == best.threshold
    predictions = json.loads(outcome.run.predictions.read_text())
    after = evaluate_coco(
        blobs, predictions, max_dets=outcome.metrics.max_dets, count_from=best.threshold
    )
    assert after.counting == best
    [row] = [r for r in outcome.run.rows() if r.get("val/mask_ap") == _rounded_ap(outcome.metrics)]
    assert row["val/f1"] == pytest.approx(best.f1, abs=1e-5)
    assert row["val/count_error"] == pytest.approx(best.count_error, abs=1e-5)
    assert isinstance(console.file, io.StringIO)
    assert f"F1 {best.f1:.3f} and count error {best.count_error:.2f}" in console.file.getvalue()


def _rounded_ap(metrics: Metrics) -> float:
    assert metrics.mask is not None
    return round(metrics.mask.ap, 5)


def test_no_threshold_is_kept_where_no_object_was_found(blobs: Path) -> None:
    row = validation_row(7, 1, evaluate_coco(blobs, [], iou_types=("bbox",)))
    assert "val/f1" not in row and "val/box_ap" in row


def test_rows_and_the_headline_are_of_masks_where_there_are_masks(blobs: Path) -> None:
    document = json.loads(blobs.read_text())
    perfect = [
        {
            "image_id": a["image_id"],
            "category_id": a["category_id"],
            "bbox": a["bbox"],
            "score": 1.0,
        }
        for a in document["annotations"]
    ]
    metrics = evaluate_coco(blobs, perfect, iou_types=("bbox",))
    assert headline(metrics) == pytest.approx(1.0)
    row = validation_row(7, 1, metrics)
    assert (row["step"], row["epoch"], row["val/box_ap"]) == (7, 1, pytest.approx(1.0))
    assert not any("mask" in key for key in row)
    assert (row["val/f1"], row["val/count_error"]) == (1.0, 0.0)
    document["annotations"] = []
    blobs.write_text(json.dumps(document))
    assert headline(evaluate_coco(blobs, [], iou_types=("bbox",))) == 0.0
    assert math.isnan(evaluate_coco(blobs, [], iou_types=("bbox",)).box.ap)


def test_what_processes_found_is_put_in_the_order_of_the_file() -> None:
    """Image 5 was looked at twice, and counts once."""
    first = [{"image_id": 5, "score": 0.9}, {"image_id": 5, "score": 0.8}, {"image_id": 2}]
    second = [{"image_id": 9}, {"image_id": 5, "score": 0.9}]
    assert in_file_order([first, second], [9, 5, 4, 2]) == [second[0], *first]
    assert in_file_order([[], []], [1, 2]) == []


@pytest.mark.parametrize(
    ("images", "seconds", "expected", "predicted"),
    [
        (8, [9.0, 1.0, 2.0, 3.0], 8 * 2.0, [0, 2, 4, 6]),  # the first one warms up
        (1, [4.0], 4.0, [0]),
        (40, [11.0], 440.0, [0]),  # longer than LONG: one is enough
    ],
)
def test_a_few_images_tell_how_long_a_validation_takes(
    monkeypatch: pytest.MonkeyPatch,
    images: int,
    seconds: list[float],
    expected: float,
    predicted: list[int],
) -> None:
    now, seen, times = [0.0], [], iter(seconds)

    def step(batch: Any, number: int) -> None:
        seen.append(batch.name)
        now[0] += next(times)

    batches = [SimpleNamespace(name=number) for number in range(images)]
    for batch in batches:
        batch.to = lambda _, batch=batch: batch
    loader = SimpleNamespace(sampler=range(images), dataset=batches, collate_fn=lambda row: row[0])
    module = SimpleNamespace(
        modules=list,
        eval=lambda: None,
        on_validation_epoch_start=lambda: None,
        validation_step=step,
        device="cpu",
    )
    plugin = SimpleNamespace(val_step_context=contextlib.nullcontext)
    validation = Validation.__new__(Validation)
    validation.loader, validation.expected = cast(Any, loader), None
    monkeypatch.setattr("relook.training.validation.time.monotonic", lambda: now[0])
    validation.measure(cast(Any, SimpleNamespace(precision_plugin=plugin)), cast(Any, module))
    assert validation.expected == expected
    assert seen == predicted
