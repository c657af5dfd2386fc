"""Faster and Mask R-CNN of torchvision: their structure, numerics, names and order of classes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from torch import Tensor

from ..config.cascades import HTCConfig
from ..config.model import ModelConfig
from ..config.presets import preset as named_preset
from ..data.coco.records import Category
from ..structures.rules.heads import BoxHeadRule
from ..structures.rules.norms import NO_NORM, NormRule
from .backbone_shapes import read_backbone
from .shapes import Findings, Shapes, unfit

_BODY: Final = "backbone.body."
_INNER, _OUTER = "backbone.fpn.inner_blocks", "backbone.fpn.layer_blocks"
_BOX, _MASK, _RPN = "roi_heads.box_head", "roi_heads.mask_head", "rpn.head.conv"
_HEADS: Final = "roi_heads.box_predictor."
_BATCH: Final = NormRule("batch")
_MOST_CONVS: Final = 16
_LAYERS: Final = 4  # convolutions of a mask head
_BETA: Final = 1 / 9  # of all losses of boxes

_NAMES: Final[tuple[tuple[str, str], ...]] = (
    (r"backbone\.body\.", "features.backbone."),
    (r"backbone\.fpn\.inner_blocks\.(\d+)\.", r"features.fpn.laterals.\1."),
    (r"backbone\.fpn\.layer_blocks\.(\d+)\.", r"features.fpn.outputs.\1."),
    (r"rpn\.head\.conv\.(?:0\.0\.)?(?!\d)", "rpn.conv."),
    (r"rpn\.head\.cls_logits\.", "rpn.objectness."),
    (r"rpn\.head\.bbox_pred\.", "rpn.deltas."),
    (r"roi_heads\.box_head\.fc6\.", "cascade.box_heads.0.fc1."),
    (r"roi_heads\.box_head\.fc7\.", "cascade.box_heads.0.fc2."),
    (r"roi_heads\.box_head\.(\d+)\.(?=\d)", r"cascade.box_heads.0.convs.\1."),
    (r"roi_heads\.box_head\.\d+\.", "cascade.box_heads.0.fc1."),
    (r"roi_heads\.box_predictor\.cls_score\.", "cascade.box_heads.0.classify."),
    (r"roi_heads\.box_predictor\.bbox_pred\.", "cascade.box_heads.0.regress."),
    (r"roi_heads\.mask_head\.(\d+)\.", r"cascade.mask_heads.0.convs.\1."),
    (r"roi_heads\.mask_predictor\.conv5_mask\.", "cascade.mask_heads.0.upsample."),
    (r"roi_heads\.mask_predictor\.mask_fcn_logits\.", "cascade.mask_heads.0.logits."),
)
_COMPILED: Final = [(re.compile(pattern), name) for pattern, name in _NAMES]
_OLD_MASK: Final = re.compile(r"roi_heads\.mask_head\.mask_fcn(\d)\.")
_MORE: Final = re.compile(r"rpn\.head\.conv\.([1-9]\d*)\.0\.")
_LAYER: Final = re.compile(r"(.*\.\d+)\.([01])\.(weight|bias|running_\w+|num_batches_tracked)")
_BACKGROUND: Final = {
    "cascade.box_heads.0.classify": None,
    "cascade.box_heads.0.regress": 4,
    "cascade.mask_heads.0.logits": 1,
}
"""Layers with rows of the background first: how many are dropped, or None where they move."""


class TorchvisionModel(NamedTuple):
    """A detector of torchvision, by its tensors."""

    config: ModelConfig
    reasons: tuple[str, ...]
    unknown: tuple[str, ...]


def is_detector(names: Iterable[str]) -> bool:
    """Return whether the names are of a Faster or Mask R-CNN, not of a classifier alone."""
    return any(name.startswith(_HEADS) for name in names)


def read_torchvision(shapes: Mapping[str, tuple[int, ...]]) -> TorchvisionModel:
    """The configuration of a Faster or Mask R-CNN of torchvision with a ResNet.

    Raises:
        ModelError: M04 for a model of other layers.
    """
    tensors, say = Shapes(shapes), Findings()
    _check_kind(tensors)
    body = {n.replace(_BODY, "backbone."): s for n, s in shapes.items() if n.startswith(_BODY)}
    backbone = read_backbone(Shapes(body), say.reasons.append)
    if not any(name.endswith("num_batches_tracked") for name in body):
        backbone = backbone.with_(norm_eps=0.0)
        say.unknown.append(
            "nothing is added to the variances of the backbone (backbone.norm_eps 0), as in the "
            "weights that torchvision published first and in what was trained from them. A model "
            "that started from ImageNet instead has --set backbone.norm_eps=1e-5"
        )
    masks = tensors.has(f"{_MASK}.")
    rows = tensors.size(f"{_HEADS}cls_score.weight", 0)
    kind = "Mask R-CNN" if masks else "Faster R-CNN"
    say.reasons.append(f"{kind} of torchvision <- {_BOX}{f', {_MASK}' if masks else ''}")
    say.reasons.append(f"{rows - 1} classes <- rows of {_HEADS}cls_score, less the background's")
    normed = tensors.has(f"{_INNER}.0.1.")
    if normed:
        say.reasons.append(f"batch norm in the pyramid <- {_INNER}.0.1")
    lateral = f"{_INNER}.0.0.weight" if tensors.has(f"{_INNER}.0.0.") else f"{_INNER}.0.weight"
    config = named_preset("mask-rcnn-r50" if masks else "faster-rcnn-r50").with_(
        num_classes=rows - 1,
        backbone=backbone,
        pyramid__channels=tensors.size(lateral, 0),
        pyramid__norm=_BATCH if normed else NO_NORM,
        rpn__convs=max(tensors.count(_RPN), 1),
        cascade=_heads(tensors, named_preset("mask-rcnn-r50").cascade, masks=masks),
    )
    return TorchvisionModel(with_numerics(config), tuple(say.reasons), tuple(say.unknown))


def with_numerics(config: ModelConfig) -> ModelConfig:
    """`config` with the numerics, thresholds and losses of torchvision's detectors."""
    least = {"min_bbox_size": 1e-3, "min_bbox_size_rule": "from"}
    return config.with_(
        numerics="torchvision",
        rpn__train={"candidates": 2000, "proposals": 2000, **least},
        rpn__test={"candidates": 1000, "proposals": 1000, **least},
        rpn__anchors__beta=_BETA,
        rpn__anchors__inside=False,
        cascade__box__beta=_BETA,
        cascade__sample__match_low_quality=False,
        cascade__select={"suppress_in": "network", "min_bbox_size": 1e-2},
    )


