"""Recognition of the architecture of a checkpoint by the names and shapes of its tensors.

Names are MMDetection's. Settings that shapes do not determine (thresholds, anchors, schedule) are
the published ones of that family of models, and are listed as such.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from ..config.cascades import DSCConfig, HTCConfig
from ..config.model import BackboneConfig, ModelConfig
from ..config.presets import PRESETS
from ..config.presets import preset as named_preset
from ..errors import ModelError
from ..structures.rules.guidance import Side
from ..structures.rules.pixels import SemanticRule
from .backbone_shapes import read_backbone
from .cascade_shapes import BOX, is_guided, read_classes, read_dsc, read_htc
from .families import Source, identify
from .mmdet import staged_names
from .pyramid_shapes import read_pyramid
from .shapes import Findings, Shapes, unfit
from .structure import differences, preset_of

_RFP = "neck.rfp_modules"
_SEMANTIC = "roi_head.semantic_head"

_VERSION_3: Final = (
    "masks are the mean over the stages, and boxes are compared in pixels of the original image, "
    "as in the published numbers. MMDetection 3, which wrote this file, takes the last stage's "
    "masks of an HTC, and pixels of the network input: --set cascade.hybrid.mask_average=last "
    "--set cascade.select.suppress_in=network does as it does"
)

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
    unknown: tuple[str, ...]  # one line each: a setting that is not in the file, and its default

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

    With `preset`, settings that shapes do not determine are the preset's, and the structure must
    be the preset's, numbers of classes aside. Names of version 1 are accepted; the caller decides
    by `source` whether such a file may be used. `guidance_size` is from the settings of a training.
    DSC and Fast DSC need it, because their tensors are the same.

    Raises:
        ModelError: M04 when the file is of another library, of a model that is not covered or of
            another structure than `preset`, or when it is not clear whether it is DSC or Fast DSC;
            the message names the model.
        UsageError: U01 when there is no such preset.
    """
    source = identify(shapes)
    if source in ("torchvision", "relook"):
        raise unfit(f"these are tensors under the names of {source}, not of MMDetection")
    old = source == "mmdet-v1"
    staged = staged_names(todays_name(name) if old else name for name in shapes)
    tensor_shapes = Shapes(dict(zip(staged.values(), map(tuple, shapes.values()), strict=True)))
    say = Findings()
    _read_version(meta, old, say)
    preset_config = None if preset is None else named_preset(preset)
    backbone = read_backbone(tensor_shapes, say.reasons.append)
    steps = 1 + tensor_shapes.count(_RFP)
    if steps > 1:
        say.reasons.append(f"looks {steps} times <- {steps - 1} backbones under {_RFP}")
    channels = tensor_shapes.size("neck.lateral_convs.0.conv.weight", 0)
    neck, rpn_convs = read_pyramid(tensor_shapes, say)
    semantic = _read_semantic(tensor_shapes, say)
    num_classes, hidden, box = read_classes(tensor_shapes, channels)
    say.reasons.append(f"{num_classes} classes <- rows of {BOX}.0.fc_cls, less the background's")
    cascade = _read_cascade(
        tensor_shapes, num_classes, preset_config, say, semantic=semantic is not None, old=old
    )
    if isinstance(cascade, HTCConfig):
        cascade = cascade.with_(box=replace(box, beta=cascade.box.beta))
    base = preset_config or named_preset(_family(tensor_shapes, cascade))
    config = base.with_(
        num_classes=num_classes,
        backbone=_keep(base.backbone, backbone) if preset_config else backbone,
        pyramid__channels=channels,
        pyramid__norm=neck,
        pyramid__steps=steps,
        rpn__convs=rpn_convs,
        semantic=semantic
        if preset_config is None
        else _merged_semantic(preset_config.semantic, semantic),
        cascade=cascade.with_(box_hidden=hidden),
        **({"numerics": "v1"} if old else {}),
    )
    if preset is not None and (wrong := differences(config, named_preset(preset))):
        raise unfit(f"the file is not a {preset}: {'; '.join(wrong)}")
    if is_guided(tensor_shapes):
        config = _with_variant(config, preset, guidance_size, say)
    if isinstance(cascade, HTCConfig) and cascade.hybrid.interleaved and _is_version_3(meta):
        say.unknown.append(_VERSION_3)
    return Recognised(config, source, tuple(say.reasons), tuple(say.unknown))


