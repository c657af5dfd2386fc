"""The first minutes: the model that comes with relook, on images that it never saw."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from relook.data.coco.reader import CocoIndex
from relook.evaluation.files import save_metrics, save_predictions
from relook.evaluation.run import evaluate_model
from relook.inference.predictor import Predictor
from relook.visualization.sheet import save_picture

from .pictures import comparison
from .table import TableRow
from .threshold import evaluate_threshold
from .words import images

MAX_DETS = 500  # the fullest image has 375 nuclei


def show_nuclei(
    predictor: Predictor, index: CocoIndex, pictures: int, folder: Path, console: Console
) -> list[TableRow]:
    """Evaluate on the images of `index`, draw some; numbers of the model, and of a method that
    learns nothing.

    Writes metrics.json, predictions.json and nuclei.jpg into `folder`.
    """
    count = len(index.images)
    console.print(f"Finding nuclei with the model that comes along, in {images(count)}.")
    found = evaluate_model(
        predictor,
        index,
        max_dets=MAX_DETS,
        limit=count,  # of the file, no others count
        progress=_Counting(console, "evaluated"),
    )
    save_metrics(folder / "metrics.json", found.metrics)
    save_predictions(folder / "predictions.json", found.predictions)
    picture = folder / "nuclei.jpg"
    sheet = comparison(predictor, index, count=pictures, max_dets=MAX_DETS)
    save_picture(sheet, picture)
    console.print(f"{images(pictures)} beside the truth: {picture}")
    threshold = evaluate_threshold(index, MAX_DETS)
    return [
        TableRow("nuclei, as it comes", found.metrics, found.images_per_second),
        TableRow("threshold, no learning", threshold),
    ]


class _Counting:
    """A line for every quarter of the images."""

    def __init__(self, console: Console, verb: str) -> None:
        self.console, self.verb = console, verb

    def __call__(self, done: int, total: int) -> None:
        if done == total or done % max(1, total // 4) == 0:
            self.console.print(f"{self.verb} {done} of {total} images")
