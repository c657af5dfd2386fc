"""A training on corrections, in a process of its own: ``python -m relook.app.teaching.lesson DIR``.

With ``-`` in place of the folder it waits for the folder on its standard input (`standby`).

It learns by the rules of ``relook train --weights``. The last weights are the model: no image
chooses among them, so that the images that were held out measure it honestly. Objects are shown
from the score on that is best on three or more of these images, else from that of the model before.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import torch
from rich.console import Console

from ...data.class_names import as_one_class
from ...data.coco.reader import Category, CocoIndex, read_coco
from ...errors import RelookError
from ...evaluation.run import evaluate_model
from ...inference.options import shown_score
from ...inference.predictor import Predictor
from ...models.build import build_detector
from ...runtime.files import write_text
from ...runtime.json_files import read_json, write_json
from ...runtime.parent import end_with_parent
from ...training.fine_tuning import FineTuning, fine_tuning
from ...training.loop import train
from ...training.run_folder import RunFolder
from ...training.settings import Overlay
from ...training.start.recipe_name import recipe_name
from ...training.start.source import Start
from ...training.validation_picture import draw_validation
from ...visualization.sheet import save_picture
from ...weights.file import SavedModel, change_extra, load_model, save_model
from .held_out import SURE
from .standby import WAITING, read_folder

Phase = Literal["preparing", "training", "measuring", "done", "stopped", "failed"]
Scores = dict[str, int | float | None]
REQUEST: Final = "request.json"
STATE: Final = "state.json"
RUN: Final = "run"
SHOWN: Final = 3  # validation images of which pictures are made
_REMEDY: Final = "Begin the training again."


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A training that was asked for; paths are absolute."""

    model: str  # file to start from
    images: str  # folder
    train: str  # COCO file
    held_out: str | None  # COCO file of images that measure
    minutes: float | None = None
    steps: int | None = None
    seed: int = 0
    one_class: bool = False  # scores without regard to classes
    renamed: dict[str, str] = field(default_factory=dict)  # classes of the model in the project


@dataclass(frozen=True, slots=True, kw_only=True)
class LessonState:
    """State of a training: its phase, its scores, the number of its pictures."""

    phase: Phase
    message: str = ""
    began: float | None = None  # time.time() of the first step
    before: Scores | None = None
    after: Scores | None = None
    pictures: int = 0

    def write(self, folder: Path) -> None:
        """Write it to `folder`; R02 when it cannot be written."""
        write_json(folder / STATE, asdict(self))

    @classmethod
    def read(cls, folder: Path) -> LessonState:
        """The state in `folder`.

        Raises:
            DataError: D01 before it was written the first time, D03 for a damaged one.
        """
        return read_json(folder / STATE, cls, _REMEDY)


def learn(folder: Path, console: Console | None = None) -> LessonState:
    """Do the training that is asked for in `folder`; the last state, which is also written there.

    Raises:
        RelookError: the training is not possible, or diverged.
    """
    lesson = read_json(folder / REQUEST, Lesson, _REMEDY)
    state = LessonState(phase="preparing")
    state.write(folder)
    path = Path(lesson.model)
    saved = _renamed(load_model(path), lesson.renamed)
    if lesson.held_out is not None:
        before = measured(Predictor.of(saved), lesson, folder / "pictures", 0)
        state = LessonState(phase="preparing", before=before.scores, pictures=before.pictures)
        state.write(folder)
        saved.detector.cpu()  # where the training takes its weights from
    run = RunFolder(folder / RUN)
    tuned = fine_tuning(saved, [_overlay(lesson)], name=recipe_name(saved))
    state = replace(state, phase="training", began=time.time())
    state.write(folder)
    start = Start(saved, path, tuned.lines)
    phase = _trained(run, tuned, start, console or Console(quiet=True))
    if run.best.is_file():
        shown_from = shown_score(saved.extra)
        if lesson.held_out is not None:
            replace(state, phase="measuring").write(folder)
            predictor = Predictor.of(load_model(run.best))
            after = measured(predictor, lesson, folder / "pictures", state.pictures)
            state = replace(state, after=after.scores, pictures=state.pictures + after.pictures)
            if after.threshold is not None:
                shown_from = after.threshold
        change_extra(run.best, {"shown_from": shown_from})
    state = replace(state, phase=phase)
    state.write(folder)
    return state


def _trained(run: RunFolder, tuned: FineTuning, start: Start, console: Console) -> Phase:
    """Train; how it ended. What was learned before a signal is kept."""
    options: dict[str, Any] = {"start": start, "annotations": tuned.annotations}
    try:
        train(tuned.settings, console, out=run.path, **options)
    except RelookError as error:
        if error.code != "R01":
            raise
        keep_newest(run)
        return "stopped"
    return "done"


