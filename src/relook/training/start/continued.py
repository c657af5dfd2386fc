"""A detector that starts from a trained one, also for other classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from torch import Tensor

from ...config.cascades import DSCConfig
from ...config.model import ModelConfig
from ...data.coco.reader import Category
from ...data.semantics import Mode
from ...errors import ModelError, first_few
from ...layers.sac import AWSConv2d, kernel_statistics
from ...models.backbones.resnet import ResNet
from ...models.backbones.stem import adapted_stem, stem_words
from ...models.build import empty_detector
from ...models.detector import Detector
from ...structures.panoptic import PanopticCategory
from ...weights.file import SavedModel
from .classes import CommonClasses
from .fresh import seeded_detector

_NAMED = 5
_PARTS: Final = {
    "cascade.mask_heads.": "mask heads",
    "cascade.box_heads.": "box heads",
    "semantic.": "semantic branch",
    "stuff.": "stuff head",
    "features.": "backbone and pyramid",
}
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
    names: Mapping[str, str] | None = None,
) -> Detector:
    """A detector for `classes` with the weights of `saved`, for any order of the classes.

    Weights of a class follow its name: classes that both have keep their weights, new ones start
    from the mean of all classes in the file, the others are dropped; `say` is called with the
    names. `names` says which class of the file a class of the data is, where they have other
    names. Weights of the background are kept. The same holds for the semantic branch if its labels
    are painted from the objects, in both; labels of maps have no names, and are kept where their
    number is the same. `semantics` is the source of the data's labels; by default they count as
    painted if there is one for each class and one for the background. Labels of panoptic data have
    the names of `stuff`, and follow these.

    Raises:
        ModelError: M04 when a layer does not fit for another reason than the classes.
        UsageError: U04 for a configuration that can only predict, U01 for unknown `names`.
    """
    detector = seeded_detector(config, seed)
    new_state, saved_state = detector.state_dict(), saved.detector.state_dict()
    before, channels = saved.config.input.channels, config.input.channels
    if before != channels:
        saved_state |= _stems(saved.detector, channels)
    common = CommonClasses.of(saved.classes, classes, names)
    kinds = CommonClasses.of(saved.stuff, stuff)
    labels = _semantic_labels(config, saved, semantics)
    loaded = {name: saved_state[name] for name in new_state if name in saved_state}
    loaded |= _outputs(config, loaded, new_state, common, kinds, labels)
    for part in ("semantic", "stuff"):
        if getattr(config, part) is not None and getattr(saved.config, part) is None:
            loaded |= {
                name: value for name, value in new_state.items() if name.startswith(f"{part}.")
            }
    wrong = [n for n in new_state if n not in loaded or loaded[n].shape != new_state[n].shape]
    if wrong:
        raise ModelError(
            "M04",
            f"{path}: {len(wrong)} of {len(new_state)} tensors do not fit this model "
            f"({first_few(wrong, _NAMED)}). Leave --model "
            "out to take the model of the file, or choose the one it was trained as.",
        )
    detector.load_state_dict(loaded)
    kept = sum(loaded[name] is not value for name, value in new_state.items())
    say(f"{kept} of {len(new_state)} tensors from {path}")
    for line in (
        *([stem_words(before, channels)] if before != channels else []),
        *common.lines(),
        *_semantic_lines(config, saved.config, labels),
        *_stuff_lines(config, saved.config, kinds),
        *_guidance_lines(config, saved.config),
    ):
        say(line)
    unused = [name for name in saved_state if name not in new_state]
    if unused:
        say(_unused_line(unused))
    return detector


def _unused_line(names: Sequence[str]) -> str:
    """Describe the tensors of the file that this model has no place for, by their part."""
    parts = Counter(
        next((words for start, words in _PARTS.items() if name.startswith(start)), "other parts")
        for name in names
    )
    listed = ", ".join(f"{count} of the {words}" for words, count in parts.items())
    return f"{len(names)} tensors of the file have no place in this model: {listed}"


def _stems(detector: Detector, channels: int) -> dict[str, Tensor]:
    """The tensors of the stems of `detector`, adapted to another number of channels."""
    found: dict[str, Tensor] = {}
    for name, module in detector.named_modules():
        if not isinstance(module, ResNet):
            continue
        stem = module.conv1
        standardised = isinstance(stem, AWSConv2d)
        kernel = stem.standardised() if isinstance(stem, AWSConv2d) else stem.weight
        kernel = adapted_stem(kernel.detach(), channels)
        found[f"{name}.conv1.weight"] = kernel
        if standardised:
            deviation, mean = kernel_statistics(kernel)
            found[f"{name}.conv1.weight_gamma"] = deviation
            found[f"{name}.conv1.weight_beta"] = mean
    return found


def _outputs(
    config: ModelConfig,
    saved_state: Mapping[str, Tensor],
    new_state: Mapping[str, Tensor],
    common: CommonClasses,
    kinds: CommonClasses,
    labels: Labels,
) -> dict[str, Tensor]:
    """Tensors of `saved_state` with a row for each class, with rows for the new classes."""
    followed = dict.fromkeys(_of_classes(config), common)
    followed |= dict.fromkeys(_stuff_outputs(config), kinds)
    semantic = _semantic_outputs(config)
    if labels in ("painted", "stuff"):
        followed |= dict.fromkeys(semantic, common if labels == "painted" else kinds)
    values = {
        n: f.carried_over(saved_state[n], new_state[n])
        for n, f in followed.items()
        if n in saved_state
    }
    return values | ({name: new_state[name] for name in semantic} if labels == "new" else {})


def _of_classes(config: ModelConfig) -> set[str]:
    return _differing(config, config.with_(num_classes=config.num_classes + 1))


def class_dependent(config: ModelConfig) -> set[str]:
    """Names of the tensors whose shape depends on the number of classes, semantic ones included."""
    return _of_classes(config) | _semantic_outputs(config) | _stuff_outputs(config)


def _semantic_labels(config: ModelConfig, saved: SavedModel, semantics: Mode | None) -> Labels:
    """Kind of the semantic labels: their outputs follow names, are kept, or start anew."""
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
    """A warning where DSC becomes Fast DSC or the other way round, as all tensors fit."""
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
    larger = config.with_(semantic__num_classes=config.semantic.num_classes + 1)
    return _differing(config, larger)


def _stuff_outputs(config: ModelConfig) -> set[str]:
    if config.stuff is None:
        return set()
    larger = config.with_(stuff__num_classes=config.stuff.num_classes + 1)
    return _differing(config, larger)


def _differing(first_config: ModelConfig, second_config: ModelConfig) -> set[str]:
    first, second = (
        empty_detector(config).state_dict() for config in (first_config, second_config)
    )
    return {name for name, value in first.items() if value.shape != second[name].shape}
