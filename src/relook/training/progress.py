"""Progress of a training: a bar on a terminal, lines elsewhere."""

from __future__ import annotations

import time
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from .module import TrainingModule
from .schedule import Schedule
from .time_left import TimeLeft, duration
from .validation import Validation

LINE_EVERY = 15.0  # seconds between lines where there is no terminal


class ProgressReport(Callback):
    """Epoch, step, losses by name and time left, validations included and the report named."""

    def __init__(
        self, console: Console, schedule: Schedule, left: TimeLeft, validation: Validation | None
    ) -> None:
        self.console, self.schedule = console, schedule
        self.left, self.validation = left, validation
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._spoke = self._since = self._validated = 0.0
        self._step = 0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock, and the bar if there is a terminal."""
        self._spoke = self._since = time.monotonic()
        self._validated = self._validation_seconds()
        self._step = trainer.global_step
        if self._step:
            self.console.print(
                f"goes on after {self.left.length.position(self._step)}", highlight=False
            )
        if self.console.is_terminal:
            columns = (BarColumn(), TextColumn("{task.percentage:>3.0f} % {task.description}"))
            self._bar = Progress(*columns, console=self.console, transient=True)
            self._task = self._bar.add_task("", total=1.0)
            self._bar.start()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Update the bar, or print a line if the last one is old."""
        assert isinstance(pl_module, TrainingModule)
        now = time.monotonic()
        is_update = trainer.global_step != self._step
        if is_update:
            self._measure(trainer.global_step, now)
        if self._bar is not None:
            text = self._text(trainer, pl_module)
            self._bar.update(self._task, completed=self._fraction(trainer), description=text)
        elif now - self._spoke >= LINE_EVERY or (is_update and self._is_first_or_last(trainer)):
            self._spoke = now
            percent = f"{100 * self._fraction(trainer):3.0f} %"
            text = f"{percent} {self._text(trainer, pl_module)}"
            self.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Remove the bar."""
        self._stop()

    def on_exception(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException
    ) -> None:
        """Remove the bar, so that the message starts on an empty line."""
        self._stop()

    def _stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def _validation_seconds(self) -> float:
        return 0.0 if self.validation is None else self.validation.seconds

    def _measure(self, step: int, now: float) -> None:
        """Give the time of a step, without that of a validation before it, to the estimate."""
        validated = self._validation_seconds()
        self.left.add(now - self._since - (validated - self._validated))
        self.left.validation = 0.0 if self.validation is None else self.validation.expected
        self._since, self._validated, self._step = now, validated, step

    def _is_first_or_last(self, trainer: pl.Trainer) -> bool:
        return trainer.global_step in (1, self.left.length.steps)

    def _fraction(self, trainer: pl.Trainer) -> float:
        """Part of the training that is done: of its steps, or of its minutes if they are nearer."""
        recipe = self.schedule.recipe
        passed = self.schedule.epochs_passed(trainer.global_step) / recipe.epochs
        steps = self.left.length.steps
        return min(1.0, max(passed, trainer.global_step / steps if steps else 0.0))

    def _text(self, trainer: pl.Trainer, module: TrainingModule) -> str:
        steps, step = self.left.length.steps, trainer.global_step
        elapsed = self.schedule.elapsed
        seconds = self.left.seconds(step, 0.0 if elapsed is None else elapsed())
        left = "" if seconds is None else f"{duration(seconds)} and the report left, "
        of_all = "" if steps is None else f" of {steps}"
        losses = module.last_losses
        named = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
        return (
            f"epoch {trainer.current_epoch + 1} step {step}{of_all}, "
            f"{left}loss {sum(losses.values()):.3f} ({named})"
        )
