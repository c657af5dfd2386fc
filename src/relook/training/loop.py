"""One training, from its settings to a run folder."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import lightning.pytorch as pl
from lightning.fabric.plugins.environments.torchelastic import TorchElasticEnvironment
from lightning.pytorch.callbacks import Callback, Timer
from lightning.pytorch.strategies import DDPStrategy
from PIL import Image
from rich.console import Console

from ..data.statistics import object_sizes
from ..evaluation.metrics import Metrics
from ..models.detector import Detector
from ..ops.cpu.switch import plain
from ..runtime.cluster import Place, find_place, join_others
from ..runtime.devices import choose_device
from ..runtime.distributed import from_first
from ..runtime.memory import keep_freed
from ..visualization.batch import draw_batch
from .annotations import Annotations
from .averaging import Averaging
from .callbacks import FirstBatch, Records, Reseed, StepLimit
from .checkpoints import WholeCheckpointIO
from .continuing import check_settings, locked, state_to_continue
from .ending import Signals, interruptible
from .fingerprint import fingerprint
from .length import Length
from .loading import (
    BatchMaker,
    Share,
    TrainingBatch,
    auto_workers,
    training_loader,
    validation_loader,
)
from .logs import TrainingLog, check_logs
from .module import TrainingModule
from .panoptic_validation import PanopticValidation
from .plan import PlanSection, few_steps_sentence, plan_sections
from .progress import ProgressReport
from .quiet import quiet
from .recomputing import recompute_activations
from .report import report_on
from .run_folder import RunFolder, create_run, open_run, run_to_continue
from .saving import Saving
from .schedule import Clock, Schedule
from .settings import Settings
from .sources import Sources, read_sources
from .start.fresh import seeded_detector
from .start.source import Start, first_detector
from .time_left import TimeLeft
from .validation import Validation

RECORDS_AN_EPOCH, RECORD_EVERY = 10, 50  # at least so many; steps, in long epochs


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished training."""

    run: RunFolder
    metrics: Metrics | None  # of the best model; None without validation
    seconds: float  # of training, validations between epochs included
    validation_images_per_second: float
    steps: int  # updates of the weights, those before a resume included
    images: int  # in these steps, over all processes


def train(
    settings: Settings,
    console: Console,
    *,
    out: Path | None = None,
    start: Start | None = None,
    annotations: Annotations | None = None,
    parent: Path = Path("runs"),
    run: RunFolder | None = None,
    chosen: Sequence[str] = (),
    go_on: bool = False,
) -> Outcome:
    """Train by `settings`, in a new run folder, or in `run`, which has no settings yet.

    `annotations` are those of the settings, where they have been read already; `chosen` are lines
    of the plan about what was found and chosen before. With `go_on`, the run in `out`, or `run`
    itself, is resumed if it can be: a queue can give the same command again and again.
    In one of several processes of torchrun or srun, train together with the others; only the first
    writes files and messages.

    Raises:
        RelookError: R01 when interrupted, R02 when the disk is full, R03 when it diverged, R05
            when another process has ended; with `go_on` also R06 and R07, as `resume`.
        DataError, UsageError, ModelError: the input cannot be used; raised before the first step.
    """
    check_logs(settings.train.log)
    place = find_place(os.environ)
    join_others(place)
    console = _console_of(console, place)
    settings, sources = read_sources(settings, annotations)
    place_of_run = out if run is None else run.path
    if go_on and (there := from_first(lambda: run_to_continue(place_of_run))) is not None:
        check_settings(there, settings)
        return _go_on(there, settings, sources, console, place)
    beginning: list[str] = []
    detector = first_detector(settings, sources, start, beginning.append)
    run = run or from_first(lambda: create_run(out, settings.preset, parent, anew=go_on))
    with locked(run, _printer(console)):
        weights = None if start is None else start.path
        data = fingerprint(settings, sources, weights)
        from_first(lambda: run.begin(settings, sources.train, data))
        training = _Training(settings, sources, detector, run, console, place, start)
        training.plan.insert(0, PlanSection("Start", tuple(beginning)))
        training.plan.insert(0, PlanSection("Found and chosen", tuple(chosen)))
        return training.fit(None)


