"""Details of an evaluation as csv."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from relook.evaluation.coco import evaluate_coco
from relook.evaluation.confusion import Confusion
from relook.evaluation.error_split import ErrorSplit, split_errors
from relook.evaluation.ground_truth import read_ground_truth
from relook.evaluation.metrics import Metrics
from relook.evaluation.tables import by_precision, save_tables

Rows = list[list[str]]


@pytest.fixture(scope="module")
def written(
    coco_mini: Any, noisy: Any, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Metrics, dict[str, Rows]]:
    predictions = noisy(coco_mini)
    metrics = evaluate_coco(coco_mini, predictions)
    split = split_errors(read_ground_truth(coco_mini), predictions, kind="mask", max_dets=100)
    folder = tmp_path_factory.mktemp("tables")
    save_tables(folder, metrics, Confusion(("a, b", "c"), np.arange(9).reshape(3, 3)), split)
    return metrics, {path.stem: read(path) for path in folder.iterdir()}


def read(path: Path) -> Rows:
    with path.open(newline="") as file:
        return list(csv.reader(file))


def test_classes_are_sorted_by_precision(written: Any) -> None:
    metrics, tables = written
    head, *rows = tables["classes"]
    assert head[:4] == ["id", "class", "objects", "detections"]
    assert head[4:] == ["box_ap", "box_ap50", "box_ar", "mask_ap", "mask_ap50", "mask_ar"]
    assert len(rows) == len(metrics.box.classes)
    precision = [float(row[7]) if row[7] else -1 for row in rows]
    assert precision == sorted(precision, reverse=True)
    assert precision[-1] == -1 and precision[0] > 0
    known = [float(row[9]) for row in rows if row[9]]
    assert np.mean(known) == pytest.approx(metrics.mask.ar_n, abs=1e-5)
    assert sum(int(row[2]) for row in rows) == metrics.num_objects


def test_precision_is_written_for_every_class_and_for_all(written: Any) -> None:
    metrics, tables = written
    head, *rows = tables["pr_curves"]
    assert head == ["id", "class", "iou", "recall", "precision"]
    mean = [float(row[4]) for row in rows if row[0] == "" and row[2] == "0.50"]
    assert len(mean) == 101
    assert np.mean(mean) == pytest.approx(metrics.mask.ap50, abs=1e-5)
    person = [float(row[4]) for row in rows if row[1] == "person" and row[2] == "0.50:0.95"]
    assert np.mean(person) == pytest.approx(metrics.mask.per_class["person"], abs=1e-5)


def test_the_rest_is_as_it_was_given(written: Any) -> None:
    metrics, tables = written
    assert tables["confusion"][0] == ["truth \\ found", "a, b", "c", "background"]
    assert tables["confusion"][3] == ["background", "6", "7", "8"]
    assert [row[0] for row in tables["errors"][1:]][-1] == "missed"
    best = max(float(row[3]) for row in tables["f1_curve"][1:] if row[3])
    assert best == pytest.approx(metrics.best_counting.f1, abs=0.02)


def test_without_masks_boxes_decide(small: Any) -> None:
    metrics = evaluate_coco(small, [], iou_types=("bbox",))
    assert [mask for _, mask in by_precision(metrics)] == [None, None]
    assert [box.name for box, _ in by_precision(metrics)] == ["cell", "dust"]


def test_bytes_are_those_of_the_csv_module_and_formulas_stay_text(
    written: Any, tmp_path: Path
) -> None:
    metrics, tables = written
    split = ErrorSplit(0.5, ())
    for name, shown in (("a, b", '"a, b"'), ('=HYPERLINK("x")', '"\'=HYPERLINK(""x"")"')):
        save_tables(tmp_path, metrics, Confusion((name,), np.arange(4).reshape(2, 2)), split)
        lines = (tmp_path / "confusion.csv").read_bytes().splitlines(keepends=True)
        assert lines[1] == f"{shown},0,1\n".encode()
    for stem, rows in tables.items():
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(rows)
        if stem != "confusion" and stem != "errors":
            assert (tmp_path / f"{stem}.csv").read_text() == text.getvalue()
