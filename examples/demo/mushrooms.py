"""The users' own case: few images of something else, fine-tuned and from scratch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from relook.data.coco.reader import CocoIndex
from relook.evaluation.run import evaluate_model
from relook.inference.predictor import Predictor
from relook.training.fine_tuning import fine_tuning
from relook.training.loop import Outcome, train
from relook.training.recipe import UNLIMITED
from relook.training.settings import DataConfig, Overlay, Settings, resolve
from relook.training.start.source import Start
from relook.training.time_left import duration
from relook.visualization.sheet import save_picture
from relook.weights.file import SavedModel, load_model

from .datasets import DemoData, part_of
from .pictures import comparison
from .plan import Plan
from .table import TableRow
from .words import images

MAX_DETS = 500  # the fullest image has 317 mushrooms


def adapt(
    shipped: Start,
    data: DemoData,
    plan: Plan,
    spent: Callable[[], float],
    folder: Path,
    console: Console,
    overlay: Overlay,
) -> tuple[list[TableRow], Plan]:
    """Numbers on the validation mushrooms: before, fine-tuned, from scratch for as long; and the
    plan that was kept in the end.

    `spent` tells the minutes since the demonstration began: what they are before the first
    training corrects the plan. The one from scratch has its preset's own recipe, and the input
    size and caps that were chosen for the fine-tuned one. Writes the runs mushrooms-fine-tuned
    and mushrooms-from-scratch into `folder`, and mushrooms.jpg.
    """
    index = part_of(data.validation(), plan.mushrooms)
    console.print(f"Looking for mushrooms with it as it comes, in {images(plan.mushrooms)}.")
    before = shipped.saved._replace(classes=index.classes)
    rows = [_row("nuclei, as it comes", before, index)]
    planned, plan = plan, plan.corrected(spent())
    if planned.from_scratch and not plan.from_scratch:
        console.print("That took longer than planned: nothing is trained from scratch.")
    name = str(shipped.saved.extra["preset"])
    # Without a validation file: nothing is chosen by the images that the numbers are for.
    given = Overlay(
        train={"minutes": float(f"{plan.training:.3g}")},
        data=DataConfig(train_json=data.train_json, train_images=data.images).model_dump(),
    )
    console.print(f"Fine-tuning it on other images, for {duration(60 * plan.training)}.")
    tuned = fine_tuning(shipped.saved, [given, overlay], name=name)
    start = Start(shipped.saved, shipped.path, tuned.lines)
    outcome = train(tuned.settings, console, out=folder / "mushrooms-fine-tuned", start=start)
    console.print("Evaluating the fine-tuned model.")
    rows.append(_row("fine-tuned from it", load_model(outcome.run.best), index, outcome))
    picture = folder / "mushrooms.jpg"
    predictor, count = Predictor.of(load_model(outcome.run.best)), plan.mushroom_pictures
    save_picture(comparison(predictor, index, count=count, max_dets=MAX_DETS), picture)
    console.print(f"{images(count)} of mushrooms beside the truth: {picture}")
    if plan.from_scratch:
        console.print("Training the same network from random numbers, for as long.")
        scratch = from_scratch(tuned.settings, [given, overlay])
        outcome = train(scratch, console, out=folder / "mushrooms-from-scratch")
        console.print("Evaluating the one from scratch.")
        rows.append(_row("from scratch", load_model(outcome.run.best), index, outcome))
    return rows, plan


def from_scratch(tuned: Settings, overlays: list[Overlay]) -> Settings:
    """The preset's recipe from random numbers, with the sizes and caps of `tuned`."""
    same = Overlay(
        model={
            "input": {"size": tuned.model.input.size},
            "rpn": tuned.model.rpn.model_dump(),
            "cascade": {"select": {"max_detections": tuned.model.cascade.select.max_detections}},
        },
        train={
            "epochs": UNLIMITED,
            "max_dets": tuned.train.max_dets,
        },
    )
    return resolve([same, *overlays], preset_name=tuned.preset)


def _row(
    name: str, saved: SavedModel, index: CocoIndex, outcome: Outcome | None = None
) -> TableRow:
    count = len(index.images)
    found = evaluate_model(Predictor.of(saved), index, max_dets=MAX_DETS, limit=count)
    row = TableRow(name, found.metrics, found.images_per_second)
    return row if outcome is None else replace(row, seconds=outcome.seconds, steps=outcome.steps)