def _family(shapes: Shapes, cascade: HTCConfig | DSCConfig) -> str:
    """The preset whose proposals and losses a model has, where it is not known which it is."""
    if is_guided(shapes):
        return "dsc-r50"
    one_head = isinstance(cascade, HTCConfig) and cascade.box.boxes == "each_class"
    return "mask-rcnn-r50" if one_head else "htc-r50"


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
        meta_version = f", and meta has {version}" if version else ""
        say.reasons.append(f"MMDetection 2.x or 3.x <- heads under roi_head.{meta_version}")
    if version.startswith(("0.", "1.")) and not old:
        say.unknown.append(
            f"meta has MMDetection {version}, but names are those of 2.x: if a tool only renamed "
            "the tensors, scores will be poor (classes rotated, boxes with the old +1)"
        )


def _is_version_3(meta: Mapping[str, Any]) -> bool:
    """Return whether MMDetection 3 wrote a file, which does not name its own version."""
    return "mmengine_version" in meta or str(meta.get("mmdet_version", "")).startswith("3.")


def _read_semantic(shapes: Shapes, say: Findings) -> SemanticRule | None:
    key = f"{_SEMANTIC}.conv_logits.weight"
    if not shapes.has(f"{_SEMANTIC}."):
        return None
    classes = shapes.size(key, 0)
    say.reasons.append(f"semantic branch of {classes} classes <- {key}")
    return SemanticRule(num_classes=classes)


def _merged_semantic(
    preset_rule: SemanticRule | None, read_rule: SemanticRule | None
) -> SemanticRule | None:
    if preset_rule is None or read_rule is None:
        return read_rule
    return replace(preset_rule, num_classes=read_rule.num_classes)


def _keep(preset_config: BackboneConfig, read_config: BackboneConfig) -> BackboneConfig:
    """Structure of `read_config`, all other settings of `preset_config`."""
    sac = read_config.sac
    if sac is not None and preset_config.sac is not None:
        sac = preset_config.sac.with_(stages=sac.stages, deformable=sac.deformable)
    kept = {
        "norm": preset_config.norm,
        "frozen_stages": preset_config.frozen_stages,
        "weights": preset_config.weights,
    }
    return read_config.with_(sac=sac, **({} if preset_config.norm == "group" else kept))


def _read_cascade(
    shapes: Shapes,
    num_classes: int,
    preset_config: ModelConfig | None,
    say: Findings,
    *,
    semantic: bool,
    old: bool,
) -> HTCConfig | DSCConfig:
    """The cascade; settings that shapes do not determine are the preset's, if of the same kind."""
    base = None if preset_config is None else preset_config.cascade
    if is_guided(shapes):
        return read_dsc(shapes, num_classes, base if isinstance(base, DSCConfig) else None, say)
    return read_htc(
        shapes,
        num_classes,
        base if isinstance(base, HTCConfig) else None,
        say,
        semantic=semantic,
        old=old,
    )


def _with_variant(
    config: ModelConfig, preset: str | None, stated: Side | None, say: Findings
) -> ModelConfig:
    """DSC or Fast DSC, by the preset or the settings of its training; never a guess."""
    cascade = config.cascade
    assert isinstance(cascade, DSCConfig)
    size = cascade.guidance.side if preset is not None else stated
    if size is None:
        raise _which_variant(config)
    if stated not in (None, size):
        raise unfit(
            f"preset {preset} has guidance masks of {2 * size} x {2 * size} cells, and the "
            f"settings of its training have {2 * stated} x {2 * stated}"
        )
    evidence = f"preset {preset}" if stated is None else f"masks of {2 * size}, from its settings"
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
        "this is a checkpoint of DSC or of Fast DSC. Their tensors are the same, and the wrong "
        f"choice would be silently wrong, so it is not guessed: {say}give with --config the "
        "configuration of its training, which has the side of the guidance masks (mask_size).",
    )
