"""Lines of a training's progress, with a clock of the test."""

from __future__ import annotations

import io
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.console import Console
from torch import nn

from relook.training.length import Length
from relook.training.module import TrainingModule
from relook.training.progress import ProgressReport
from relook.training.recipe import UNLIMITED, Recipe
from relook.training.schedule import Schedule
from relook.training.time_left import TimeLeft


class Run:
    """A training of steps of given seconds, without a network."""

    def __init__(
        self, recipe: Recipe, monkeypatch: pytest.MonkeyPatch, *, done: int = 0, expected: float = 0
    ) -> None:
        self.now = 100.0
        monkeypatch.setattr("relook.training.progress.time.monotonic", lambda: self.now)
        self.console = Console(file=io.StringIO(), force_terminal=False, width=200)
        self.validation = SimpleNamespace(seconds=0.0, expected=expected)
        schedule = Schedule(recipe, 10, lambda: self.now - 100.0)
        left = TimeLeft(Length(recipe, 10))
        self.report = ProgressReport(self.console, schedule, left, cast(Any, self.validation))
        self.trainer = cast(Any, SimpleNamespace(global_step=done, current_epoch=done // 10))
        self.module = TrainingModule.__new__(TrainingModule)
        nn.Module.__init__(self.module)
        self.module.last_losses = {"rpn.box": 0.5}
        self.report.on_train_start(self.trainer, self.module)

    def step(self, seconds: float, validated: float = 0.0) -> str:
        """Lines printed after a step, and after a validation before it."""
        file = self.console.file
        assert isinstance(file, io.StringIO)
        before = len(file.getvalue())
        self.now += seconds + validated
        self.validation.seconds += validated
        self.trainer.global_step += 1
        self.trainer.current_epoch = (self.trainer.global_step - 1) // 10
        self.report.on_train_batch_end(self.trainer, self.module, None, None, 0)
        return file.getvalue()[before:].strip()


def test_a_single_step_leaves_its_validation_and_not_the_whole_schedule(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(Recipe(epochs=12, steps=1), monkeypatch, expected=185.0)
    assert run.step(30.0) == (
        "100 % epoch 1 step 1 of 1, 3:05 min and the report left, loss 0.500 (rpn.box 0.500)"
    )


def test_the_slow_first_step_and_validations_are_no_measure_of_steps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = Run(Recipe(epochs=2), monkeypatch, expected=60.0)
    assert run.step(30.0) == "5 % epoch 1 step 1 of 20, loss 0.500 (rpn.box 0.500)"
    for _ in range(9):
        last = run.step(2.0)
    assert last == ""  # the last line is not old
    text = run.step(2.0, validated=40.0)
    assert text.startswith(
        "55 % epoch 2 step 11 of 20, 1:18 min and the report left, "
    )  # 9 steps, one validation


def test_minutes_are_left_as_they_were_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Recipe(epochs=UNLIMITED, minutes=2), monkeypatch, expected=10.0)
    assert run.step(30.0).startswith("25 % epoch 1 step 1, 1:40 min and the report left, ")


def test_a_resumed_training_says_where_it_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    run = Run(Recipe(epochs=12, steps=60), monkeypatch, done=20)
    file = run.console.file
    assert isinstance(file, io.StringIO) and file.getvalue() == "goes on after epoch 2\n"
    run.step(9.0)
    for _ in range(3):
        last = run.step(8.0)
    assert last.startswith("40 % epoch 3 step 24 of 60, 4:48 min and the report left, ")
