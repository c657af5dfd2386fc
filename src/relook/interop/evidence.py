"""Evidence about a checkpoint: its tensors, metadata, configuration, and the user's options."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..config.model import ModelConfig
from ..data.coco.records import Category
from ..errors import ModelError, RelookError, counted
from .assumptions import assumptions
from .checkpoint.reading import Checkpoint
from .classes import name_classes, names_in
from .families import identify
from .mmdet_config.carried_dsc import guidance_size
from .mmdet_config.mmdet_config import Carried, carry_over, config_from_text, read_mmdet_config
from .recognition import Recognised, recognise
from .style import TEXTS, Evidence, Style, stated_style, style_of_stem

# Normalisation of Caffe-style networks in the order red, green, blue; the channels of the first
# convolution are reversed to fit it.
CAFFE_MEAN = (123.675, 116.28, 103.53)
CAFFE_STD = (1.0, 1.0, 1.0)

_LISTED = 20  # differences that an error lists


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """A checkpoint's model, before any tensor is loaded."""

    recognised: Recognised
    config: ModelConfig
    classes: tuple[Category, ...]
    blue_first: bool  # the first convolution expects blue, green, red
    reasons: tuple[str, ...]
    assumed: tuple[str, ...]
    notes: tuple[str, ...]
    settings: tuple[str, ...]  # of the configuration: lines on values carried over, or not
    recipe: Mapping[str, Any] = field(default_factory=dict)


def plan_import(
    checkpoint: Checkpoint,
    *,
    config: Path | str | None = None,
    preset: str | None = None,
    classes: Path | Sequence[str] | None = None,
    legacy: bool = False,
    style: Style | None = None,
    accept_differences: bool = False,
) -> ImportPlan:
    """Find the model that the tensors of `checkpoint` belong to; options as of `import_checkpoint`.

    Raises:
        ModelError: M04 for a model that relook does not have, or, without `legacy`, one of
            MMDetection 1.x; without `accept_differences` also for one whose configuration has
            settings that relook computes otherwise.
        DataError: D01 and D14 for files that are missing or cannot be read.
        UsageError: U01 for an unknown preset, U03 for class names that cannot be used.
    """
    shapes = {name: tuple(value.shape) for name, value in checkpoint.state.items()}
    old = identify(shapes) == "mmdet-v1"
    if old and not legacy:
        raise _old_numerics()
    reasons: list[str] = []
    assumed: list[str] = []
    notes: list[str] = []
    values = _settings_of(checkpoint, config, notes)
    recognised = recognise(
        shapes, checkpoint.meta, preset=preset, guidance_size=guidance_size(values)
    )
    if old:
        assumed.append("numerics of MMDetection 1.x (experimental: no recorded run proves them)")
    elif legacy:
        notes.append("legacy changed nothing: the names are those of MMDetection 2.x and 3.x")
    # A preset of the user has priority over a configuration text in the checkpoint.
    text_counts = config is not None or preset is None
    carried = carry_over(values, recognised.config) if values and text_counts else None
    if carried is not None and not accept_differences:
        _refuse_differences(carried, old)
    caffe = _settle_style(checkpoint, recognised, carried, style, reasons, assumed)
    model_config = recognised.config if carried is None else carried.config
    stated = set() if carried is None else set(carried.fields)
    blue_first = carried is not None and carried.turned
    model_config = model_config.with_(backbone__stride_in="1x1" if caffe else "3x3")
    if caffe and not blue_first:  # no configuration says how its pixels were normalised
        model_config = model_config.with_(input__mean=CAFFE_MEAN, input__std=CAFFE_STD)
        blue_first = True
        stated.add("input.mean")
    assumed += assumptions(model_config, preset, stated)
    meta, configured = checkpoint.meta, None
    if carried is not None and config is not None:
        configured = carried.classes
    elif carried is not None and names_in(meta) is None and carried.classes:
        meta = {**meta, "classes": carried.classes}
    may_be_coco = carried is None or not carried.names_classes
    named = name_classes(
        model_config.num_classes, meta, classes, configured, may_be_coco=may_be_coco
    )
    (assumed if named.missing else reasons).append(f"class names <- {named.why}")
    return ImportPlan(
        recognised=recognised,
        config=model_config,
        classes=named.classes,
        blue_first=blue_first,
        reasons=tuple(reasons),
        assumed=tuple(assumed),
        notes=tuple(notes),
        settings=_settings(carried),
        recipe=carried.recipe if carried is not None and config is not None else {},
    )


