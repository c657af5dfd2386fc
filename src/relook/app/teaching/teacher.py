"""Teaching as the page sees it: one training at a time, in a process of its own."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from ...errors import RelookError, UsageError
from ...runtime.json_files import write_json
from ...training.run_folder import RunFolder
from ..refusals import Refusal
from ..session.folders import Entry
from ..session.project import Project
from .annotations import classes_of, coco_of, divided, key_of, own_classes
from .held_out import Learned, Parts
from .lesson import RUN, Lesson, LessonState, Phase, write_request
from .progress import RUNNING, ending, left, losses, running_state, state_in, thinned
from .standby import Standby

MODEL: Final = "corrected-{}"
FOLDER: Final = "teach"  # in the home of the project
MINUTES: Final = 5.0
MOST_LOADED: Final = 10  # models of earlier trainings, the newest ones
_NUMBER: Final = re.compile(r"[1-9]\d{0,5}")


@dataclass(slots=True, eq=False)
class _Training:
    """The training that runs, or the last one."""

    number: int
    folder: Path
    lesson: Lesson
    parts: Parts
    process: subprocess.Popen[bytes] | None
    words: str
    is_stopped: bool = False
    model: str | None = None
    ended: LessonState | None = None


class Teacher:
    """Trains models on the corrections of a project; the new ones are put on the shelf.

    Args:
        project: That is open.
        paths: Files of the models by their names; models without a file cannot be taught.
    """

    def __init__(self, project: Project, paths: Mapping[str, Path]) -> None:
        self._project, self._models = project, project.models
        self._paths = {name: path.absolute() for name, path in paths.items()}
        self._folder = project.home.absolute() / FOLDER
        self._training: _Training | None = None
        self._lock = threading.Lock()
        self._standby = Standby()

    def load_earlier(self) -> list[str]:
        """Put the models of earlier trainings on the shelf; their names, the newest last."""
        loaded = []
        for number in self._numbers()[-MOST_LOADED:]:
            best = RunFolder(self._folder / str(number) / RUN).best
            if best.is_file():
                with contextlib.suppress(RelookError):
                    loaded.append(self._shelve(number, best))
        return loaded

    def prepare(self) -> None:
        """Import what a training needs in advance, in a process that waits for the next one."""
        with self._lock:
            self._settle()
            if self._training is None or self._training.ended is not None:
                self._standby.prepare()

    def begin(
        self,
        ids: Sequence[int],
        *,
        minutes: float | None = None,
        steps: int | None = None,
        model: str | None = None,
    ) -> None:
        """Begin to learn from the corrections of images; without a length it takes five minutes.

        Raises:
            Refusal: 409 while another training runs.
            UsageError: U01 for an unknown image or model, U04 for an image that was not corrected,
                for a model that cannot be trained, and for both minutes and steps.
            RelookError: R02 when files cannot be written.
        """
        if minutes is not None and steps is not None:
            raise UsageError("U04", "minutes and steps both say how long it takes. Give one.")
        with self._lock:
            self._settle()
            if self._training is not None and self._training.ended is None:
                raise Refusal(
                    409,
                    "a training is running already",
                    "Wait until it is done, or stop it.",
                )
            name = self._models.name(model)
            if name not in self._paths or self._paths[name].suffix == ".onnx":
                raise UsageError("U04", f"the model {name} cannot be trained. Choose another one.")
            entries = [self._project.images.get(number) for number in dict.fromkeys(ids)]
            for entry in entries:
                if self._project.saved(entry) is None:
                    raise UsageError(
                        "U04",
                        f"{entry.name} was not corrected yet. Correct or accept its objects first.",
                    )
            self._training = self._begun(name, entries, minutes, steps)

    def stop(self) -> None:
        """Stop the training: what was learned so far is kept. Nothing is done where none runs."""
        training = self._training
        if training is None or training.process is None or training.process.poll() is not None:
            return
        training.is_stopped = True
        training.process.terminate()

    def close(self) -> None:
        """Stop the training and wait for its end."""
        self._standby.close()
        self.stop()
        training = self._training
        if training is not None and training.process is not None:
            try:
                training.process.wait(30)
            except subprocess.TimeoutExpired:
                training.process.kill()
                training.process.wait()

    def record(self) -> dict[str, Any]:
        """The state of the training as json values."""
        with self._lock:
            self._settle()
            training = self._training
        if training is None:
            return _record("idle", message="Nothing was learned yet.")
        state = training.ended or running_state(training.folder)
        rows = losses(training.folder)
        steps = training.lesson.steps
        step = int(rows[-1]["step"]) if rows else 0
        pictures = [f"/api/teach/pictures/{n}.png" for n in range(state.pictures)]
        seconds = None if training.ended is not None else left(training.lesson, state, rows)
        return _record(
            state.phase,
            step=step,
            steps=steps,
            seconds_left=seconds,
            losses=[[row["step"], row["loss"]] for row in thinned(rows)],
            pictures=pictures,
            model=training.model,
            before=state.before,
            after=state.after,
            message=state.message or training.words,
        )

    def picture(self, number: int) -> bytes | None:
        """A picture of the training as PNG; None where there is none of that number."""
        training = self._training
        if training is None:
            return None
        try:
            return (training.folder / "pictures" / f"{int(number)}.png").read_bytes()
        except OSError:
            return None

    def _begun(
        self, name: str, entries: Sequence[Entry], minutes: float | None, steps: int | None
    ) -> _Training:
        number = max(self._numbers(), default=0) + 1
        folder = self._folder / str(number)
        before = Learned.read(self._folder / "learned.json")
        parts = divided(self._project, entries, before, is_taught=name.startswith(MODEL.format("")))
        images = Path(os.path.commonpath([entry.root.absolute() for entry in self._project.images]))
        by_name = {key_of(self._project, entry): entry for entry in self._project.images}
        classes, own = classes_of(self._project, name), own_classes(self._project, name)
        files: dict[str, str] = {}
        has_objects: dict[str, bool] = {}
        for part, names in (("train", parts.learned), ("held_out", parts.held_out)):
            if names:
                files[part] = str(folder / f"{part}.json")
                content = coco_of(self._project, [by_name[key] for key in names], images, classes)
                write_json(files[part], content)
                has_objects[part] = bool(content["annotations"])
        lesson = Lesson(
            model=str(self._paths[name]),
            images=str(images),
            train=files["train"],
            held_out=files.get("held_out"),
            minutes=minutes if steps is None and minutes is not None else None,
            steps=steps,
            one_class=not set(classes) <= set(own.values()),
            renamed={old: new for old, new in own.items() if old != new},
        )
        if steps is None and minutes is None:
            lesson = replace(lesson, minutes=MINUTES)
        write_request(folder, lesson)
        LessonState(phase="preparing").write(folder)
        before.after(parts).write(self._folder / "learned.json")
        words = parts.words()
        if not has_objects.get("held_out", True):
            words += " No object is in what measures, so that there is no AP."
        elif parts.held_out and lesson.one_class:
            words += f" Scores do not regard classes, as {name} has not all of them."
        process = self._standby.start(folder)
        return _Training(number, folder, lesson, parts, process, words)

    def _settle(self) -> None:
        """Note the end of the training, and put its model on the shelf."""
        training = self._training
        if training is None or training.ended is not None or training.process is None:
            return
        if training.process.poll() is None:
            return
        state = state_in(training.folder)
        best = RunFolder(training.folder / RUN).best
        if state.phase in RUNNING:
            phase: Phase = "stopped" if training.is_stopped else "failed"
            state = replace(
                state,
                phase=phase,
                message=state.message or ending(training.folder, training.is_stopped),
            )
        if best.is_file() and state.phase in ("done", "stopped"):
            try:
                training.model = self._shelve(training.number, best)
            except RelookError as error:
                state = replace(state, phase="failed", message=str(error))
        elif state.phase == "stopped":
            state = replace(state, message="Stopped before anything was learned.")
        training.ended = state

    def _shelve(self, number: int, path: Path) -> str:
        name = MODEL.format(number)
        self._models.add(name, path)
        self._paths[name] = path
        return name

    def _numbers(self) -> list[int]:
        if not self._folder.is_dir():
            return []
        return sorted(int(f.name) for f in self._folder.iterdir() if _NUMBER.fullmatch(f.name))


def _record(state: str, **values: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "step": 0,
        "steps": None,
        "seconds_left": None,
        "losses": [],
        "pictures": [],
        "model": None,
        "before": None,
        "after": None,
        "message": "",
    }
    return {"state": state, **defaults, **values}
