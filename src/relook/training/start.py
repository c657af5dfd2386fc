"""What a training starts from: random numbers, ImageNet, or a model trained before."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from ..assembly import build_detector
from ..config import ModelConfig
from ..data.coco import Category
from ..detector import Detector
from ..errors import ModelError
from ..interop.imagenet import load_imagenet
from ..weights import SavedModel

_NAMED = 5


def fresh_detector(config: ModelConfig, seed: int, say: Callable[[str], None]) -> Detector:
    """A detector with random weights drawn from `seed`, its backbones from ImageNet if the
    configuration names weights.

    Raises:
        ModelError: M06 when the ImageNet weights are neither here nor to be had.
    """
    detector = seeded_detector(config, seed)
    loaded = load_imagenet(detector, config.backbone)
    say(f"start: {loaded or 'random weights, nothing learned before'}")
    return detector


def seeded_detector(config: ModelConfig, seed: int) -> Detector:
    """A detector with random weights drawn from `seed`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_detector(config)


def continued_detector(
    config: ModelConfig,
    classes: Sequence[Category],
    saved: SavedModel,
    path: Path,
    seed: int,
    say: Callable[[str], None],
) -> Detector:
    """A detector for `classes` with the weights of `saved`.

    Layers whose shape depends on the classes keep their weights only if the classes have the
    same names in the same order; else they start from random numbers, and that is said.

    Raises:
        ModelError: M04 when another layer does not fit.
    """
    detector = seeded_detector(config, seed)
    own, given = detector.state_dict(), saved.detector.state_dict()
    same_classes = [c.name for c in saved.classes] == [c.name for c in classes]
    new = set() if same_classes else class_dependent(config)
    new |= {name for name in own if name not in given and name.startswith("semantic")}
    new |= _reshaped_semantics(config, saved.config)
    wrong = [n for n in own if n not in new and (n not in given or given[n].shape != own[n].shape)]
    if wrong:
        raise ModelError(
            "M04",
            f"{path}: {len(wrong)} of {len(own)} tensors do not fit this model "
            f"({', '.join(wrong[:_NAMED])}{', ...' if len(wrong) > _NAMED else ''}). Leave --model "
            "out to take the model of the file, or choose the one it was trained as.",
        )
    detector.load_state_dict({**own, **{n: given[n] for n in own if n not in new}})
    say(f"start: {len(own) - len(new)} tensors from {path}")
    if new:
        say(
            f"       {len(new)} tensors depend on the classes, which are new here, and start "
            f"from random numbers: {', '.join(sorted(new)[:_NAMED])}, ..."
        )
    unused = [name for name in given if name not in own]
    if unused:
        say(f"       {len(unused)} tensors of the file have no place here: {unused[0]}, ...")
    return detector


def class_dependent(config: ModelConfig) -> set[str]:
    """Names of the tensors whose shape changes with the number of classes, semantic ones too."""
    changes = {"num_classes": config.num_classes + 1}
    if config.semantic is not None:
        changes["semantic__num_classes"] = config.semantic.num_classes + 1
    return _differing(config, config.with_(**changes))


def _reshaped_semantics(config: ModelConfig, before: ModelConfig) -> set[str]:
    if config.semantic is None or before.semantic is None:
        return set()
    if config.semantic.num_classes == before.semantic.num_classes:
        return set()
    more = config.with_(semantic__num_classes=config.semantic.num_classes + 1)
    return _differing(config, more)


def _differing(one: ModelConfig, other: ModelConfig) -> set[str]:
    with torch.device("meta"):
        first = build_detector(one).state_dict()
        second = build_detector(other).state_dict()
    return {name for name, value in first.items() if value.shape != second[name].shape}