def names_of(keys: Iterable[str]) -> dict[str, str]:
    """Relook's name of each key of a detector of torchvision, of any of its versions."""
    names = list(keys)
    normed = {m[1] for m in map(_LAYER.fullmatch, names) if m and m[2] == "1" and _in_heads(m[1])}

    def name(key: str) -> str:
        plain = _MORE.sub(lambda m: f"rpn.more.{int(m[1]) - 1}.", key)
        plain = _OLD_MASK.sub(lambda m: f"roi_heads.mask_head.{int(m[1]) - 1}.", plain)
        layer = _LAYER.fullmatch(plain)
        if layer is not None and _in_heads(layer[1]):
            part = ("conv." if layer[2] == "0" else "norm.") if layer[1] in normed else ""
            plain = f"{layer[1]}.0.{part}{layer[3]}"
        for pattern, ours in _COMPILED:
            if match := pattern.match(plain):
                plain = match.expand(ours) + plain[match.end() :].removeprefix("0.")
                break
        return plain

    return {key: name(key) for key in names}


def with_background_last(ours: str, value: Tensor) -> Tensor:
    """A tensor called `ours` in relook's order of classes; the same one if it has no classes.

    The background moves from the first row of the classifier to the last, and its box and mask,
    which have no meaning, are dropped.
    """
    layer = ours.rpartition(".")[0]
    if layer not in _BACKGROUND:
        return value
    dropped = _BACKGROUND[layer]
    return value.roll(-1, dims=0) if dropped is None else value[dropped:].clone()


def coco_classes_with_gaps() -> tuple[Category, ...]:
    """The 90 classes of torchvision's COCO models: those of COCO, and ten ids without a class."""
    from torchvision.models.detection import MaskRCNN_ResNet50_FPN_Weights

    names = MaskRCNN_ResNet50_FPN_Weights.COCO_V1.meta["categories"]
    return tuple(
        Category(i, f"unused {i}" if name == "N/A" else name)
        for i, name in enumerate(names)
        if i > 0
    )


def _in_heads(layer: str) -> bool:
    return layer.startswith((_INNER, _OUTER, f"{_BOX}.", f"{_MASK}."))


def _check_kind(shapes: Shapes) -> None:
    if shapes.has("roi_heads.keypoint"):
        raise unfit("it is a Keypoint R-CNN of torchvision, and relook finds no keypoints")
    if shapes.has("backbone.fpn.extra_blocks.") or not shapes.has(f"{_INNER}.3."):
        raise unfit("its pyramid is not that of torchvision's Faster and Mask R-CNN")


def _heads(shapes: Shapes, base: object, *, masks: bool) -> HTCConfig:
    assert isinstance(base, HTCConfig)
    convs = sum(shapes.has(f"{_BOX}.{i}.0.") for i in range(_MOST_CONVS))
    normed = shapes.has(f"{_BOX}.0.1.")
    first = f"{_BOX}.fc6.weight" if not convs else f"{_BOX}.{convs + 1}.weight"
    mask = base.mask_channels
    if masks:
        old = shapes.has(f"{_MASK}.mask_fcn1.")
        layers = sum(
            shapes.has(f"{_MASK}.mask_fcn{i + 1}." if old else f"{_MASK}.{i}.0.")
            for i in range(2 * _LAYERS)
        )
        if layers != _LAYERS:
            raise unfit(f"its mask head has {layers} convolutions, relook's has {_LAYERS}")
        mask = shapes.size(f"{_MASK}.mask_fcn1.weight" if old else f"{_MASK}.0.0.weight", 0)
    return base.with_(
        masks=masks,
        box_hidden=shapes.size(first, 0),
        mask_channels=mask,
        mask_norm=_BATCH if shapes.has(f"{_MASK}.0.1.") else NO_NORM,
        box=BoxHeadRule(
            boxes="each_class",
            convs=convs,
            hidden_layers=1 if convs else 2,
            norm=_BATCH if normed else NO_NORM,
        ),
    )
