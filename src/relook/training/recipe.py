"""Recipe of a training: one closed record, every default defined once.

The defaults are the 1x schedule of the COCO recipes, 12 epochs at 16 images, except that images
without objects are kept: a small data set needs them as examples of background.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ..config.base import Config
from ..config.model import ModelConfig
from ..data.augment.rule import Augment
from ..errors import UsageError, did_you_mean
from ..structures.rules.bounds import Fraction, NonNegative, Positive, PositiveFloat

UNLIMITED = 1_000_000  # epochs, where a training ends by minutes only

LogName = Literal["tensorboard", "wandb", "mlflow"]


class Recipe(Config):
    """Settings of a training, from the first to the last step."""

    epochs: Positive = 12
    minutes: PositiveFloat | None = None
    """Stop after this number of minutes, also before the last of `epochs`. The schedule then
    follows the larger fraction of epochs and of minutes that has passed."""
    steps: Positive | None = None
    """Stop after this number of steps. The schedule stays that of `epochs` and `minutes`: it is
    the beginning of the same training, for a test of its start."""
    batch: Positive = 16  # images a step, over all processes
    accumulate: Positive = 1  # steps whose gradients are summed for one update of the weights
    optimizer: Literal["sgd", "adamw"] = "sgd"
    lr: Literal["auto"] | PositiveFloat = "auto"
    reference_batch: Positive = 16  # at this batch,
    reference_lr: PositiveFloat = 0.02  # this is the rate; `auto` scales it linearly
    momentum: Fraction = 0.9  # of SGD
    weight_decay: Annotated[float, Field(ge=0)] = 1e-4
    warmup_iterations: NonNegative = 500
    """Steps of linear warm-up; never more than a tenth of the training."""
    warmup_ratio: Annotated[float, Field(gt=0, le=1)] = 0.001
    schedule: Literal["step", "cosine"] = "step"
    step_epochs: tuple[Positive, ...] = (8, 11)  # the rate drops to a tenth when these begin
    gradient_clip: Annotated[float, Field(gt=0)] | None = None  # L2 norm of all gradients
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    normalise: Literal["global", "process"] = "global"
    """Divisor of a loss when several processes train: `global` is the count of all of them, as in
    one process; `process` is the count of each."""
    fast: bool = True  # use the fast operations of `relook.ops.cpu.switch` where they apply
    recompute: bool = False
    """Activation checkpointing: backbone, pyramid and heads compute their activations twice
    instead of keeping them; less memory, the same losses."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None  # decay of averaged weights
    patience: Positive | None = None  # validations without a better AP before stopping
    seed: NonNegative = 0
    workers: NonNegative | Literal["auto"] = "auto"
    semantics: Literal["auto", "none", "instances", "maps", "panoptic"] = "auto"
    semantic_maps: Path | None = None  # folder of stuff maps
    keep_empty: bool = True  # images without objects
    min_image_side: NonNegative = 0  # images with a shorter side are left out
    from_scratch: bool = False
    backbone_from: Path | None = None
    """A model of relook with a plain backbone, from which the backbones start, in every look and
    also with SAC or standardised weights; the start of all other parts does not change.
    ``torchvision-coco`` is torchvision's Mask R-CNN, for backbones, pyramid and proposals."""
    validate_every: Positive = 1  # epochs; the last one is always validated
    save_minutes: PositiveFloat = 5.0
    """Minutes of training between two saved states inside an epoch; the state is also saved at a
    signal, and at the end of each epoch before and after its validation. Short epochs without
    validation do without where saving would take more than a twentieth of the time."""
    max_dets: Positive = 100  # detections an image that validation counts
    log: tuple[LogName, ...] = ()
    """Logs that also get losses, rates, precision and pictures; each needs its extra."""
    augment: Augment = Augment()

    @model_validator(mode="after")
    def _steps_in_order(self) -> Self:
        if list(self.step_epochs) != sorted(set(self.step_epochs)):
            raise ValueError(f"step_epochs must rise; got {self.step_epochs}")
        return self

    @property
    def effective_batch(self) -> int:
        """Number of images for one update of the weights."""
        return self.batch * self.accumulate

    @property
    def learning_rate(self) -> float:
        """The peak rate: `lr`, or for `auto` the reference rate scaled linearly by the batch."""
        if self.lr != "auto":
            return self.lr
        rate = self.reference_lr * self.effective_batch / self.reference_batch
        return rate if math.isfinite(rate) else self.reference_lr


