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

LINE_EVERY = 15.0  # seconds between lines where there is no terminal


def duration(seconds: float) -> str:
    """`seconds` as 45 s, 12:05 min or 3:07:15 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, remainder = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{remainder:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d}:{remainder:02d} h"


class ProgressReport(Callback):
    """Epoch, step, losses by name and time left."""

    def __init__(self, console: Console, schedule: Schedule) -> None:
        self.console, self.schedule = console, schedule
        self._bar: Progress | None = None
        self._task = TaskID(0)
        self._started = self._spoke = 0.0
        self._from = 0.0

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Start the clock, and the bar if there is a terminal."""
        self._started = self._spoke = time.monotonic()
        self._from = self._fraction(trainer)
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
        if self._bar is not None:
            text = self._text(trainer, pl_module, now)
            self._bar.update(self._task, completed=self._fraction(trainer), description=text)
        elif now - self._spoke >= LINE_EVERY or trainer.global_step == 1:
            self._spoke = now
            percent = f"{100 * self._fraction(trainer):3.0f} %"
            text = f"{percent} {self._text(trainer, pl_module, now)}"
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

    def _fraction(self, trainer: pl.Trainer) -> float:
        return self.schedule.epochs_passed(trainer.global_step) / self.schedule.recipe.epochs

    def _text(self, trainer: pl.Trainer, module: TrainingModule, now: float) -> str:
        done = self._fraction(trainer) - self._from
        left = (now - self._started) * (1 - self._from - done) / done if done > 0 else 0.0
        losses = module.last_losses
        named = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
        return (
            f"epoch {trainer.current_epoch + 1} step {trainer.global_step}, "
            f"{duration(left)} left, loss {sum(losses.values()):.3f} ({named})"
        )
