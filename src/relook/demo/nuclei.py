"""From nothing to numbers and pictures in some minutes: real nuclei, a small model, no weights."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from rich.console import Console

from ..data.coco import CocoIndex, ImageRecord, object_mask, read_coco
from ..data.images import read_image
from ..drawing.overlay import draw_objects
from ..drawing.sheet import Row, contact_sheet, save_picture
from ..errors import DataError
from ..evaluation.files import save_metrics, save_predictions
from ..evaluation.metrics import Metrics
from ..evaluation.run import evaluate_model
from ..predictor import Predictor
from ..training.loop import train
from ..training.recipe import UNLIMITED
from ..training.run_folder import RunFolder
from ..training.settings import DataConfig, Overlay, resolve
from ..weights import load_model
from .threshold import evaluate_threshold

PRESET = "detectors-htc-tiny"
MAX_DETS = 500  # the fullest image has 375 nuclei
PICTURES = 8


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a demo ends with."""

    run: RunFolder
    metrics: Metrics
    threshold: Metrics  # of a method that learns nothing, on the same images
    images_per_second: float
    seconds: float  # of training

    def table(self) -> str:
        """The numbers beside those of a method that learns nothing."""
        speed, minutes = f"{self.images_per_second:.1f}", f"{self.seconds / 60:.1f}"
        rows = [
            ("", "mask AP", "mask AP50", "box AP", "box AP50", "images/s", "minutes"),
            (PRESET, *_four(self.metrics), speed, minutes),
            ("threshold, no learning", *_four(self.threshold), "-", "-"),
        ]
        widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
        lines = [
            "  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])])
            for row in rows
        ]
        return "\n".join(lines)


def run_demo(
    minutes: float,
    console: Console,
    *,
    data: Path | None = None,
    out: Path | None = None,
    overlay: Overlay | None = None,
) -> DemoResult:
    """Train for `minutes` on the training nuclei, evaluate and draw the validation ones.

    `overlay` changes model and recipe, as tests do to be quick.

    Raises:
        DataError: D01 when the nuclei are not at hand.
        RelookError: What `train` raises.
    """
    folder = find_data(data)
    given = DataConfig(
        train_json=folder / "annotations" / "instances_train.json",
        val_json=folder / "annotations" / "instances_val.json",
        train_images=folder / "images",
        val_images=folder / "images",
    )
    recipe = {"minutes": minutes, "epochs": UNLIMITED, "max_dets": MAX_DETS}
    overlays = [Overlay(train=recipe, data=given.model_dump())]
    settings = resolve([*overlays, *([overlay] if overlay else [])], preset_name=PRESET)
    # Without a validation file: the one evaluation comes afterwards, outside of the minutes.
    blind = settings.with_(
        data=DataConfig(train_json=given.train_json, train_images=folder / "images")
    )
    outcome = train(blind, console, out=out, parent=Path("runs") / "demo")
    saved = load_model(outcome.run.best)
    predictor = Predictor(saved.detector, saved.config, saved.classes)
    index = read_coco(given.val_json or given.train_json, folder / "images")
    found = evaluate_model(
        predictor, index, max_dets=MAX_DETS, progress=_Counting(console, "evaluated")
    )
    save_metrics(outcome.run.path / "metrics.json", found.metrics)
    save_predictions(outcome.run.predictions, found.predictions)
    picture = outcome.run.path / "demo.jpg"
    save_picture(comparison(predictor, index), picture)
    console.print(f"{PICTURES} validation images beside the truth: {picture}")
    threshold = evaluate_threshold(index, MAX_DETS)
    return DemoResult(
        outcome.run, found.metrics, threshold, found.images_per_second, outcome.seconds
    )


def find_data(data: Path | None) -> Path:
    """The folder of the nuclei: `data`, or datasets/nuclei under the current folder.

    Raises:
        DataError: D01 when it is not there, saying how to get it.
    """
    folder = data or Path("datasets") / "nuclei"
    if not (folder / "annotations" / "instances_train.json").is_file():
        raise DataError(
            "D01",
            f"{folder}: the nuclei of the demo are not here (annotations/instances_train.json is "
            "missing). They come with the source code of relook, not with the installed package: "
            "run the demo there, or pass --data FOLDER.",
        )
    return folder


def comparison(predictor: Predictor, index: CocoIndex, count: int = PICTURES) -> Image.Image:
    """`count` images spread over `index`, each as annotated and as the model sees it."""
    total = len(index.images)
    chosen = [index.images[i * total // count] for i in range(min(count, total))]
    rows = [_compared(predictor, index, record) for record in chosen]
    return contact_sheet(rows, ("annotated", "found"), rows_per_line=2)


def _compared(predictor: Predictor, index: CocoIndex, record: ImageRecord) -> Row:
    image = read_image(record.path)
    things = [thing for thing in record.objects if not thing.is_crowd]
    truth = draw_objects(
        image,
        np.array([thing.box for thing in things], dtype=np.float32).reshape(-1, 4),
        [object_mask(thing, record.height, record.width) for thing in things],
        [index.classes[thing.label].name for thing in things],
        text=False,
    )
    result = predictor.predict(image, max_dets=MAX_DETS)
    shown = len(result.filter(result.shown_from))
    caption = f"{record.file_name}: {len(things)} annotated, {shown} found"
    return Row((truth, result.draw(text=False)), caption)


def _four(metrics: Metrics) -> tuple[str, ...]:
    """AP and AP50 of masks, then of boxes."""
    scores = (metrics.mask, metrics.box)
    values = [v for one in scores for v in ((one.ap, one.ap50) if one else (None, None))]
    return tuple("-" if value is None else f"{value:.3f}" for value in values)


class _Counting:
    """A line for every quarter of the images."""

    def __init__(self, console: Console, verb: str) -> None:
        self.console, self.verb = console, verb

    def __call__(self, done: int, total: int) -> None:
        if done == total or done % max(1, total // 4) == 0:
            self.console.print(f"{self.verb} {done} of {total} images")
