"""The users' own case: few images of something else, fine-tuned and from scratch."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ..data.coco.reader import CocoIndex
from ..evaluation.run import evaluate_model
from ..inference.predictor import Predictor
from ..training.fine_tuning import fine_tuning
from ..training.loop import Outcome, train
from ..training.recipe import UNLIMITED
from ..training.settings import DataConfig, Overlay, Settings, resolve
from ..training.start.source import Start
from ..visualization.sheet import save_picture
from ..weights.file import SavedModel, load_model
from .datasets import DemoData
from .pictures import comparison
from .table import TableRow

PICTURES = 4
MAX_DETS = 500  # the fullest image has 317 mushrooms


def adapt(
    shipped: Start,
    data: DemoData,
    minutes: float,
    folder: Path,
    console: Console,
    overlay: Overlay,
) -> list[TableRow]:
    """Numbers on the validation mushrooms: before, fine-tuned for `minutes`, from scratch for
    as long.

    The one from scratch has its preset's own recipe, and the input size and caps that
    were chosen for the fine-tuned one. Writes the runs mushrooms-fine-tuned and
    mushrooms-from-scratch into `folder`, and mushrooms.jpg.
    """
    index = data.validation()
    before = shipped.saved._replace(classes=index.classes)  # its nuclei, counted as mushrooms
    rows = [_row("nuclei, as it comes", before, index)]
    name = str(shipped.saved.extra["preset"])
    # Without a validation file: nothing is chosen by the images that the numbers are for.
    given = Overlay(
        train={"minutes": minutes},
        data=DataConfig(train_json=data.train_json, train_images=data.images).model_dump(),
    )
    tuned = fine_tuning(shipped.saved, [given, overlay], name=name)
    start = Start(shipped.saved, shipped.path, tuned.lines)
    outcome = train(tuned.settings, console, out=folder / "mushrooms-fine-tuned", start=start)
    rows.append(_row("fine-tuned from it", load_model(outcome.run.best), index, outcome))
    picture = folder / "mushrooms.jpg"
    predictor = Predictor.of(load_model(outcome.run.best))
    save_picture(comparison(predictor, index, count=PICTURES, max_dets=MAX_DETS), picture)
    console.print(f"{PICTURES} images of mushrooms beside the truth: {picture}")
    scratch = from_scratch(tuned.settings, [given, overlay])
    outcome = train(scratch, console, out=folder / "mushrooms-from-scratch")
    return [*rows, _row("from scratch", load_model(outcome.run.best), index, outcome)]


def from_scratch(tuned: Settings, overlays: list[Overlay]) -> Settings:
    """The preset's recipe from random numbers, with the sizes and caps of `tuned`."""
    same = Overlay(
        model={
            "input": {"size": tuned.model.input.size},
            "rpn": tuned.model.rpn.model_dump(),
            "cascade": {"max_detections": tuned.model.cascade.max_detections},
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
    found = evaluate_model(Predictor.of(saved), index, max_dets=MAX_DETS)
    seconds = None if outcome is None else outcome.seconds
    return TableRow(name, found.metrics, found.images_per_second, seconds)
