"""How far a training is."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from relook.app.teaching.lesson import Lesson, LessonState
from relook.app.teaching.progress import ending, left, losses, running_state, state_in, thinned

ROWS = [{"step": n, "loss": 1.0, "seconds_per_step": 2.0} for n in range(1, 5)]


def lesson(minutes: float | None = None, steps: int | None = None) -> Lesson:
    return Lesson(model="m", images="i", train="t", held_out=None, minutes=minutes, steps=steps)


def test_seconds_left() -> None:
    state = LessonState(phase="training", began=time.time() - 30)
    assert left(lesson(minutes=1), state, []) == pytest.approx(30, abs=2)
    assert left(lesson(minutes=0.1), state, []) == 0
    assert left(lesson(steps=10), state, ROWS) == 12
    assert left(lesson(steps=10), state, []) is None
    assert left(lesson(steps=10), LessonState(phase="measuring", began=1.0), ROWS) is None


def test_many_losses_are_thinned_and_the_last_one_stays() -> None:
    rows = [{"step": n} for n in range(1, 1203)]
    kept = thinned(rows)
    assert len(kept) <= 500
    assert kept[-1] == {"step": 1202}
    assert thinned([]) == []


def test_files_that_are_not_there(tmp_path: Path) -> None:
    assert state_in(tmp_path).phase == "failed"
    assert running_state(tmp_path).phase == "measuring"
    assert losses(tmp_path) == []
    assert ending(tmp_path, False).endswith("nothing")
    assert ending(tmp_path, True) == ""
