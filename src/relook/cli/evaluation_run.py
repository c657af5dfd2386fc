"""A model evaluated on annotations, with its progress, and what is written and printed of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .progress import progress_bar, tile_progress, view_progress
from .terminal import say

if TYPE_CHECKING:
    from rich.console import Console

    from ..data.coco.reader import CocoIndex
    from ..evaluation.crowding.rule import HuddleRule
    from ..evaluation.metrics import Metrics
    from ..evaluation.run import Evaluation
    from ..inference.options import PredictOptions
    from ..inference.predictor import Predictor
    from ..inference.results import Result
    from ..structures.rules.reading import Reading


def reading_by_header(path: Path, options: PredictOptions) -> Reading | None:
    """The reading of images by the header of the model file at `path`; None for a file of another
    kind, which has to be loaded for it.

    Raises:
        UsageError: as `PredictOptions.reading_for`.
    """
    from ..weights.header import SUFFIX
    from ..weights.opening import read_header

    if path.suffix != SUFFIX:
        return None
    return options.reading_for(read_header(path).config.input.reading)


class Remarks:
    """Lines for people on the images of an evaluation: their kinds and scales, and objects that
    were found once for each of several classes, counted from the score `shown_from`."""

    def __init__(self, console: Console, shown_from: float) -> None:
        from ..inference.batch.image_kinds import KindsOfImages
        from ..inference.scaling import Scales
        from ..inference.twins import Twins

        self._console, self._kinds = console, KindsOfImages(console.print)
        self._scales, self._twins = Scales(), Twins(shown_from)

    def add(self, result: Result) -> None:
        """Note one result."""
        self._kinds.add(result.info)
        self._scales.add(result)
        self._twins.add(result)

    def finish(self) -> None:
        """Print the lines on all results."""
        self._kinds.finish()
        for line in (*self._scales.lines(), *self._twins.lines()):
            self._console.print(line)


def write_images_and_report(
    folder: Path,
    title: str | None,
    index: CocoIndex,
    outcome: Evaluation,
    threshold: float,
    limit: int | None,
    console: Console,
) -> None:
    """Write images.csv, and with a `title` the report."""
    if title is None:
        from ..evaluation.image_table import write_images

        write_images(folder / "images.csv", index, outcome, threshold, limit)
        return
    from ..reports.evaluation import study, write_evaluation

    found = outcome.predictions
    close = study(index, outcome.metrics, found, threshold, limit, outcome.truth)
    write_evaluation(folder, title, close)
    console.print(f"report: {folder / 'report.html'}", markup=False, soft_wrap=True)


def evaluated(
    predictor: Predictor,
    index: CocoIndex,
    options: PredictOptions,
    console: Console,
    limit: int | None,
    huddles: HuddleRule | None,
    one_class: bool = False,
) -> Evaluation:
    """The evaluation of a model, with its progress, and lines on what its images were."""
    from ..evaluation.run import evaluate_model

    remarks = Remarks(console, predictor.shown_from)
    with progress_bar(console) as bar:
        task = bar.add_task("images", total=len(index.images[:limit]))
        outcome = evaluate_model(
            predictor,
            index,
            options,
            limit=limit,
            progress=lambda done, total: bar.update(task, completed=done, total=total),
            on_tile=tile_progress(bar),
            on_view=view_progress(bar),
            say=console.print,
            on_result=remarks.add,
            huddles=huddles,
            one_class=one_class,
        )
    remarks.finish()
    return outcome


def write_numbers(folder: Path, outcome: Evaluation, used: Mapping[str, Any]) -> None:
    """Write the numbers, with the conditions `used`, and the predictions; print the numbers."""
    from ..evaluation.files import save_metrics, save_predictions

    save_metrics(folder / "metrics.json", outcome.metrics, used)
    save_predictions(folder / "predictions.json", outcome.predictions)
    say(outcome.metrics.table())


def print_difference(folder: Path, compare: Path, metrics: Metrics, rival: Metrics) -> None:
    """Print and store the huddle numbers of `metrics` minus those of `rival`."""
    from ..evaluation.crowding.scores import HuddleScores
    from ..evaluation.crowding.table import huddle_table
    from ..runtime.files import write_text

    ours, theirs = metrics.section(HuddleScores), rival.section(HuddleScores)
    if ours is None or theirs is None:
        return
    difference = ours.minus(theirs)
    say(f"\nless {compare}:\n{huddle_table(difference)}")
    content = {"other": str(compare), **difference.to_json()}
    write_text(folder / "difference.json", json.dumps(content, indent=2) + "\n")
