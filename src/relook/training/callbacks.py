"""Callbacks around the steps of a training: records, validation, random numbers, a picture."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from PIL import Image

from ..visualization.sheet import save_picture
from .loading import TrainingBatch, mixed_seed
from .logs import TrainingLog
from .module import TrainingModule
from .run_folder import RunFolder

MONITOR = "val/ap"  # PQ, or AP of masks, or of boxes where there are no masks
Say = Callable[[str], None]
Draw = Callable[[TrainingBatch], Image.Image]


def _module(module: pl.LightningModule) -> TrainingModule:
    assert isinstance(module, TrainingModule)
    return module


class Reseed(Callback):
    """Seeding of random numbers that do not depend on one image (`Target.seed`): by seed, epoch
    and batch, so that a resumed training draws the same numbers as one without a break."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Seed all generators of torch."""
        torch.manual_seed(mixed_seed(self.seed, trainer.current_epoch, -1 - batch_idx))


class StepLimit(Callback):
    """Ends a training after a number of steps; nothing is done where it has as many already."""

    def __init__(self, steps: int) -> None:
        self.steps = steps
        self._done = 0

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Stop at once after a resume of a training that had its steps."""
        self._stop_at(trainer, self._done)

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Stop after the last step."""
        self._done = trainer.global_step
        self._stop_at(trainer, self._done)

    def _stop_at(self, trainer: pl.Trainer, done: int) -> None:
        trainer.should_stop = trainer.should_stop or done >= self.steps

    def state_dict(self) -> dict[str, Any]:
        """Return the number of steps so far."""
        return {"steps": self._done}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore the number of steps so far."""
        self._done = int(state_dict["steps"])


class FirstBatch(Callback):
    """Saves a picture of the first batch, before the first step, and sends it to the logs."""

    def __init__(self, path: Path, draw: Draw, say: Say, logs: TrainingLog) -> None:
        self.path, self.draw, self.say, self.logs = path, draw, say, logs

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Draw the first batch of the run."""
        if trainer.global_step == 0 and batch_idx == 0:
            picture = self.draw(batch)
            save_picture(picture, self.path)
            self.logs.picture("first_batch", picture, 0)
            self.say(f"picture of the first batch: {self.path}")


@dataclass
class _Window:
    """Sums over the steps since the last record."""

    steps: int = 0
    images: int = 0
    losses: dict[str, float] = field(default_factory=dict)
    since: float = field(default_factory=time.monotonic)

    def add(self, losses: dict[str, float], images: int) -> None:
        self.steps += 1
        self.images += images
        for name, value in losses.items():
            self.losses[name] = self.losses.get(name, 0.0) + value

    def means(self) -> dict[str, float]:
        """The sum of all losses, then the mean of each; a missing loss of a step counts as zero."""
        means = {name: total / self.steps for name, total in self.losses.items()}
        return {"loss": sum(means.values()), **means}


class Records(Callback):
    """Writes the losses by name, averaged over `every` steps, to the run's metrics and logs."""

    def __init__(self, run: RunFolder, every: int, logs: TrainingLog, say: Say) -> None:
        self.run, self.every, self.logs, self.say = run, every, logs, say
        self._window = _Window()
        self._kept: int | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the number of records, and the sums over the steps since the last one."""
        window = self._window
        sums = {"steps": window.steps, "images": window.images, "losses": dict(window.losses)}
        return {"records": len(self.run.rows()), "window": sums}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self._kept, self._window = state_dict["records"], _Window(**state_dict["window"])

    def on_fit_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """After a resume, drop the records after the checkpoint, which are made again."""
        if self._kept is not None:
            self.run.forget_after(0, self._kept)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Open the logs."""
        if self._kept is None:  # the checkpoint of an older relook
            self.run.forget_after(trainer.global_step)
        self.logs.begin(trainer.global_step, self.say)
        self._window.since = time.monotonic()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Add the losses of the step, and write a record when the window is full."""
        window = self._window
        window.add(_module(pl_module).last_losses, len(batch))
        if window.steps < self.every:
            return
        seconds = time.monotonic() - window.since
        row = {
            "step": trainer.global_step,
            "epoch": trainer.current_epoch,
            "lr": trainer.optimizers[0].param_groups[0]["lr"],
            "seconds_per_step": round(seconds / window.steps, 4),
            **{name: round(value, 6) for name, value in window.means().items()},
        }
        self.run.record(row)
        self.logs.record(row)
        self._window = _Window()

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Restart the window's clock: a validation between epochs is no training time."""
        self._window.since = time.monotonic()
