"""Teaching as the page sees it; the process is a stand-in."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.app.models import ModelShelf
from relook.app.refusals import Refusal
from relook.app.session.project import Project
from relook.app.teaching.lesson import Lesson, LessonState
from relook.app.teaching.standby import Standby
from relook.app.teaching.teacher import Teacher
from relook.data.coco.reader import read_coco
from relook.errors import UsageError
from relook.runtime.json_files import read_json
from relook.training.run_folder import RunFolder

from ...narrow_models import FEW_TO_DETECT, detector_of, narrow_config
from ...narrow_models import NUT_AND_BOLT as CLASSES

SQUARE = [[[[2, 2], [12, 2], [12, 12], [2, 12]], [[5, 5], [7, 5], [7, 7], [5, 7]]]]


@dataclass
class Process:
    """Stands in for a process that runs until it is told to end."""

    folder: Path
    code: int | None = None
    told: int = 0

    def poll(self) -> int | None:
        return self.code

    def terminate(self) -> None:
        self.told += 1

    def wait(self, seconds: float | None = None) -> int:
        self.code = 0
        return 0


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Process]:
    processes: list[Process] = []

    def start(_: Standby, folder: Path) -> Process:
        processes.append(Process(folder))
        return processes[-1]

    monkeypatch.setattr(Standby, "start", start)
    return processes


@pytest.fixture
def project(tmp_path: Path, shelf: ModelShelf) -> Iterator[Project]:
    folder = tmp_path / "images"
    folder.mkdir()
    for number in range(6):
        Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(folder / f"{number}.png")
    with Project(folder, shelf, classes=["washer"]) as project:
        yield project


@pytest.fixture
def model(tmp_path: Path) -> Path:
    from relook.weights.file import save_model

    config = narrow_config(num_classes=2, semantic__num_classes=3, **FEW_TO_DETECT)
    path = tmp_path / "start.safetensors"
    save_model(path, detector_of(config), config, list(CLASSES), {"preset": "htc-tiny"})
    return path


def correct(project: Project, numbers: range, label: int = 0, *, done: bool = False) -> None:
    thing = {"id": "d1", "class": label, "score": None, "state": "drawn", "shape": SQUARE}
    for number in numbers:
        project.save(project.images.get(number), [thing], revision=0, done=done)


def lesson_of(process: Process) -> Lesson:
    return read_json(process.folder / "request.json", Lesson, "")


def test_from_corrections_to_a_model_on_the_shelf(
    project: Project, started: list[Process], model: Path
) -> None:
    teacher = Teacher(project, {"nuts": model})
    assert teacher.record()["state"] == "idle"
    correct(project, range(1, 7))
    teacher.begin([1, 2, 3, 4, 5, 6, 6], steps=20)
    (process,) = started
    lesson = lesson_of(process)
    assert (lesson.model, lesson.steps, lesson.minutes) == (str(model), 20, None)
    train = read_coco(lesson.train, lesson.images)
    held = read_coco(str(lesson.held_out), lesson.images)
    assert (len(train.images), len(held.images)) == (5, 1)
    assert {image.path.name for image in (*train.images, *held.images)} == {
        f"{n}.png" for n in range(6)
    }
    assert [c.name for c in train.classes] == ["nut", "bolt"]
    with pytest.raises(Refusal, match="running already"):
        teacher.begin([1], minutes=1)

    rows = [{"step": n, "loss": 2.0 / n, "seconds_per_step": 0.5} for n in (1, 2, 3)]
    run = RunFolder(process.folder / "run")
    run.path.mkdir()
    run.metrics.write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 4, "lo')
    scores = {"mask_ap": 0.5, "f1": None}
    LessonState(phase="training", began=1.0, before=scores, pictures=1).write(process.folder)
    record = teacher.record()
    assert (record["state"], record["step"], record["steps"]) == ("training", 3, 20)
    assert record["seconds_left"] == 8.5
    assert record["losses"] == [[1, 2.0], [2, 1.0], [3, 2 / 3]]
    assert (record["before"], record["after"], record["model"]) == (scores, None, None)
    (process.folder / "pictures").mkdir()
    (process.folder / "pictures" / "0.png").write_bytes(b"png")
    assert teacher.picture(0) == b"png"
    assert teacher.picture(1) is None

    run.best.write_bytes(model.read_bytes())
    ended = LessonState(phase="done", began=1.0, before=scores, after=scores, pictures=2)
    ended.write(process.folder)
    assert teacher.record()["state"] == "measuring"  # until its process has ended
    process.code = 0
    record = teacher.record()
    assert (record["state"], record["model"], record["after"]) == ("done", "corrected-1", scores)
    assert "measured on 1 image that it does not learn from" in record["message"]
    assert project.models.names()[-1] == "corrected-1"

    teacher.begin([1], model="corrected-1")
    assert lesson_of(started[1]).model == str(run.best.absolute())
    assert lesson_of(started[1]).minutes == 5.0
    started[1].code = 0
    again = Teacher(project, {"nuts": model})
    assert again.load_earlier() == []  # its name is taken on this shelf
    fresh = ModelShelf(device="cpu")
    project.models = fresh
    assert Teacher(project, {}).load_earlier() == ["corrected-1"]


def test_a_class_that_was_renamed_goes_on_from_that_of_the_model(
    project: Project, started: list[Process], model: Path
) -> None:
    project.class_changes.rename(0, "ring", before="nut")
    correct(project, range(1, 7))
    Teacher(project, {"nuts": model}).begin([1, 2], steps=20)
    lesson = lesson_of(started[0])
    assert (lesson.renamed, lesson.one_class) == ({"nut": "ring"}, False)
    assert [c.name for c in read_coco(lesson.train, lesson.images).classes] == ["ring", "bolt"]


def test_few_images_are_not_measured(project: Project, started: list[Process], model: Path) -> None:
    correct(project, range(1, 4), label=2)
    teacher = Teacher(project, {"nuts": model})
    teacher.begin([1, 2, 3], minutes=0.5)
    lesson = lesson_of(started[0])
    assert (lesson.held_out, lesson.minutes, lesson.one_class) == (None, 0.5, True)
    assert [c.name for c in read_coco(lesson.train, lesson.images).classes] == ["washer"]
    assert "too few to measure" in teacher.record()["message"]


@pytest.mark.parametrize(
    ("phase", "is_stopped", "has_model", "expected"),
    [
        ("training", True, True, ("stopped", "corrected-1")),
        ("stopped", True, True, ("stopped", "corrected-1")),
        ("preparing", True, False, ("stopped", None)),
        ("training", False, True, ("failed", None)),
        ("failed", False, False, ("failed", None)),
    ],
)
def test_ends_that_are_early(
    phase: Any,
    is_stopped: bool,
    has_model: bool,
    expected: tuple[str, str | None],
    project: Project,
    started: list[Process],
    model: Path,
) -> None:
    correct(project, range(1, 2))
    teacher = Teacher(project, {"nuts": model})
    teacher.begin([1])
    (process,) = started
    if is_stopped:
        teacher.stop()
        assert process.told == 1
    if has_model:
        run = RunFolder(process.folder / "run")
        run.path.mkdir()
        run.best.write_bytes(model.read_bytes())
    LessonState(phase=phase, message="the disk is full" if phase == "failed" else "").write(
        process.folder
    )
    (process.folder / "log.txt").write_text("last words")
    process.code = 1
    record = teacher.record()
    assert (record["state"], record["model"]) == expected
    if phase == "training" and not is_stopped:
        assert "last words" in record["message"]
    if expected == ("stopped", None):
        assert "before anything was learned" in record["message"]
    teacher.stop()
    assert process.told == int(is_stopped)


def test_closing_stops(project: Project, started: list[Process], model: Path) -> None:
    correct(project, range(1, 2))
    teacher = Teacher(project, {"nuts": model})
    teacher.close()
    teacher.begin([1])
    teacher.close()
    assert (started[0].told, started[0].code) == (1, 0)


def test_it_prepares_for_the_next_training_only_while_none_runs(
    project: Project, started: list[Process], model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    monkeypatch.setattr(Standby, "prepare", lambda _: calls.append("prepare"))
    monkeypatch.setattr(Standby, "close", lambda _: calls.append("close"))
    correct(project, range(1, 2))
    teacher = Teacher(project, {"nuts": model})
    teacher.prepare()
    teacher.begin([1])
    teacher.prepare()
    assert calls == ["prepare"]
    started[0].code = 0
    teacher.prepare()
    teacher.close()
    assert calls == ["prepare", "prepare", "close"]


def refused(teacher: Teacher, **options: Any) -> Callable[[], None]:
    return lambda: teacher.begin(**options)


def test_what_cannot_be_learned(project: Project, started: list[Process], model: Path) -> None:
    correct(project, range(1, 2))
    teacher = Teacher(project, {"nuts": model})
    for options, words in (
        ({"ids": [2]}, r"1\.png was not corrected yet"),
        ({"ids": [9]}, "there is no image 9"),
        ({"ids": [1], "model": "none"}, "there is no model 'none'"),
        ({"ids": [1], "minutes": 1, "steps": 1}, "Give one"),
    ):
        with pytest.raises(UsageError, match=words):
            refused(teacher, **options)()
    with pytest.raises(UsageError, match="cannot be trained"):
        refused(Teacher(project, {"nuts": model.with_suffix(".onnx")}), ids=[1])()
    assert not started
