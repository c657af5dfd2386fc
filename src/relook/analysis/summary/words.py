"""Description of every part of a model, from pixels to masks, in words."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from ...config.model import BackboneConfig, InputConfig, ModelConfig, PyramidConfig, RPNConfig
from ...config.parts import PartsConfig
from ...structures.rules.wording import numbers, on_off, stages_of
from .cascade_words import about_cascade, about_detections

_SWITCHES: Final = {
    "single": "switch S and 1 - S",
    "dual": "two switches of their own",
    "sigmoid": "switch S and 1 - S of a sigmoid",
}
_NUMERICS: Final = {
    "v2": "pixel grid of MMDetection 2 and 3",
    "v1": "pixel grid of MMDetection 1; for predicting only",
    "torchvision": "sampling, levels, anchors and pasting of torchvision's Mask R-CNN",
}
_NO_CONTEXT: Final = ["none: there is no semantic branch"]


class Words(NamedTuple):
    """A part and its description."""

    part: str
    lines: list[str]


def in_words(config: ModelConfig) -> list[Words]:
    """The parts in the order in which an image goes through them."""
    words = [
        Words("input", _input(config.input)),
        Words("backbone", _backbone(config.backbone, config.parts)),
        Words("pyramid", _pyramid(config.pyramid, config.parts)),
        Words("proposals", _rpn(config.rpn)),
        Words("context", _NO_CONTEXT if config.semantic is None else config.semantic.words()),
        *_cascade(config),
    ]
    if config.stuff is not None:
        words.append(Words("stuff", config.stuff.words()))
    if config.stuff is not None or config.semantic is not None:
        words.append(Words("panoptic", _panoptic(config)))
    words.append(Words("numerics", [f"{config.numerics}: {_NUMERICS[config.numerics]}"]))
    if config.parts.by_place:
        words.append(Words("own parts", _own_parts(config)))
    return words


def _input(config: InputConfig) -> list[str]:
    long, short = config.size
    colours = "RGB" if config.reading.channels is None else f"{config.reading.depth} channels"
    return [
        f"{colours}, 0 to 255, minus {numbers(config.mean)}, over {numbers(config.std)}",
        "; ".join(config.reading.words()),
        f"scaled to fit sides of {long} and {short} pixels, padded to multiples of 32",
    ]


def _backbone(config: BackboneConfig, parts: PartsConfig) -> list[str]:
    if parts.backbone is not None:
        return [parts.backbone.call()]
    basic = config.block == "basic"
    layers = (2 if basic else 3) * sum(config.blocks) + 2
    ends = config.width * (1 if basic else 4)
    kind = f"ResNet-{layers}" if config.groups == 1 else f"ResNeXt-{layers}"
    inner = config.width * config.width_per_group // 64
    lines = [
        f"{kind}: {numbers(config.blocks)} {'basic blocks' if basic else 'bottlenecks'}, stem of "
        f"{config.width} channels, stages end with {ends} to {ends * 8}",
        f"3x3 convolutions in {config.groups} group{'s' * (config.groups > 1)} of {inner} channels "
        f"in the first stage (width_per_group {config.width_per_group}); the {config.stride_in} "
        "convolution of a stage's first block halves the map",
        f"{config.norm_rule.words()}; weights of convolutions standardised: "
        f"{on_off(config.weight_standardisation)}",
    ]
    if config.sac is not None:
        sac = config.sac
        lines.append(
            f"SAC in {stages_of(sac.stages)}: rates 1 and {sac.rate}, {_SWITCHES[sac.switch]}, "
            f"second kernel {'w + dw' if sac.locked else 'dw'}, deformable "
            f"{on_off(sac.deformable)}, global context {on_off(sac.context)}"
        )
    if any(config.deformable_stages):
        lines.append(f"deformable 3x3 convolutions in {stages_of(config.deformable_stages)}")
    frozen = ("the stem", "stage 1", "stage 2", "stage 3", "stage 4")[: config.frozen_stages]
    lines.append(f"not trained: {', '.join(frozen) or 'nothing'}")
    start = f"ImageNet weights {config.weights}" if config.weights else "random numbers"
    lines.append(f"training starts from {start}")
    return lines


def _pyramid(config: PyramidConfig, parts: PartsConfig) -> list[str]:
    neck = "FPN" if parts.neck is None else parts.neck.call()
    norm = config.norm.words()
    lines = [f"{neck} of {config.channels} channels: P2 to P6, strides 4 to 64, {norm}"]
    if config.steps == 1:
        return [*lines, "one look at the image"]
    backbones = "one backbone for all" if config.share_backbone else "each with its own backbone"
    connector = "ASPP" if config.connector == "aspp" else "nothing"
    if parts.connector is not None:
        connector = parts.connector.call()
    fusion = "a gate blends the last two" if config.fusion == "gated" else "the last one counts"
    if parts.fusion is not None:
        fusion = f"{parts.fusion.call()} blends the last two"
    return [
        *lines,
        f"RFP: {config.steps} looks at the image, {backbones}",
        f"fed back through {connector} into {stages_of(config.feedback_stages)}",
        f"of the pyramids of the looks {fusion}",
    ]


def _cascade(config: ModelConfig) -> list[Words]:
    part = config.parts.cascade
    if part is not None:
        return [Words("cascade", [f"{part.call()}, {config.num_classes} classes"])]
    return [
        Words(f"cascade ({config.cascade.kind})", about_cascade(config.cascade)),
        Words("detections", about_detections(config)),
    ]


def _rpn(config: RPNConfig) -> list[str]:
    return [
        f"{config.convs} convolution{'s' * (config.convs > 1)} of 3x3",
        *config.anchors.words(),
        f"training: {config.train.words()}",
        f"detecting: {config.test.words()}",
    ]


def _panoptic(config: ModelConfig) -> list[str]:
    rule = config.panoptic
    boxes = "no limit" if rule.suppress_iou is None else f"{rule.suppress_iou:g}"
    limit = "all" if rule.max_objects is None else f"the best {rule.max_objects}"
    first = "the better score" if rule.order == "score" else "the smaller area"
    return [
        f"objects from score {rule.score:g}, {limit}, {first} on top; left out when more than "
        f"{rule.overlap:g} is covered; IoU of boxes: {boxes}",
        f"stuff under {rule.stuff_area} pixels is void",
    ]


def _own_parts(config: ModelConfig) -> list[str]:
    return ["users' parts, which replace those described above:", *config.parts.words()]


def longest(words: Sequence[Words]) -> int:
    """Characters of the longest name of a part."""
    return max(len(entry.part) for entry in words)
