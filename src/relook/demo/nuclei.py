"""The first minutes: the model that comes with relook, on images that it never saw."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from ..evaluation.files import save_metrics, save_predictions
from ..evaluation.run import evaluate_model
from ..inference.predictor import Predictor
from ..visualization.sheet import save_picture
from ..weights.file import SavedModel
from .datasets import DemoData
from .pictures import comparison
from .table import TableRow
from .threshold import evaluate_threshold

PICTURES = 8
MAX_DETS = 500  # the fullest image has 375 nuclei


def show_nuclei(
    shipped: SavedModel, data: DemoData, folder: Path, console: Console
) -> list[TableRow]:
    """Evaluate and draw; numbers of the model, and of a method that learns nothing.

    Writes metrics.json, predictions.json and nuclei.jpg into `folder`.
    """
    predictor = Predictor.of(shipped)
    index = data.validation()
    found = evaluate_model(
        predictor, index, max_dets=MAX_DETS, progress=_Counting(console, "evaluated")
    )
    save_metrics(folder / "metrics.json", found.metrics)
    save_predictions(folder / "predictions.json", found.predictions)
    picture = folder / "nuclei.jpg"
    sheet = comparison(predictor, index, count=PICTURES, max_dets=MAX_DETS)
    save_picture(sheet, picture)
    console.print(f"{PICTURES} images beside the truth: {picture}")
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
