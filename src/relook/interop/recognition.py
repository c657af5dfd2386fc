"""The architecture of a checkpoint, read from the names and shapes of its tensors.

Names are MMDetection's. What shapes cannot tell (thresholds, anchors, the bends of the schedule)
is taken from what was published for that family of models, and listed as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ..config import STAGES, BackboneConfig, HTCConfig, ModelConfig, SACConfig, SemanticConfig
from ..presets import PRESETS
from ..presets import preset as named_preset
from .backbone_shapes import read_backbone
from .families import Source, identify
from .shapes import Shapes, unfit

_RFP = "neck.rfp_modules"
_BOX, _MASK = "roi_head.bbox_head", "roi_head.mask_head"
_SEMANTIC = "roi_head.semantic_head"
_CELLS = 7 * 7  # of a RoI as the box head sees it
_RATIOS = 3

_OLD_NAMES: Final = (
    (re.compile(r"^(rfp_(?:modules|aspp|weight)\b)"), r"neck.\1"),
    (re.compile(r"^((?:bbox|mask|semantic)_head\.)"), r"roi_head.\1"),
)
_FREE: Final = frozenset({"num_classes", "semantic.num_classes"})
"""Structural fields in which a file may differ from the preset it is said to be."""


@dataclass(frozen=True, slots=True)
class Recognised:
    """What a checkpoint is."""

    config: ModelConfig
    source: Source
    reasons: tuple[str, ...]  # one line each: a fact, and the evidence for it
    unknown: tuple[str, ...]  # one line each: what the file cannot tell, and what is assumed

    @property
    def preset(self) -> str | None:
        """The preset of the same structure, classes aside; None when there is none."""
        return preset_of(self.config)


def preset_of(config: ModelConfig) -> str | None:
    """The preset with the structure of `config`, classes aside; None when there is none."""
    return next((name for name, p in PRESETS.items() if not differences(config, p.config)), None)


def recognise(
    shapes: Mapping[str, tuple[int, ...]],
    meta: Mapping[str, Any],
    *,
    preset: str | None = None,
) -> Recognised:
    """The configuration of a cascade of MMDetection, by the names and shapes of its tensors.

    With `preset` the values that shapes do not tell come from there, and the structure must be
    that preset's, numbers of classes aside. Names of version 1 are understood; whether such a
    file may be used is for the caller to decide by `source`.

    Raises:
        ModelError: M04 when the file is of another library or of a model that is not covered,
            or not of the structure of `preset`; the message says what it is.
        UsageError: U01 when there is no such preset.
    """
    source = identify(shapes)
    if source in ("torchvision", "relook"):
        raise unfit(f"these are tensors under the names of {source}, not of MMDetection")
    old = source == "mmdet-v1"
    seen = Shapes({todays_name(name): tuple(s) for name, s in shapes.items()} if old else shapes)
    say = _Findings()
    _read_version(meta, old, say)
    given = None if preset is None else named_preset(preset)
    backbone = read_backbone(seen, say.reasons.append)
    steps = 1 + seen.count(_RFP)
    if steps > 1:
        say.reasons.append(f"looks {steps} times <- {steps - 1} backbones under {_RFP}")
    channels = seen.size("neck.lateral_convs.0.conv.weight", 0)
    _check_pyramid(seen)
    semantic = _read_semantic(seen, say)
    num_classes, cascade = _read_cascade(seen, channels, semantic, old, given, say)
    base = given or ModelConfig()
    config = base.with_(
        num_classes=num_classes,
        backbone=_keep(base.backbone, backbone) if given else backbone,
        pyramid__channels=channels,
        pyramid__steps=steps,
        semantic=semantic if given is None else _merged_semantic(given.semantic, semantic),
        cascade=cascade,
        **({"numerics": "v1"} if old else {}),
    )
    if preset is not None and (wrong := differences(config, named_preset(preset))):
        raise unfit(f"the file is not a {preset}: {'; '.join(wrong)}")
    _list_unknown(config, preset, say)
    return Recognised(config, source, tuple(say.reasons), tuple(say.unknown))


def differences(config: ModelConfig, other: ModelConfig) -> list[str]:
    """In which structural fields two configurations differ, numbers of classes aside."""
    mine, theirs = dict(_structure(config)), dict(_structure(other))
    return [
        f"{name} is {value}, not {theirs[name]}"
        for name, value in mine.items()
        if value != theirs[name] and name not in _FREE
    ]


class _Findings:
    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.unknown: list[str] = []


def _structure(config: ModelConfig) -> Iterator[tuple[str, object]]:
    """The fields that names and shapes of tensors tell."""
    backbone, cascade = config.backbone, config.cascade
    for name in ("blocks", "width", "groups", "width_per_group", "weight_standardisation"):
        yield f"backbone.{name}", getattr(backbone, name)
    yield "backbone.sac.stages", backbone.sac and backbone.sac.stages
    yield "backbone.sac.deformable", backbone.sac and backbone.sac.deformable
    yield "backbone.deformable_stages", backbone.deformable_stages
    yield "backbone.norm", "group" if backbone.norm == "group" else "batch"
    yield "pyramid.channels", config.pyramid.channels
    yield "pyramid.steps", config.pyramid.steps
    yield "semantic", "present" if config.semantic else "absent"
    yield "cascade.stages", len(cascade.stages)
    for name in ("masks", "mask_flow", "box_hidden"):
        yield f"cascade.{name}", getattr(cascade, name)
    yield "cascade.mask_channels", cascade.mask_channels if cascade.masks else None


def todays_name(key: str) -> str:
    """The name since MMDetection 2.0 of a tensor that may have one of version 1."""
    for pattern, name in _OLD_NAMES:
        key = pattern.sub(name, key)
    return key


def _read_version(meta: Mapping[str, Any], old: bool, say: _Findings) -> None:
    version = str(meta.get("mmdet_version", ""))[:40]
    if old:
        say.reasons.append("MMDetection 1.x or the DetectoRS authors' <- heads without roi_head.")
    else:
        told = f", and meta says {version}" if version else ""
        say.reasons.append(f"MMDetection 2.x or 3.x <- heads under roi_head.{told}")
    if version.startswith(("0.", "1.")) and not old:
        say.unknown.append(
            f"meta says MMDetection {version}, but names are those of 2.x: if a tool only renamed "
            "the tensors, scores will be poor (classes rotated, boxes with the old +1)"
        )
    if version.startswith("3."):
        say.unknown.append(
            "MMDetection 3.x itself suppresses boxes before scaling them back and uses the last "
            "mask alone; cascade.suppress_in=network and cascade.mask_average=last do the same"
        )


def _check_pyramid(seen: Shapes) -> None:
    levels = seen.count("neck.lateral_convs"), seen.count("neck.fpn_convs")
    if levels != (4, 4):
        raise unfit(
            f"its pyramid has {levels[0]} lateral and {levels[1]} output convolutions; relook's "
            "has four of each, and subsamples the last level"
        )
    anchors = seen.size("rpn_head.rpn_cls.weight", 0)
    if anchors != _RATIOS or seen.size("rpn_head.rpn_reg.weight", 0) != 4 * _RATIOS:
        raise unfit(
            f"its region proposals have {anchors} scores a position; relook's have {_RATIOS}, one "
            "for each ratio of an anchor's sides"
        )


def _read_semantic(seen: Shapes, say: _Findings) -> SemanticConfig | None:
    key = f"{_SEMANTIC}.conv_logits.weight"
    if not seen.has(f"{_SEMANTIC}."):
        return None
    classes = seen.size(key, 0)
    say.reasons.append(f"semantic branch of {classes} classes <- {key}")
    return SemanticConfig(num_classes=classes)


def _merged_semantic(
    given: SemanticConfig | None, found: SemanticConfig | None
) -> SemanticConfig | None:
    if given is None or found is None:
        return found
    return given.with_(num_classes=found.num_classes)


def _keep(given: BackboneConfig, found: BackboneConfig) -> BackboneConfig:
    """Structure as found, the rest as given."""
    sac = found.sac
    if sac is not None and given.sac is not None:
        sac = given.sac.with_(stages=sac.stages, deformable=sac.deformable)
    rest = {"norm": given.norm, "frozen_stages": given.frozen_stages, "weights": given.weights}
    return found.with_(sac=sac, **({} if given.norm == "group" else rest))


def _read_cascade(
    seen: Shapes,
    channels: int,
    semantic: SemanticConfig | None,
    old: bool,
    given: ModelConfig | None,
    say: _Findings,
) -> tuple[int, HTCConfig]:
    stages = seen.count(_BOX)
    num_classes, hidden = _read_box_heads(seen, stages, channels)
    say.reasons.append(f"{num_classes} classes <- rows of {_BOX}.0.fc_cls, less the background's")
    masks = seen.has(f"{_MASK}.")
    flow = any(name.startswith(f"{_MASK}.") and ".conv_res." in name for name in seen.names)
    if masks:
        _check_mask_heads(seen, stages, num_classes + old)
    hybrid = flow or (semantic is not None and masks)
    kind = "htc-r50" if hybrid else "cascade-mask-r50" if masks else "cascade-r50"
    base = named_preset(kind).cascade if given is None else given.cascade
    evidence = (
        f"conv_res in {_MASK}" if flow else f"{_SEMANTIC}" if hybrid else f"no conv_res in {_MASK}"
    )
    named = "Hybrid Task Cascade" if hybrid else "Cascade Mask R-CNN" if masks else "Cascade R-CNN"
    say.reasons.append(f"{named}, {stages} stages <- {evidence if masks else f'no {_MASK}'}")
    known = base.stages if given is not None else STAGES
    if stages != len(known):
        say.unknown.append(
            f"thresholds, deviations and weights of the {stages} stages: as published for "
            f"{len(known)}, {'cut' if stages < len(known) else 'the last repeated'}"
        )
    return num_classes, base.with_(
        stages=(*known, *[known[-1]] * max(stages - len(known), 0))[:stages],
        masks=masks,
        interleaved=hybrid,
        mask_flow=flow,
        box_hidden=hidden,
        mask_channels=(
            seen.size(f"{_MASK}.0.convs.0.conv.weight", 0) if masks else base.mask_channels
        ),
    )


def _read_box_heads(seen: Shapes, stages: int, channels: int) -> tuple[int, int]:
    """Classes and hidden width, which all stages must share."""
    found = set()
    for stage in range(stages):
        head = f"{_BOX}.{stage}"
        rows = seen.size(f"{head}.fc_cls.weight", 0)
        boxes = seen.size(f"{head}.fc_reg.weight", 0)
        if boxes != 4:
            raise unfit(
                f"{head}.fc_reg refines {boxes // 4} boxes for every region, one for each class; "
                "relook's cascades refine one for all classes (reg_class_agnostic=True)"
            )
        found.add((rows - 1, seen.size(f"{head}.shared_fcs.0.weight", 0)))
        inputs = seen.size(f"{head}.shared_fcs.0.weight", 1)
        if inputs != channels * _CELLS:
            raise unfit(
                f"{head} takes {inputs} numbers for a region, not {channels} channels of 7x7 cells"
            )
    if len(found) != 1 or min(found)[0] < 1:
        raise unfit(f"its box heads do not agree on classes and hidden width: {sorted(found)}")
    return found.pop()


def _check_mask_heads(seen: Shapes, stages: int, expected: int) -> None:
    heads = seen.count(_MASK)
    if heads != stages:
        raise unfit(
            f"it has {stages} box heads and {heads} mask heads; relook's cascades have one "
            "of each in every stage"
        )
    for stage in range(heads):
        key = f"{_MASK}.{stage}.conv_logits.weight"
        rows = seen.size(key, 0)
        if rows != expected:
            kind = "one mask for all classes" if rows == 1 else f"{rows} masks"
            raise unfit(f"{key} gives {kind}, where {expected} are expected, one for each class")


def _list_unknown(config: ModelConfig, preset: str | None, say: _Findings) -> None:
    cascade, rpn = config.cascade, config.rpn
    source = f"preset {preset}" if preset else "as published for this family"
    low = "on" if cascade.match_low_quality else "off"
    say.unknown += [
        f"score threshold {cascade.score_threshold:g}, suppression {cascade.suppression} at "
        f"{cascade.nms_iou:g}, low-quality matches {low}: {source}",
        f"anchors of scale {rpn.anchor_scale:g}, image size {config.input.size[0]} x "
        f"{config.input.size[1]}, mean and deviation of pixels: {source}",
    ]
    if config.semantic is not None:
        say.unknown.append(f"the semantic feature joins boxes and masks: {source}")
    if isinstance(config.backbone.sac, SACConfig):
        say.unknown.append(f"SAC's second rate, {config.backbone.sac.rate}: {source}")