def resume(path: Path, console: Console) -> Outcome:
    """Resume the run at `path` at the step of its newest state, on the present number of processes.

    Raises:
        DataError: D01 when there is no such run or it has no checkpoint; else as `train`.
        RelookError: R06 when its annotations have changed or its states are damaged, R07 when
            another process is at work in it; else as `train`.
    """
    place = find_place(os.environ)
    join_others(place)
    run = open_run(path)
    settings = run.read_settings()
    check_logs(settings.train.log)
    settings, sources = read_sources(settings)
    return _go_on(run, settings, sources, _console_of(console, place), place)


def _go_on(
    run: RunFolder, settings: Settings, sources: Sources, console: Console, place: Place
) -> Outcome:
    """Resume `run`, whose data must be that of `sources`."""
    say = _printer(console)
    with locked(run, say):
        state = state_to_continue(run, settings, sources, say)
        detector = seeded_detector(settings.model, settings.train.seed)
        say(f"going on with {run.path}")
        return _Training(settings, sources, detector, run, console, place).fit(state)


class _Training:
    """The parts of one training and their order."""

    def __init__(
        self,
        settings: Settings,
        sources: Sources,
        detector: Detector,
        run: RunFolder,
        console: Console,
        place: Place,
        start: Start | None = None,
    ) -> None:
        self.settings, self.sources, self.run, self.place = settings, sources, run, place
        self.console, self.say = console, _printer(console)
        recipe = settings.train
        self.logs = TrainingLog(recipe.log, run, settings)
        maker = BatchMaker(*settings.model.input.normalisation)
        workers = auto_workers(place.devices) if recipe.workers == "auto" else recipe.workers
        share = Share(place.rank, place.world_size)
        self.loader = training_loader(
            sources.training_set(settings), recipe.batch, workers, recipe.seed, maker, share
        )
        self.signals = Signals()
        self.averaging = None if recipe.ema is None else Averaging(decay=recipe.ema)
        self.validation: Validation | None = None
        val_set = sources.validation_set(settings)
        if val_set is not None and sources.val is not None:
            loader = validation_loader(val_set, min(workers, 2), maker, share)
            self.validation = Validation(run, settings, sources.val, loader, self.say, self.logs)
        self.saving = Saving(run, settings, self.signals, self.validation, self.averaging)
        self.timer = Timer(
            None if recipe.minutes is None else timedelta(minutes=recipe.minutes), verbose=False
        )
        self.length = Length(recipe, -(-len(self.loader) // recipe.accumulate))
        if recipe.recompute:
            recompute_activations(detector)
        classes, stuff = sources.train.classes, sources.stuff
        panoptic = None
        if sources.panoptic_val is not None:
            panoptic = PanopticValidation(sources.panoptic_val, settings.model, classes, stuff)
        clock = Clock(self.timer.time_elapsed, local_signal=lambda: self.signals.level)
        self.schedule = Schedule(recipe, self.length.steps_per_epoch, lambda: clock.elapsed)
        self.module = TrainingModule(
            detector,
            recipe,
            settings.model.input,
            self.schedule,
            classes,
            stuff,
            clock=clock,
            panoptic=panoptic,
            licence=None if start is None else start.saved.licence,
            sizes=object_sizes(sources.train, settings.model.input.size, recipe.augment),
        )
        reasons = () if start is None else start.reasons
        self.is_trained = run.read_data().get("weights") is not None
        subjects = settings, sources, detector, run, self.length, place
        self.plan = plan_sections(*subjects, reasons, is_trained=self.is_trained)

    def fit(self, checkpoint: Path | None) -> Outcome:
        """Print the plan, train, write the report."""
        plan = [line for section in self.plan for line in section.text()]
        for line in plan:
            self.say(line)
        trainer = self._trainer()
        with (
            self.signals,
            self._operations(),
            quiet(),
            interruptible(self.run, trainer),
            self.logs,
        ):
            try:
                trainer.fit(self.module, self.loader, ckpt_path=checkpoint, weights_only=True)
                self.saving.finish(trainer, self.module, self.say)
            finally:
                self._close()
        outcome = self._outcome(trainer)
        if self.place.rank == 0:
            few = few_steps_sentence(outcome.steps, is_trained=self.is_trained)
            validated = 0.0 if self.validation is None else self.validation.seconds
            results = plan, outcome.metrics, outcome.seconds, validated, few
            metrics = report_on(self.run, self.settings, self.sources, *results, self.say)
            outcome = replace(outcome, metrics=metrics)
        return outcome

    def _close(self) -> None:
        """End the loader processes."""
        self.loader.close()
        if self.validation is not None:
            self.validation.loader.close()

    def _operations(self) -> contextlib.AbstractContextManager[None]:
        """Return the context of fast or plain operations, by the recipe."""
        if not self.settings.train.fast:
            return plain()
        keep_freed()
        return contextlib.nullcontext()

    def _trainer(self) -> pl.Trainer:
        recipe, several = self.settings.train, self.place.world_size > 1
        with quiet():
            return pl.Trainer(
                default_root_dir=self.run.path,
                accelerator=choose_device().type,  # Lightning's "auto" takes MPS on a Mac
                devices=self.place.devices,
                num_nodes=self.place.nodes,
                strategy=DDPStrategy() if several else "auto",
                precision=recipe.precision,
                max_epochs=recipe.epochs,
                accumulate_grad_batches=recipe.accumulate,
                gradient_clip_val=recipe.gradient_clip,
                logger=False,
                enable_checkpointing=False,
                callbacks=self._callbacks(),
                plugins=[WholeCheckpointIO(), *([TorchElasticEnvironment()] if several else [])],
                enable_progress_bar=False,
                enable_model_summary=False,
                use_distributed_sampler=False,
            )

    def _callbacks(self) -> list[Callback]:
        """Return the callbacks in their order: the state is saved after all others."""
        recipe = self.settings.train
        every = max(1, min(RECORD_EVERY, len(self.loader) // RECORDS_AN_EPOCH))
        before = [] if self.validation is None else [self.validation]  # the clock of the timer
        callbacks: list[Callback] = [*before, self.timer, Reseed(recipe.seed)]
        if recipe.steps is not None:
            callbacks.append(StepLimit(recipe.steps))
        if self.place.rank == 0:
            left = TimeLeft(self.length)
            callbacks += [
                FirstBatch(self.run.first_batch, self._draw, self.say, self.logs),
                Records(self.run, every, self.logs, self.say),
                ProgressReport(self.console, self.schedule, left, self.validation),
            ]
        averaging = [] if self.averaging is None else [self.averaging]
        return [*callbacks, *averaging, self.saving]

    def _draw(self, batch: TrainingBatch) -> Image.Image:
        names = [c.name for c in self.sources.train.classes]
        normalisation = self.settings.model.input.normalisation
        return draw_batch(batch.images, batch.targets, names, *normalisation)

    def _outcome(self, trainer: pl.Trainer) -> Outcome:
        validation = self.validation
        a_batch = (self.loader.batch_size or 1) * self.place.world_size
        return Outcome(
            self.run,
            None if validation is None else validation.best_metrics,
            self.timer.time_elapsed(),
            0.0 if validation is None else validation.images_per_second,
            trainer.global_step,
            (trainer.fit_loop.total_batch_idx + 1) * a_batch,
        )


def _console_of(console: Console, place: Place) -> Console:
    """`console` for the first process, a silent one for the others."""
    return console if place.rank == 0 else Console(quiet=True, force_terminal=False)


def _printer(console: Console) -> Callable[[str], None]:
    return lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True)