def _settings(carried: Carried | None) -> tuple[str, ...]:
    if carried is None:
        return ()
    # Settings that are not carried over come first: users should check them.
    return (
        *(f"not carried over: {line}" for line in carried.ignored),
        *(f"carried over: {line}" for line in carried.used),
    )


def _settings_of(
    checkpoint: Checkpoint, config: Path | str | None, notes: list[str]
) -> Mapping[str, Any]:
    """Read the settings of a configuration file, or else of the text in the checkpoint, if any."""
    if config is not None:
        read = read_mmdet_config(Path(config))
        notes += read.notes
        return read.values
    key = next((k for k in TEXTS if isinstance(checkpoint.meta.get(k), str)), None)
    if key is None:
        return {}
    try:
        return config_from_text(checkpoint.meta[key]).values
    except RelookError as error:
        notes.append(f"meta.{key} was not used: {error.message}")
        return {}


def _settle_style(
    checkpoint: Checkpoint,
    recognised: Recognised,
    carried: Carried | None,
    style: Style | None,
    reasons: list[str],
    assumed: list[str],
) -> bool:
    """Return whether the ResNet is of the Caffe style; refused where this is only probable."""
    evidence: Evidence | None
    if style is not None:
        evidence = Evidence(style, "the given style", stated=True)
    elif carried is not None and carried.style is not None:
        evidence = Evidence(carried.style, "the configuration", stated=True)
    else:
        evidence = stated_style(checkpoint.meta, checkpoint.path.name)
        evidence = evidence or style_of_stem(checkpoint.state)
    if evidence is None:
        # There are no published standardised weights of the other style.
        if not recognised.config.backbone.weight_standardisation:
            assumed.append(
                "PyTorch-style ResNet: a Caffe-style one has the same names and shapes, but "
                "nothing in the file or its first layer speaks for that"
            )
    elif evidence.style == "caffe" and not evidence.stated:
        raise _caffe(evidence.why)
    elif evidence.style == "caffe":
        reasons.append(f"Caffe-style ResNet: its stride, pixels not divided <- {evidence.why}")
        return True
    else:
        reasons.append(f"PyTorch-style ResNet <- {evidence.why}")
    return False


def _refuse_differences(carried: Carried, old: bool) -> None:
    """Refuse settings with which the model would predict other numbers than where it was trained.

    Files of version 1 are read with the numerics of their age, which is an experiment by itself.

    Raises:
        ModelError: M04 when there are any.
    """
    if old or not carried.differing:
        return
    lines = "".join(f"\n  {line}" for line in carried.differing[:_LISTED])
    more = len(carried.differing) - _LISTED
    lines += f"\n  ... and {more} more" if more > 0 else ""
    raise ModelError(
        "M04",
        f"its configuration has {counted(len(carried.differing), 'setting')} that relook computes "
        f"otherwise, so that boxes, scores or masks would be others than where it was trained:"
        f"{lines}\n--accept-differences (accept_differences=True) imports it as relook computes.",
    )


def _old_numerics() -> ModelError:
    return ModelError(
        "M04",
        "this checkpoint is of MMDetection 1.x, as the DetectoRS authors' own release is (heads "
        "without roi_head. in front). Its classes are in another order and its boxes, anchors and "
        "crops use another pixel grid: loaded as a newer file it would be silently wrong. "
        "--legacy (legacy=True) converts it and computes as version 1 did; that is experimental.",
    )


def _caffe(why: str) -> ModelError:
    return ModelError(
        "M04",
        f"this checkpoint seems to be of the Caffe style ({why}): its ResNet would have its "
        "stride in the first 1x1 convolution, and its input would be blue, green, red pixels that "
        "were not divided by their deviation. Names and shapes are the same, and the wrong style "
        "would be silently wrong. Give its configuration with --config, or the style itself: "
        "--style caffe or --style pytorch (style=... in Python).",
    )
