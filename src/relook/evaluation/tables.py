"""The details of an evaluation as tables for spreadsheets and plots (csv)."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from pathlib import Path

from ..runtime.csv_files import write_csv
from .confusion import Confusion
from .curves import LEVELS, Values
from .error_split import ErrorSplit
from .metrics import ClassScore, Metrics

Cell = str | int | float


def by_precision(metrics: Metrics) -> list[tuple[ClassScore, ClassScore | None]]:
    """Scores of every class for boxes and masks, the highest AP of `metrics.kind` first.

    Classes without objects, which have no AP, come last.
    """
    masks = [None] * len(metrics.box.classes) if metrics.mask is None else metrics.mask.classes

    def order(row: tuple[ClassScore, ClassScore | None]) -> tuple[bool, float]:
        ap = (row[1] or row[0]).ap
        return math.isnan(ap), 0.0 if math.isnan(ap) else -ap

    return sorted(zip(metrics.box.classes, masks, strict=True), key=order)


def save_tables(folder: Path, metrics: Metrics, confusion: Confusion, split: ErrorSplit) -> None:
    """Write classes.csv, pr_curves.csv, f1_curve.csv, confusion.csv and errors.csv.

    Numbers are shares of 1, an empty cell is a number that does not exist. Raises `RelookError`
    R02 when a file cannot be written.
    """
    _save(folder / "classes.csv", _class_rows(metrics))
    _save(folder / "pr_curves.csv", _precision_rows(metrics))
    _save(folder / "f1_curve.csv", _f1_rows(metrics))
    _save(folder / "confusion.csv", _confusion_rows(confusion))
    _save(folder / "errors.csv", _error_rows(split))


def _class_rows(metrics: Metrics) -> Iterable[Sequence[Cell]]:
    kinds = ["box"] if metrics.mask is None else ["box", "mask"]
    names = [f"{kind}_{name}" for kind in kinds for name in ("ap", "ap50", "ar")]
    yield ["id", "class", "objects", "detections", *names]
    for scores in by_precision(metrics):
        box = scores[0]
        numbers = [
            n for score in scores if score is not None for n in (score.ap, score.ap50, score.ar)
        ]
        yield [box.id, box.name, box.num_objects, box.num_detections, *numbers]


def _precision_rows(metrics: Metrics) -> Iterable[Sequence[Cell]]:
    """Rows by class; the mean of all classes comes first, without id and name."""
    yield ["id", "class", "iou", "recall", "precision"]
    curves, names = metrics.curves, {score.id: score.name for score in metrics.box.classes}
    curve_rows: list[tuple[Cell, str, Values]] = [("", "", curves.precision)]
    curve_rows += [(key, names[key], precision) for key, precision in curves.of_classes()]
    for key, name, precision in curve_rows:
        for level, values in zip(LEVELS, precision.tolist(), strict=True):
            for recall, value in zip(curves.recalls.tolist(), values, strict=True):
                yield [key, name, level, f"{recall:.2f}", value]


def _f1_rows(metrics: Metrics) -> Iterable[Sequence[Cell]]:
    yield ["threshold", "precision", "recall", "f1"]
    curves = metrics.curves
    columns = (curves.thresholds, curves.found_precision, curves.found_recall, curves.f1)
    for threshold, *values in zip(*(column.tolist() for column in columns), strict=True):
        yield [f"{threshold:.2f}", *values]


def _confusion_rows(confusion: Confusion) -> Iterable[Sequence[Cell]]:
    yield ["truth \\ found", *confusion.labels()]
    for name, row in zip(confusion.labels(), confusion.matrix.tolist(), strict=True):
        yield [name, *row]


def _error_rows(split: ErrorSplit) -> Iterable[Sequence[Cell]]:
    yield ["kind", "count", "ap50_cost"]
    for kind in split.kinds:
        yield [kind.name, kind.count, kind.cost]


def _save(path: Path, rows: Iterable[Sequence[Cell]]) -> None:
    columns, *lines = [[_cell(value) for value in row] for row in rows]
    write_csv(path, [str(name) for name in columns], lines)


def _cell(value: Cell) -> Cell:
    return f"{value:.5f}" if isinstance(value, float) and not math.isnan(value) else value