@dataclass(frozen=True, slots=True)
class Measured:
    """Scores of a model on the images that were held out, and the number of pictures made."""

    scores: Scores
    pictures: int
    threshold: float | None  # score from which its objects are best; None where images are too few


def measured(predictor: Predictor, lesson: Lesson, pictures: Path, first: int) -> Measured:
    """Score a model on the images held out, and draw some; pictures are numbered from `first`.

    With `Lesson.one_class` it is scored as if there were one class.
    """
    index = _held_out(lesson, predictor)
    found = evaluate_model(predictor, index, one_class=lesson.one_class)
    metrics = found.metrics
    scores: Scores = {"images": len(index.images), "objects": index.num_objects}
    scores["one_class"] = int(lesson.one_class)
    for name, part in (("mask", metrics.mask), ("box", metrics.box)):
        if part is not None:
            scores |= {f"{name}_ap": _number(part.ap), f"{name}_ap50": _number(part.ap50)}
    counting = metrics.best_counting
    scores["f1"] = None if counting is None else _number(counting.f1)
    for place, one in enumerate(_single(index)[:SHOWN]):
        drawn = draw_validation(one, found.truth, found.predictions, predictor.shown_from)
        save_picture(drawn, pictures / f"{first + place}.png")
    is_sure = counting is not None and len(index.images) >= SURE
    threshold = counting.threshold if counting is not None and is_sure else None
    return Measured(scores, min(len(index.images), SHOWN), threshold)


def keep_newest(run: RunFolder) -> None:
    """Make a model of the newest state of a run that was stopped before its first epoch ended.

    Nothing is made where there is a model, or no state.
    """
    if run.best.is_file() or not run.last.is_file():
        return
    settings = run.read_settings()
    state = torch.load(run.last, map_location="cpu", weights_only=True)["state_dict"]
    detector = build_detector(settings.model)
    own = {n.removeprefix("detector."): v for n, v in state.items() if n.startswith("detector.")}
    detector.load_state_dict(own)
    rows = json.loads((run.path / "classes.json").read_text(encoding="utf-8"))
    classes = [Category(int(row["id"]), str(row["name"])) for row in rows]
    save_model(run.best, detector, settings.model, classes, {"preset": settings.preset})


def main(arguments: list[str], end: Callable[[], object] = end_with_parent) -> int:
    """Learn in the folder that is named, or that is read once it is known; the exit code."""
    end()
    torch.set_num_threads(max(1, torch.get_num_threads() - 1))  # one core is left for the page
    named = arguments[0]
    folder = read_folder(sys.stdin.buffer) if named == WAITING else Path(named)
    if folder is None:  # no training came
        return 0
    try:
        learn(folder, Console(soft_wrap=True))
    except RelookError as error:
        LessonState(phase="failed", message=str(error)).write(folder)
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def _renamed(saved: SavedModel, names: Mapping[str, str]) -> SavedModel:
    """The model with its classes as they are called in the project, so that it goes on from what
    it knows of them."""
    named = (replace(item, name=names.get(item.name, item.name)) for item in saved.classes)
    return saved._replace(classes=tuple(named))


def _overlay(lesson: Lesson) -> Overlay:
    """Settings of a lesson; steps end the schedule too, so that the rate falls to zero by them."""
    train: dict[str, Any] = {"seed": lesson.seed, "workers": 0, "save_minutes": 1.0}
    if lesson.steps is not None:
        images = len(json.loads(Path(lesson.train).read_bytes())["images"])
        an_epoch = max(1, images // min(2, images))  # what is left of an epoch is not a batch
        train |= {"steps": lesson.steps, "epochs": math.ceil(lesson.steps / an_epoch)}
    else:
        train["minutes"] = lesson.minutes or 5.0
    return Overlay(train=train, data={"train_json": lesson.train, "train_images": lesson.images})


def _single(index: CocoIndex) -> list[CocoIndex]:
    """The index with one image each, for pictures of single images."""
    return [replace(index, images=(record,)) for record in index.images]


def _held_out(lesson: Lesson, predictor: Predictor) -> CocoIndex:
    assert lesson.held_out is not None
    index = read_coco(lesson.held_out, lesson.images, reading=predictor.reading())
    return as_one_class(index, "object") if lesson.one_class else index


def _number(value: float) -> float | None:
    """A score for json, which has no NaN."""
    return round(float(value), 5) if math.isfinite(value) else None


def write_request(folder: Path, lesson: Lesson) -> None:
    """Write what is asked for to `folder`; R02 when it cannot be written."""
    write_text(folder / REQUEST, json.dumps(asdict(lesson), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
