"""One training of one contender, in a process of its own: from a job to numbers.

Both contenders go through relook's loader, augmentation, optimiser, schedule and evaluation;
relook's through `relook.training.loop.train`, the yardstick through the same Lightning module.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Timer
from rich.console import Console
from safetensors.torch import load_file, save_file

from relook.config.model import ModelConfig
from relook.data.coco.reader import read_coco
from relook.errors import RelookError
from relook.evaluation.metrics import Metrics
from relook.evaluation.run import evaluate_model
from relook.inference.predictor import Predictor
from relook.training.callbacks import Reseed
from relook.training.loading import BatchMaker, auto_workers, training_loader
from relook.training.loop import train
from relook.training.module import TrainingModule
from relook.training.recipe import UNLIMITED
from relook.training.schedule import Schedule
from relook.training.settings import Overlay, Settings, parse_assignments, resolve
from relook.training.sources import Sources, read_sources
from relook.weights.file import load_model

from .model import Yardstick, at_stock_widths

Contender = Literal["relook", "torchvision"]
CONTENDERS: tuple[Contender, Contender] = ("relook", "torchvision")


@dataclass(frozen=True, slots=True)
class Job:
    """A training, for so many minutes or so many steps, and the file that scores it."""

    contender: Contender
    preset: str
    rate: float
    minutes: float | None  # None: `steps` end it
    steps: int | None  # of the optimiser, of the yardstick only; None: `minutes` end it
    train_json: str
    score_json: str
    images: str  # the folder of both files
    seed: int
    threads: int
    workers: int | Literal["auto"]
    stock: bool = False  # the yardstick at torchvision's own widths
    changes: tuple[str, ...] = ()  # as of --set

    def settings(self) -> Settings:
        """What both contenders are trained by."""
        recipe: dict[str, Any] = {
            "epochs": UNLIMITED,
            "minutes": self.minutes,
            "lr": self.rate,
            "seed": self.seed,
            "workers": self.workers,
        }
        if self.contender == "torchvision":
            recipe["semantics"] = "none"  # labels it has no use for would only cost it time
        given = Overlay(
            train=recipe, data={"train_json": self.train_json, "train_images": self.images}
        )
        return resolve([given, parse_assignments(self.changes)], preset_name=self.preset)

    def to_json(self) -> dict[str, Any]:
        """The fields as json has them."""
        return {**asdict(self), "changes": list(self.changes)}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Job:
        """Inverse of `to_json`."""
        return cls(**{**values, "changes": tuple(values["changes"])})


@dataclass(frozen=True, slots=True)
class Trained:
    """A finished training."""

    predictor: Predictor
    steps: int  # movements of the weights
    seconds: float
    images_a_step: int


def run_job(job: Job, folder: Path) -> dict[str, Any]:
    """Train in ``folder/run``, score, and return the numbers as json values.

    A training that diverged has the reason under "diverged" and no numbers.
    """
    torch.set_num_threads(job.threads)
    fit = fit_relook if job.contender == "relook" else fit_yardstick
    try:
        trained = fit(job, folder / "run")
    except RelookError as error:
        if error.code != "R03":
            raise
        return {"diverged": error.message}
    predictor = trained.predictor
    index = read_coco(job.score_json, job.images, classes=[c.name for c in predictor.classes])
    max_dets = job.settings().train.max_dets
    found = evaluate_model(predictor, index, max_dets=max_dets)
    return {
        **scores(found.metrics),
        "parameters": sum(p.numel() for p in predictor.detector.parameters()),
        "steps": trained.steps,
        "images": trained.steps * trained.images_a_step,
        "minutes": trained.seconds / 60,
    }


def scores(metrics: Metrics) -> dict[str, Any]:
    """AP of masks and boxes; F1 and count error at the threshold that is best on these images."""
    assert metrics.mask is not None  # the contenders have masks, and so has the data
    best = metrics.best_counting
    return {
        "mask_ap": metrics.mask.ap,
        "mask_ap50": metrics.mask.ap50,
        "box_ap": metrics.box.ap,
        "f1": None if best is None else best.f1,
        "count_error": None if best is None else best.count_error,
    }


def fit_relook(job: Job, folder: Path) -> Trained:
    """The model of relook, trained as `relook train` does without validation.

    Raises:
        RelookError: What `train` raises.
    """
    settings = job.settings()
    outcome = train(settings, Console(), out=folder)
    state = torch.load(outcome.run.last, map_location="cpu", weights_only=True)
    batch = settings.train.effective_batch
    return Trained(load_relook(outcome.run.path), state["global_step"], outcome.seconds, batch)


def fit_yardstick(job: Job, folder: Path) -> Trained:
    """The model of torchvision, trained by the same module, schedule and clipping.

    Raises:
        RelookError: R03 when it diverged; what `read_sources` raises.
    """
    settings, sources = read_sources(job.settings())
    config = network_config(settings.model, stock=job.stock)
    torch.manual_seed(job.seed)
    network = Yardstick(config)
    steps, seconds = _fit(network, settings, sources, job.steps, folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(network.state_dict(), weights_file(folder))
    predictor = Predictor(network, config, sources.train.classes)
    return Trained(predictor, steps, seconds, settings.train.effective_batch)


def _fit(
    network: Yardstick, settings: Settings, sources: Sources, steps: int | None, folder: Path
) -> tuple[int, float]:
    """Steps and seconds of a training of `network` in place."""
    recipe = settings.train
    workers = auto_workers() if recipe.workers == "auto" else recipe.workers
    maker = BatchMaker(settings.model.input.mean, settings.model.input.std)
    loader = training_loader(
        sources.training_set(settings), recipe.batch, workers, recipe.seed, maker
    )
    limit = None if recipe.minutes is None else timedelta(minutes=recipe.minutes)
    timer = Timer(limit, verbose=False)
    if steps is None:
        steps_per_epoch = -(-len(loader) // recipe.accumulate)
        schedule = Schedule(recipe, steps_per_epoch, timer.time_elapsed)
    else:  # one epoch of the schedule is the whole training
        schedule = Schedule(recipe.with_(epochs=1), steps)
    module = TrainingModule(network, recipe, settings.model.input, schedule, sources.train.classes)
    trainer = pl.Trainer(
        default_root_dir=folder,
        accelerator="auto",
        devices=1,
        precision=recipe.precision,
        max_epochs=recipe.epochs,
        max_steps=-1 if steps is None else steps,
        accumulate_grad_batches=recipe.accumulate,
        gradient_clip_val=recipe.gradient_clip,
        logger=False,
        callbacks=[timer, Reseed(recipe.seed)],
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        use_distributed_sampler=False,
    )
    trainer.fit(module, loader)
    return trainer.global_step, timer.time_elapsed()


def load_relook(folder: Path) -> Predictor:
    """The model of a run folder of relook."""
    saved = load_model(folder / "best.safetensors")
    return Predictor(saved.detector, saved.config, saved.classes)


def load_yardstick(folder: Path, like: Predictor, *, stock: bool) -> Predictor:
    """The network that `fit_yardstick` left in `folder`, for input and classes of `like`."""
    config = network_config(like.config, stock=stock)
    network = Yardstick(config)
    network.load_state_dict(load_file(weights_file(folder)))
    return Predictor(network.eval(), config, like.classes)


def network_config(config: ModelConfig, *, stock: bool) -> ModelConfig:
    """`config` with the widths the yardstick is built with."""
    return at_stock_widths(config) if stock else config


def weights_file(folder: Path) -> Path:
    """Where the weights of the yardstick are."""
    return folder / "torchvision.safetensors"