_TINY = Recipe(
    epochs=30,
    batch=2,  # small: on a CPU, many small steps train better than few large ones
    optimizer="adamw",
    reference_batch=2,
    reference_lr=1e-3,
    weight_decay=0.05,
    warmup_iterations=100,
    schedule="cosine",
    gradient_clip=10.0,
    max_dets=500,
    augment=Augment(
        scale_jitter=(1.0, 2.5),
        crop=(256, 256),
        vertical_flip=0.5,
        quarter_turns=True,
        colour=0.2,
    ),
)
"""For minutes from scratch on two cores, on images of any orientation."""

_PHOTOS = _TINY.with_(
    max_dets=100,
    augment=Augment(scale_jitter=(0.8, 2.0), crop=(384, 384), colour=0.2),
)
"""The same for photographs, which are upright."""

_20E = Recipe(epochs=20, step_epochs=(16, 19))
_LARGE = Augment(size=((1600, 400), (1600, 1400)))  # of the published deformable models
_DSC_CLIP = 35.0  # L2 norm of the gradients, in all recipes of DSC

RECIPES: dict[str, Recipe] = {
    "htc-tiny": _TINY,
    "htc-tiny-rfp": _TINY,
    "htc-tiny-sac": _TINY,
    "detectors-htc-tiny": _TINY,
    "detectors-cascade-tiny": _TINY,
    "htc-r101": _20E,
    "htc-x101-32x4d": _20E,
    "htc-x101-64x4d": _20E,
    "htc-x101-64x4d-dcn": _20E.with_(augment=_LARGE),
    "detectors-htc-r101": _20E,
    "dsc-r50": _20E.with_(gradient_clip=_DSC_CLIP),
    "dsc-r101": _20E.with_(gradient_clip=_DSC_CLIP),
    "dsc-x101-32x4d": _20E.with_(gradient_clip=_DSC_CLIP),
    "dsc-x101-64x4d-dcn": _20E.with_(gradient_clip=_DSC_CLIP, augment=_LARGE),
    "fast-dsc-r50": Recipe(gradient_clip=_DSC_CLIP),
    "detectors-dsc-r50": Recipe(gradient_clip=_DSC_CLIP),
    "detectors-fast-dsc-r50": Recipe(gradient_clip=_DSC_CLIP),
    "dsc-tiny": _TINY,
    "fast-dsc-tiny": _TINY,
    "detectors-dsc-tiny": _TINY,
    "detectors-panoptic-tiny": _PHOTOS,
}
"""Presets whose recipe is not the 1x schedule."""


_COCO: dict[str, Any] = {"schedule": "step", "keep_empty": False, "min_image_side": 32}
"""Fields of the recipe that all published trainings have in common."""

SCHEDULES: Mapping[str, Mapping[str, Any]] = {
    "1x": _COCO | {"epochs": 12, "step_epochs": [8, 11]},
    "20e": _COCO | {"epochs": 20, "step_epochs": [16, 19]},
    "40e": _COCO
    | {
        "epochs": 40,
        "step_epochs": [36, 39],
        "warmup_ratio": 1 / 3,
        "gradient_clip": 35.0,
        "augment": {"size": [[1333, 400], [1333, 1200]]},
    },
}
"""Fields of a recipe by the name of a schedule; 40e is that of the DetectoRS authors."""


def recipe_for(preset: str) -> Recipe:
    """The default recipe of the preset called `preset`."""
    return RECIPES.get(preset, Recipe())


def schedule_changes(name: str, model: ModelConfig) -> Mapping[str, Any]:
    """Fields of a recipe that the schedule called `name` sets for a training of `model`.

    The published models with a semantic branch were trained on the stuff maps of COCO, so these
    are required; ``--semantics`` changes this.

    Raises:
        UsageError: U01 when there is no such schedule.
    """
    if name not in SCHEDULES:
        raise UsageError("U01", f"unknown schedule {name!r}; {did_you_mean(name, SCHEDULES)}")
    maps = {} if model.semantic is None else {"semantics": "maps"}
    return {**SCHEDULES[name], **maps}


def from_scratch(config: ModelConfig) -> ModelConfig:
    """`config` made trainable from random numbers: group norm, nothing frozen, no weights.

    Stored batch statistics and a frozen stem are useful only for a network with trained weights.
    """
    return config.with_(backbone__norm="group", backbone__frozen_stages=0, backbone__weights=None)
