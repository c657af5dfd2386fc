"""A detector that goes on from a trained one, for other classes if need be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from ...config.cascades import DSCConfig
from ...config.model import ModelConfig
from ...data.coco.reader import Category
from ...data.semantics import Mode
from ...errors import ModelError, first_few
from ...models.build import build_detector
from ...models.detector import Detector
from ...structures.panoptic import PanopticCategory
from ...weights.file import SavedModel
from .classes import CommonClasses
from .fresh import seeded_detector

_NAMED = 5
Labels = Literal["none", "painted", "stuff", "same", "new"]


def continued_detector(
    config: ModelConfig,
    classes: Sequence[Category],
    saved: SavedModel,
    path: Path,
    seed: int,
    say: Callable[[str], None],
    *,
    semantics: Mode | None = None,
    stuff: Sequence[PanopticCategory] = (),
) -> Detector:
    """A detector for `classes` with the weights of `saved`, whatever the order of the classes.

    What belongs to one class follows its name: classes that both know keep their weights, new
    ones start from random numbers, the others are dropped, and `say` is told which. Weights of
    the background are kept. So it is with the semantic branch if its labels were, and are,
    painted from the objects; labels of maps have no names and are kept where their number is
    the same. `semantics` says where the labels of the data come from; by default they count as
    painted if there is one for each class and one for the background. Labels of panoptic data
    are named by `stuff` and follow these names.

    Raises:
        ModelError: M04 when a layer does not fit for another reason than the classes.
        UsageError: U04 for a configuration that can only predict.
    """
    detector = seeded_detector(config, seed)
    own, given = detector.state_dict(), saved.detector.state_dict()
    common, kinds = CommonClasses.of(saved.classes, classes), CommonClasses.of(saved.stuff, stuff)
    labels = _semantic_labels(config, saved, semantics)
    loaded = {name: given[name] for name in own if name in given}
    loaded |= _outputs(config, loaded, own, common, kinds, labels)
    for part in ("semantic", "stuff"):
        if getattr(config, part) is not None and getattr(saved.config, part) is None:
            loaded |= {name: value for name, value in own.items() if name.startswith(f"{part}.")}
    wrong = [n for n in own if n not in loaded or loaded[n].shape != own[n].shape]
    if wrong:
        raise ModelError(
            "M04",
            f"{path}: {len(wrong)} of {len(own)} tensors do not fit this model "
            f"({first_few(wrong, _NAMED)}). Leave --model "
            "out to take the model of the file, or choose the one it was trained as.",
        )
    detector.load_state_dict(loaded)
    kept = sum(loaded[name] is not value for name, value in own.items())
    say(f"{kept} of {len(own)} tensors from {path}")
    for line in (
        *common.lines(),
        *_semantic_lines(config, saved.config, labels),
        *_stuff_lines(config, saved.config, kinds),
        *_guidance_lines(config, saved.config),
    ):
        say(line)
    unused = [name for name in given if name not in own]
    if unused:
        say(f"{len(unused)} tensors of the file have no place here: {unused[0]}, ...")
    return detector


def _outputs(
    config: ModelConfig,
    given: Mapping[str, Tensor],
    own: Mapping[str, Tensor],
    common: CommonClasses,
    kinds: CommonClasses,
    labels: Labels,
) -> dict[str, Tensor]:
    """Those tensors of `given` that have a row for each class, with the rows of `own` classes."""
    followed = dict.fromkeys(_of_classes(config), common)
    followed |= dict.fromkeys(_stuff_outputs(config), kinds)
    semantic = _semantic_outputs(config)
    if labels in ("painted", "stuff"):
        followed |= dict.fromkeys(semantic, common if labels == "painted" else kinds)
    found = {n: f.carried_over(given[n], own[n]) for n, f in followed.items() if n in given}
    return found | ({name: own[name] for name in semantic} if labels == "new" else {})


def _of_classes(config: ModelConfig) -> set[str]:
    return _differing(config, config.with_(num_classes=config.num_classes + 1))


def class_dependent(config: ModelConfig) -> set[str]:
    """Names of the tensors whose shape changes with the number of classes, semantic ones too."""
    return _of_classes(config) | _semantic_outputs(config) | _stuff_outputs(config)


def _semantic_labels(config: ModelConfig, saved: SavedModel, semantics: Mode | None) -> Labels:
    """Treat the semantic outputs: follow the names, stay, or start anew."""
    before = saved.config
    if config.semantic is None:
        return "none"
    if before.semantic is None:
        return "new"
    if semantics == "panoptic":
        return "stuff" if saved.stuff else "new"
    was_painted = not saved.stuff and before.semantic.num_classes == before.num_classes + 1
    is_painted = config.semantic.num_classes == config.num_classes + 1
    if semantics is not None:
        is_painted = semantics == "instances"
    if was_painted and is_painted:
        return "painted"
    same_number = not saved.stuff and before.semantic.num_classes == config.semantic.num_classes
    return "same" if same_number and not was_painted and not is_painted else "new"


def _semantic_lines(config: ModelConfig, before: ModelConfig, labels: str) -> list[str]:
    if config.semantic is None or labels in ("painted", "stuff"):
        return []
    count = config.semantic.num_classes
    if before.semantic is None:
        return [f"semantic branch ({count} labels): not in the file, from random numbers"]
    if labels == "same":
        return [f"semantic labels: {count} as in the file, which does not name them; all kept"]
    return [
        f"semantic labels: {count} here, {before.semantic.num_classes} of another kind in the "
        "file; these outputs start from random numbers"
    ]


def _stuff_lines(config: ModelConfig, before: ModelConfig, kinds: CommonClasses) -> list[str]:
    if config.stuff is not None and before.stuff is None:
        return ["stuff head: not in the file, from random numbers"]
    return [line.replace("classes:", "stuff:") for line in kinds.lines()] if kinds.before else []


def _guidance_lines(config: ModelConfig, before: ModelConfig) -> list[str]:
    """A warning where DSC goes on as Fast DSC or the other way round: every tensor fits."""
    cascade, former = config.cascade, before.cascade
    if not isinstance(cascade, DSCConfig) or not isinstance(former, DSCConfig):
        return []
    now, then = cascade.guidance.side, former.guidance.side
    if now == then:
        return []
    return [
        f"guidance: {now} x {now} cells here, and the weights are of "
        f"{then} x {then}: all fit, but results are poor until they "
        "have adapted. Leave --model out to go on as the file is"
    ]


def _semantic_outputs(config: ModelConfig) -> set[str]:
    if config.semantic is None:
        return set()
    more = config.with_(semantic__num_classes=config.semantic.num_classes + 1)
    return _differing(config, more)


def _stuff_outputs(config: ModelConfig) -> set[str]:
    if config.stuff is None:
        return set()
    more = config.with_(stuff__num_classes=config.stuff.num_classes + 1)
    return _differing(config, more)


def _differing(one: ModelConfig, other: ModelConfig) -> set[str]:
    with torch.device("meta"):
        first = build_detector(one).state_dict()
        second = build_detector(other).state_dict()
    return {name for name, value in first.items() if value.shape != second[name].shape}
