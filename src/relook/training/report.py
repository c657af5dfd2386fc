"""The page about a run, in one file: numbers, curves, pictures and the plan."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from PIL import Image

from ..data.coco.reader import CocoIndex
from ..evaluation.coco import evaluate_coco
from ..evaluation.files import read_predictions
from ..evaluation.ground_truth import truth_of
from ..evaluation.metrics import Metrics
from ..inference.results import SHOWN_FROM
from ..reports.evaluation import Study, study
from ..reports.numbers import headline
from ..visualization.charts import Axes, Curve, chart
from ..visualization.page import Section, figure, folded, grid, listing, page, table
from .run_folder import RunFolder
from .settings import Settings
from .sources import Sources
from .time_left import duration

Say = Callable[[str], None]

_FIXED = {"step", "epoch", "lr", "seconds_per_step"}  # columns of a record that are no losses


def report_on(
    run: RunFolder,
    settings: Settings,
    sources: Sources,
    plan: Sequence[str],
    metrics: Metrics | None,
    seconds: float,
    validated: float,
    few_steps: str | None,
    say: Say,
) -> Metrics | None:
    """Write the table and the page of a finished run; return the metrics of its best model.

    `seconds` are those of the training, of which `validated` seconds went into validations.
    `metrics` are those metrics, if they are known: a run that was resumed and found no better
    model has only the stored predictions. `few_steps` is a warning that the page begins with.

    A page or a part of it that cannot be made is no error: the training itself has succeeded. `say`
    is called with the reason.
    """
    best_study = None
    with _telling(say, "the report has no part about the best model"):
        if sources.val is not None and run.predictions.is_file():
            best_study = _study(run, settings, sources.train, sources.val, metrics)
    if few_steps is not None:
        say(few_steps)
    part = f", {duration(validated)} of it in validation" if round(validated) else ""
    say(f"trained for {duration(seconds)}{part}; model: {run.best}")
    with _telling(say, "the report could not be written"):
        run.write_table()
        picture = None
        if run.first_batch.is_file():
            with Image.open(run.first_batch) as opened:
                picture = opened.copy()
        name = settings.model.parts.beside(settings.preset)
        title = f"{name}, {duration(seconds)} of training"
        run.write_report(report_page(title, plan, run.rows(), best_study, picture, few_steps))
        say(f"report: {run.report}")
    return metrics if best_study is None else best_study.metrics


@contextlib.contextmanager
def _telling(say: Say, what: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # noqa: BLE001  (a finished training must not fail for its page)
        reason = str(error) or type(error).__name__
        say(f"{what}: {reason}")


def _study(
    run: RunFolder, settings: Settings, train: CocoIndex, val: CocoIndex, metrics: Metrics | None
) -> Study:
    ids = {ours.id: theirs.id for ours, theirs in zip(train.classes, val.classes, strict=True)}
    predictions = [
        {**row, "category_id": ids[row["category_id"]]}
        for row in read_predictions(run.predictions, val.sizes())
        if row["category_id"] in ids
    ]
    truth = truth_of(val)
    if metrics is None:
        metrics = evaluate_coco(
            truth,
            predictions,
            max_dets=settings.train.max_dets,
            iou_types=("bbox", "segm") if settings.model.cascade.masks else ("bbox",),
            classes=val.classes,
        )
    best = metrics.best_counting
    threshold = SHOWN_FROM if best is None else best.threshold
    return study(val, metrics, predictions, threshold, truth=truth)


def report_page(
    title: str,
    plan: Sequence[str],
    rows: Sequence[Mapping[str, Any]],
    best_study: Study | None,
    first_batch: Image.Image | None,
    few_steps: str | None = None,
) -> str:
    """HTML of the whole page; `rows` are the records of the run, `best_study` its best model, and
    `few_steps` a warning to begin with."""
    facts = [] if best_study is None else headline(best_study.metrics, best_study.threshold)
    sections = [
        Section("Training", [grid(_curves(rows), "charts"), *_final_losses(rows)]),
        *([] if best_study is None else best_study.sections()),
        Section("First batch", [] if first_batch is None else [_batch(first_batch)]),
        Section("Plan", [listing("\n".join(plan), wraps=True)] if plan else []),
    ]
    lead = "The run as it was recorded" if best_study is None else _lead(best_study)
    return page(title, lead if few_steps is None else f"{few_steps} {lead}", facts, sections)


def _lead(best_study: Study) -> str:
    metrics = best_study.metrics
    return (
        f"The best model on {metrics.num_images} validation images of {best_study.index.path.name} "
        f"with {metrics.num_objects} objects"
    )


def _curves(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Charts of the recorded numbers; that of the loss always."""
    charts = {
        "Average precision": {"mask AP": "val/mask_ap", "box AP": "val/box_ap"},
        "Panoptic quality": {"PQ": "val/pq", "things": "val/pq_things", "stuff": "val/pq_stuff"},
        "F1 at the best score threshold": {"F1": "val/f1"},
        "Count error, objects an image": {"count error": "val/count_error"},
        "Loss": {"loss": "loss"},
    }
    drawn = []
    for title, keys in charts.items():
        series = {name: _series(rows, key) for name, key in keys.items()}
        curves = [Curve(f"{name}: {p[-1][1]:.4g}", p) for name, p in series.items() if p]
        if curves or title == "Loss":
            drawn.append(chart(title, curves, Axes("step")))
    return drawn


def _series(rows: Sequence[Mapping[str, Any]], key: str) -> list[tuple[float, float]]:
    points = [(float(row["step"]), float(row[key])) for row in rows if key in row]
    return [(x, y) for x, y in points if math.isfinite(y)]


def _final_losses(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    records = [row for row in rows if "loss" in row]
    if not records:
        return []
    first, last = records[0], records[-1]
    cells = [
        [name, f"{first.get(name, 0):.4f}", f"{value:.4f}"]
        for name, value in last.items()
        if name not in _FIXED
    ]
    head = ["loss", "first", "last"]
    return [folded("Losses by name", table("First and last record of each loss", head, cells))]


def _batch(picture: Image.Image) -> str:
    return grid([figure(picture, "First batch: targets on augmented images")], "pictures")
