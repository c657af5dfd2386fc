"""The architecture of a checkpoint, read from the names and shapes of its tensors.

Names are MMDetection's. What shapes cannot tell (thresholds, anchors, the bends of the schedule)
is taken from what was published for that family of models, and listed as such.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..config.cascades import DSCConfig, HTCConfig
from ..config.model import BackboneConfig, ModelConfig, SACConfig
from ..config.presets import PRESETS
from ..config.presets import preset as named_preset
from ..errors import ModelError
from ..structures.rules.guidance import Side
from ..structures.rules.pixels import SemanticRule
from .backbone_shapes import read_backbone
from .cascade_shapes import BOX, is_guided, read_classes, read_dsc, read_htc
from .families import Source, identify
from .shapes import Findings, Shapes, unfit
from .structure import differences, preset_of

_RFP = "neck.rfp_modules"
_SEMANTIC = "roi_head.semantic_head"
_RATIOS = 3

_OLD_NAMES: Final = (
    (re.compile(r"^(rfp_(?:modules|aspp|weight)\b)"), r"neck.\1"),
    (re.compile(r"^((?:bbox|mask|semantic)_head\.)"), r"roi_head.\1"),
)


@dataclass(frozen=True, slots=True)
class Recognised:
    """Architecture of a checkpoint, with the evidence for it."""

    config: ModelConfig
    source: Source
    reasons: tuple[str, ...]  # one line each: a fact, and the evidence for it
    unknown: tuple[str, ...]  # one line each: what the file cannot tell, and what is assumed

    @property
    def preset(self) -> str | None:
        """The preset of the same structure, classes aside; None when there is none."""
        return preset_of(self.config)


def recognise(
    shapes: Mapping[str, tuple[int, ...]],
    meta: Mapping[str, Any],
    *,
    preset: str | None = None,
    guidance_size: Side | None = None,
) -> Recognised:
    """The configuration of a cascade of MMDetection, by the names and shapes of its tensors.

    With `preset` the values that shapes do not tell come from there, and the structure must be
    that preset's, numbers of classes aside. Names of version 1 are understood; whether such a
    file may be used is for the caller to decide by `source`. `guidance_size` is what the settings
    of a training say, of which DSC and Fast DSC need it: no tensor tells them apart.

    Raises:
        ModelError: M04 when the file is of another library or of a model that is not covered,
            or not of the structure of `preset`, or of DSC and nothing says of which; the message
            says what it is.
        UsageError: U01 when there is no such preset.
    """
    source = identify(shapes)
    if source in ("torchvision", "relook"):
        raise unfit(f"these are tensors under the names of {source}, not of MMDetection")
    old = source == "mmdet-v1"
    seen = Shapes({todays_name(name): tuple(s) for name, s in shapes.items()} if old else shapes)
    say = Findings()
    _read_version(meta, old, say)
    given = None if preset is None else named_preset(preset)
    backbone = read_backbone(seen, say.reasons.append)
    steps = 1 + seen.count(_RFP)
    if steps > 1:
        say.reasons.append(f"looks {steps} times <- {steps - 1} backbones under {_RFP}")
    channels = seen.size("neck.lateral_convs.0.conv.weight", 0)
    _check_pyramid(seen)
    semantic = _read_semantic(seen, say)
    num_classes, hidden = read_classes(seen, channels)
    say.reasons.append(f"{num_classes} classes <- rows of {BOX}.0.fc_cls, less the background's")
    cascade = _read_cascade(seen, num_classes, given, say, semantic=semantic is not None, old=old)
    base = given or named_preset("dsc-r50" if is_guided(seen) else "htc-r50")
    config = base.with_(
        num_classes=num_classes,
        backbone=_keep(base.backbone, backbone) if given else backbone,
        pyramid__channels=channels,
        pyramid__steps=steps,
        semantic=semantic if given is None else _merged_semantic(given.semantic, semantic),
        cascade=cascade.with_(box_hidden=hidden),
        **({"numerics": "v1"} if old else {}),
    )
    if preset is not None and (wrong := differences(config, named_preset(preset))):
        raise unfit(f"the file is not a {preset}: {'; '.join(wrong)}")
    if is_guided(seen):
        config = _with_variant(config, preset, guidance_size, say)
    _list_unknown(config, preset, say)
    return Recognised(config, source, tuple(say.reasons), tuple(say.unknown))


def todays_name(key: str) -> str:
    """The name since MMDetection 2.0 of a tensor that may have one of version 1."""
    for pattern, name in _OLD_NAMES:
        key = pattern.sub(name, key)
    return key


def _read_version(meta: Mapping[str, Any], old: bool, say: Findings) -> None:
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
            "mask alone; cascade.select.suppress_in=network and cascade.hybrid.mask_average=last "
            "do the same"
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


def _read_semantic(seen: Shapes, say: Findings) -> SemanticRule | None:
    key = f"{_SEMANTIC}.conv_logits.weight"
    if not seen.has(f"{_SEMANTIC}."):
        return None
    classes = seen.size(key, 0)
    say.reasons.append(f"semantic branch of {classes} classes <- {key}")
    return SemanticRule(num_classes=classes)


def _merged_semantic(given: SemanticRule | None, found: SemanticRule | None) -> SemanticRule | None:
    if given is None or found is None:
        return found
    return replace(given, num_classes=found.num_classes)


def _keep(given: BackboneConfig, found: BackboneConfig) -> BackboneConfig:
    """Structure as found, the rest as given."""
    sac = found.sac
    if sac is not None and given.sac is not None:
        sac = given.sac.with_(stages=sac.stages, deformable=sac.deformable)
    rest = {"norm": given.norm, "frozen_stages": given.frozen_stages, "weights": given.weights}
    return found.with_(sac=sac, **({} if given.norm == "group" else rest))


def _read_cascade(
    seen: Shapes,
    num_classes: int,
    given: ModelConfig | None,
    say: Findings,
    *,
    semantic: bool,
    old: bool,
) -> HTCConfig | DSCConfig:
    """The cascade; that of `given` for what shapes hide, if it is of the same kind."""
    base = None if given is None else given.cascade
    if is_guided(seen):
        return read_dsc(seen, num_classes, base if isinstance(base, DSCConfig) else None, say)
    return read_htc(
        seen,
        num_classes,
        base if isinstance(base, HTCConfig) else None,
        say,
        semantic=semantic,
        old=old,
    )


def _with_variant(
    config: ModelConfig, preset: str | None, stated: Side | None, say: Findings
) -> ModelConfig:
    """DSC or Fast DSC, as the preset or the settings of its training say; never a guess."""
    cascade = config.cascade
    assert isinstance(cascade, DSCConfig)
    size = cascade.guidance.side if preset is not None else stated
    if size is None:
        raise _which_variant(config)
    if stated not in (None, size):
        raise unfit(
            f"preset {preset} has guidance masks of {2 * size} x {2 * size} cells, and the "
            f"settings of its training ask for {2 * stated} x {2 * stated}"
        )
    evidence = f"preset {preset}" if stated is None else f"masks of {2 * size}, say its settings"
    say.reasons.append(f"guidance of {size} x {size} cells <- {evidence}")
    return config.with_(cascade__guidance__side=size)


def _which_variant(config: ModelConfig) -> ModelError:
    names = [
        name
        for name, p in PRESETS.items()
        if isinstance(p.config.cascade, DSCConfig)
        and not differences(
            config.with_(cascade__guidance__side=p.config.cascade.guidance.side), p.config
        )
    ]
    named = " or ".join(f"--preset {name}" for name in names)
    say = f"say which with {named} of `relook weights import`, or " if names else ""
    return ModelError(
        "M04",
        "this is a checkpoint of DSC or of Fast DSC. Their tensors are the same, and the one "
        f"taken for the other would be silently wrong, so it is not guessed: {say}give with "
        "--config the configuration of its training, whose guidance masks (mask_size) tell it.",
    )


def _list_unknown(config: ModelConfig, preset: str | None, say: Findings) -> None:
    cascade, rpn = config.cascade, config.rpn
    source = f"preset {preset}" if preset else "as published for this family"
    low, select = cascade.sample.match_low_quality, cascade.select
    say.unknown += [
        f"score threshold {select.score_threshold:g}, suppression {select.suppression} at "
        f"{select.nms_iou:g}, low-quality matches {'on' if low else 'off'}: {source}",
        f"anchors of scale {rpn.anchors.scale:g}, image size {config.input.size[0]} x "
        f"{config.input.size[1]}, mean and deviation of pixels: {source}",
    ]
    if isinstance(cascade, DSCConfig):
        stages = len(cascade.stages)
        ratios = ", ".join(f"{ratio:g}" for ratio in cascade.guidance.ratios(stages))
        scores = ", ".join(str(stage + 1) for stage in cascade.rows.scoring(stages))
        shown = cascade.guidance.target_frame
        say.unknown.append(
            f"guidance sees {ratios} times the box, its masks show the {shown} box, and scores "
            f"are of the stages {scores}: {source}"
        )
    if config.semantic is not None:
        say.unknown.append(f"the semantic feature joins boxes and masks: {source}")
    if isinstance(config.backbone.sac, SACConfig):
        say.unknown.append(f"SAC's second rate, {config.backbone.sac.rate}: {source}")
