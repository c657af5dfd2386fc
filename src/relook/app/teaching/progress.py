"""Progress of a training, from the files of its process."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ...errors import DataError
from ...training.run_folder import RunFolder
from .lesson import RUN, Lesson, LessonState

RUNNING: Final = ("preparing", "training", "measuring")
_MOST_LOSSES: Final = 500
_LOG_TAIL: Final = 600  # characters


def state_in(folder: Path) -> LessonState:
    """The state that a process has written; failed where it cannot be read."""
    try:
        return LessonState.read(folder)
    except DataError as error:
        return LessonState(phase="failed", message=str(error))


def running_state(folder: Path) -> LessonState:
    """The state of a process that has not ended yet, whatever it has written."""
    state = state_in(folder)
    return state if state.phase in RUNNING else replace(state, phase="measuring")


def ending(folder: Path, is_stopped: bool) -> str:
    """Reason for the end of a process that gave none itself: the end of its log."""
    if is_stopped:
        return ""
    try:
        text = (folder / "log.txt").read_text(encoding="utf-8", errors="replace")
    except OSError:
        text = ""
    return f"The training ended early. Its log ends with: {text[-_LOG_TAIL:].strip() or 'nothing'}"


def losses(folder: Path) -> list[dict[str, Any]]:
    """Records of the training in `folder` that have a loss."""
    try:
        rows = RunFolder(folder / RUN).rows()
    except (DataError, OSError):
        return []
    return [row for row in rows if isinstance(row.get("loss"), float | int)]


def thinned(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """At most `_MOST_LOSSES` rows, spread evenly, the last one among them."""
    every = -(-len(rows) // _MOST_LOSSES) or 1
    return list(reversed(rows[::-1][::every]))


def left(lesson: Lesson, state: LessonState, rows: Sequence[dict[str, Any]]) -> float | None:
    """Seconds until the last step; None before the first one."""
    if state.phase != "training" or state.began is None:
        return None
    if lesson.minutes is not None:
        return max(0.0, round(60 * lesson.minutes - (time.time() - state.began), 1))
    if not rows or lesson.steps is None:
        return None
    late = [float(row["seconds_per_step"]) for row in rows[-10:] if "seconds_per_step" in row]
    remaining = max(0, lesson.steps - int(rows[-1]["step"]))
    return round(remaining * sum(late) / len(late), 1) if late else None
