"""Saving of the state of a training, and the work at the end of an epoch."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from ..runtime.distributed import from_first, maxima, world_size
from ..weights.file import save_model
from .averaging import Averaging
from .ending import SAVE, STOP, Signals, interruption
from .length import Length
from .module import TrainingModule
from .run_folder import RunFolder
from .settings import Settings
from .sound_weights import check_weights
from .validation import Validation

FORMAT = 1  # of the state of a training
_SPARED = 20  # times what the last saving took: so long the ends of epochs do without another one


class Saving(Callback):
    """Saves the state of a training, and does what belongs to the end of an epoch.

    The state is saved every so many minutes, at a signal, at the end of the last epoch and of each
    epoch with a validation, once before it and once after it, and at the end of other epochs unless
    that would take more than a twentieth of the time. It is saved only after an update of the
    weights, so gradients are no part of it. Weights that are not sound are never saved.

    Without validation data the newest weights are the best model, which is saved with the state.
    With averaged weights these are validated and saved.
    """

    def __init__(
        self,
        run: RunFolder,
        settings: Settings,
        signals: Signals,
        validation: Validation | None,
        averaging: Averaging | None,
    ) -> None:
        self.run, self.settings, self.signals = run, settings, signals
        self.validation, self.averaging = validation, averaging
        self._every = 60 * settings.train.save_minutes
        self._saved_at = 0.0  # seconds of training
        self._took = 0.0  # seconds of the last saving, the longest of all processes
        self._step = 0
        self.epoch = 0
        self.is_pending = False  # the work at the end of `epoch`
        self.resumed_at: int | None = None

    def state_dict(self) -> dict[str, Any]:
        """Return the step, and whether the end of the epoch is still to be done."""
        return {
            "format": FORMAT,
            "step": self._step,
            "epoch": self.epoch,
            "pending": self.is_pending,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `state_dict` gave."""
        self._step = self.resumed_at = int(state_dict["step"])
        self.epoch, self.is_pending = int(state_dict["epoch"]), bool(state_dict["pending"])

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """After a resume, do first what the end of the last epoch still needs."""
        self._saved_at = _module(pl_module).clock.elapsed
        self.signals.install()  # Lightning has installed its own
        self.finish_epoch(trainer, pl_module)
        self.signals.defer()

    def on_train_batch_end(
        self,
        trainer: pl.Trainer,
        pl_module: pl.LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
    ) -> None:
        """Save after an update of the weights if it is time to, or if a signal asks for it.

        Raises:
            RelookError: R01 after a signal to stop, R03 for weights that are not sound.
        """
        if trainer.global_step == self._step:
            return
        self._step = trainer.global_step
        if trainer.is_last_batch or trainer.should_stop:
            return  # the end of the epoch comes now
        clock = _module(pl_module).clock
        level = clock.signal if world_size() > 1 else self.signals.level
        if level or clock.elapsed - self._saved_at >= self._every:
            self.is_pending = False
            self._save(trainer, pl_module)
        if level == STOP:
            raise interruption(self.run, self._step)
        if level == SAVE:
            self.signals.forget_save()

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Save, then validate, then save again; or nothing of it, where epochs are short.

        Raises:
            RelookError: R01 after a signal to stop, R03 for weights that are not sound.
        """
        self.epoch, self._step = trainer.current_epoch, trainer.global_step
        passed = self.epoch + 1
        is_last = trainer.should_stop or passed >= (trainer.max_epochs or 0)
        validates = is_last or passed % self.settings.train.validate_every == 0
        (level,) = maxima([float(self.signals.level)])
        since = _module(pl_module).clock.elapsed - self._saved_at
        is_needed = is_last or level or (validates and self.validation is not None)
        if not is_needed and since < _SPARED * self._took:
            self.is_pending = False
            self.signals.defer()
            return  # a time limit that is over by now ends the next epoch, which is saved
        self.is_pending = self.validation is None or validates
        self._save(trainer, pl_module)
        self.signals.forget_save()
        (level,) = maxima([float(self.signals.level)])
        if level >= STOP:
            raise interruption(self.run, self._step)
        self.finish_epoch(trainer, pl_module)
        minutes = self.settings.train.minutes
        if minutes is not None:
            (elapsed,) = maxima([_module(pl_module).clock.local()])
            if elapsed >= 60 * minutes:  # used up by the validation: no further step
                trainer.should_stop = True
        self.signals.defer()

    def finish(
        self, trainer: pl.Trainer, module: TrainingModule, say: Callable[[str], None]
    ) -> None:
        """After the training, do what the end of its last epoch still needs: there is something
        left where it was stopped in it. `say` is told where nothing was left to train."""
        length = Length(self.settings.train, module.schedule.steps_per_epoch)
        step = trainer.global_step
        self.finish_epoch(trainer, module)
        is_exhausted = self.validation is not None and self.validation.is_exhausted
        reason = length.reason(step, is_exhausted=is_exhausted)
        if self.resumed_at == step:
            say(f"nothing is left to train: this run has used up its {reason}")
        elif (sentence := length.end_sentence(step, is_exhausted=is_exhausted)) is not None:
            say(sentence)

    def finish_epoch(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Validate and save the best model, or save the newest, if that is still to be done."""
        if not self.is_pending:
            return
        module = _module(pl_module)
        self.signals.undefer()
        with contextlib.ExitStack() as stack:
            if self.averaging is not None:
                stack.enter_context(self.averaging.in_place(module))
            if self.validation is not None:
                self.validation.validate(trainer, module, self.epoch)
            else:
                started = time.perf_counter()
                from_first(lambda: self._save_latest(module))
                self._took += maxima([time.perf_counter() - started])[0]
        if self.validation is not None:
            self.is_pending = False
            self._save(trainer, module)

    def _save(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        started = time.perf_counter()
        check_weights(module, trainer.global_step)
        trainer.save_checkpoint(self.run.last)
        (self._took,) = maxima([time.perf_counter() - started])
        self._saved_at = _module(module).clock.elapsed

    def _save_latest(self, module: TrainingModule) -> None:
        check_weights(module, self._step)
        extra = {"preset": self.settings.preset, **module.origin()}
        model_parts = module.detector, self.settings.model, module.classes, extra
        save_model(self.run.best, *model_parts, stuff=module.stuff)


def _module(module: pl.LightningModule) -> TrainingModule:
    assert isinstance(module, TrainingModule)
    return module
