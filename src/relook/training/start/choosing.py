"""The start of a training where no weights are named, chosen by a rule.

1. Where a model is named: the weights of a shipped model if its backbone, pyramid and box heads
   have the shapes of that model; else the ImageNet weights that its preset names; else random
   numbers.
2. Where none is named: the shipped model that has a class of the data by name. Else, with a GPU
   and the ImageNet weights of ResNet-50 in PyTorch's cache, `GPU_MODELS`. Else the shipped model
   `GENERAL`: what tells an object from its background is of use for other objects too.

Data with boxes only gets a model that finds boxes only. Nothing is downloaded that was not asked
for by the name of a model.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

from ...config.model import ModelConfig
from ...config.presets import preset
from ...errors import first_few
from ...interop.structure import differences
from ...weights.opening import read_header
from ...weights.shipped import SHIPPED, shipped_file

GENERAL: Final = "nuclei"
BOXES_ONLY: Final = "detectors-cascade-tiny"
GPU_MODELS: Final = ("detectors-htc-r50", "detectors-cascade-r50")  # with masks, boxes only
_IMAGENET: Final = "resnet50"
_OF_HEADS: Final = (
    "semantic",
    "stuff",
    "cascade.mask",
    "cascade.hybrid",
)
"""Fields of the structure that other parts than backbone, pyramid and box heads have."""


@dataclass(frozen=True, slots=True)
class ChosenStart:
    """A start: a preset, a shipped model whose weights it takes, and the reason."""

    model: str | None  # None: that of the weights
    weights: str | None  # name of a shipped model; None: as the preset says
    line: str


Shipped = Mapping[str, tuple[ModelConfig, tuple[str, ...]]]  # name -> configuration, classes


@cache
def shipped_models() -> Shipped:
    """The configuration and the names of the classes of each shipped model."""
    found = {}
    for name in SHIPPED:
        header = read_header(shipped_file(name))
        found[name] = header.config, tuple(c.name for c in header.classes)
    return found


def has_imagenet() -> bool:
    """Return whether the ImageNet weights of ResNet-50 are in PyTorch's cache."""
    from ...interop.zoo.imagenet import cache_path

    return cache_path(_IMAGENET).is_file()


def choose_start(
    classes: Sequence[str],
    *,
    has_masks: bool,
    shipped: Shipped,
    model: str | None = None,
    config: ModelConfig | None = None,
    has_gpu: bool = False,
    imagenet: Callable[[], bool] = has_imagenet,
) -> ChosenStart:
    """The start for data of these `classes`, by the rule of this module.

    `model` is the preset that was named, `config` the configuration that comes of it with the
    changes that were asked for.
    """
    if model is not None:
        return _start_of(model, config or preset(model), classes, shipped)
    boxes = None if has_masks else BOXES_ONLY
    kept = "" if has_masks else f" The data has boxes only, so the model is {BOXES_ONLY}."
    best = max(shipped, key=lambda name: len(_common(classes, shipped[name][1])))
    common = _common(classes, shipped[best][1])
    if common:
        reason = f"it has {_listed(common)} of the data among its classes"
        return ChosenStart(boxes, best, f"Start: the shipped model {best}: {reason}.{kept}")
    if has_gpu and imagenet():
        name = GPU_MODELS[not has_masks]
        return ChosenStart(
            name,
            None,
            f"Start: {name} with ImageNet weights: there is a GPU, the weights are in PyTorch's "
            "cache, and no shipped model has a class of the data.",
        )
    why = "ImageNet weights are not in PyTorch's cache" if has_gpu else "there is no GPU"
    return ChosenStart(
        boxes,
        GENERAL,
        f"Start: the shipped model {GENERAL}: no shipped model has a class of the data "
        f"({_listed(classes)}), and {why} for a larger one. What tells objects from their "
        f"background is of use for other objects too.{kept}",
    )


def choose_model(*, has_masks: bool) -> str:
    """The preset of a training from random numbers for which no model is named."""
    return SHIPPED[GENERAL].preset if has_masks else BOXES_ONLY


def _start_of(
    model: str, config: ModelConfig, classes: Sequence[str], shipped: Shipped
) -> ChosenStart:
    fitting = {
        name: _common(classes, names)
        for name, (own, names) in shipped.items()
        if not _unlike(config, own)
    }
    if fitting:
        best = max(fitting, key=lambda name: (len(fitting[name]), name == GENERAL))
        return ChosenStart(
            model,
            best,
            f"Start: the shipped model {best}: its backbone, pyramid and box heads have the shapes "
            f"of {model}.",
        )
    if config.backbone.weights is not None:
        return ChosenStart(
            model,
            None,
            f"Start: ImageNet weights {config.backbone.weights}, for which {model} is made.",
        )
    return ChosenStart(
        model,
        None,
        f"Start: random numbers: no shipped model has the shapes of {model}, which is not made for "
        "ImageNet weights either.",
    )


def _unlike(config: ModelConfig, other: ModelConfig) -> list[str]:
    """Structural fields of backbone, pyramid and box heads in which two models differ."""
    same_kind = config.cascade.kind == other.cascade.kind
    found = differences(config, other) if same_kind else ["cascade.kind"]
    return [line for line in found if not line.startswith(_OF_HEADS)]


def _common(classes: Sequence[str], names: Sequence[str]) -> list[str]:
    return [name for name in classes if name in names]


def _listed(names: Sequence[str]) -> str:
    return first_few(names, 3)
