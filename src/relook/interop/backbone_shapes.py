"""Recognition of the backbone of a checkpoint by the names and shapes of its tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Literal

from ..config.model import BackboneConfig, SACConfig
from .pyramid_shapes import GROUPS
from .shapes import Shapes, unfit

_STAGES = range(4)
_SMALL_STEM = 3  # cells, of the first kernel of a RegNet
_PLAIN_OFFSETS = 18  # two numbers for each of nine sampling points

Weights = Literal[
    "resnet18", "resnet34", "resnet50", "resnet101", "resnext101_32x4d", "resnext101_64x4d"
]
_WEIGHTS: Final[
    dict[
        tuple[tuple[int, ...], int, int, bool],
        Weights,
    ]
] = {
    ((2, 2, 2, 2), 1, 64, True): "resnet18",
    ((3, 4, 6, 3), 1, 64, True): "resnet34",
    ((3, 4, 6, 3), 1, 64, False): "resnet50",
    ((3, 4, 23, 3), 1, 64, False): "resnet101",
    ((3, 4, 23, 3), 32, 4, False): "resnext101_32x4d",
    ((3, 4, 23, 3), 64, 4, False): "resnext101_64x4d",
}
"""ImageNet weights of (blocks, groups, channels per group, basic), for the start of a training."""
_STEM = 64  # channels of the stem of all of them


def read_backbone(shapes: Shapes, say: Callable[[str], None]) -> BackboneConfig:
    """The backbone under ``backbone.``; `say` is called with each fact and its evidence.

    Raises:
        ModelError: M04 for a backbone that is not a ResNet or ResNeXt of relook's kinds.
    """
    _check_kind(shapes)
    depths = [shapes.count(f"backbone.layer{i + 1}") for i in _STAGES]
    if 0 in depths:
        raise unfit(f"backbone.layer{depths.index(0) + 1} is missing")
    blocks = (depths[0], depths[1], depths[2], depths[3])
    width = shapes.size("backbone.conv1.weight", 0)
    basic = not shapes.has("backbone.layer1.0.conv3.")
    groups, width_per_group = (1, 64) if basic else _read_groups(shapes, width)
    layers = 2 + (2 if basic else 3) * sum(blocks)
    grouped = shapes.has("backbone.gn1.")
    if grouped:
        say("group norm <- gn1")
    kind = f"ResNeXt-{layers} {groups}x{width_per_group}d" if groups > 1 else f"ResNet-{layers}"
    say(f"{kind} <- {', '.join(map(str, blocks))} blocks in layer1 to layer4, shape of conv2")
    sac = _read_sac(shapes, say)
    deformable = _read_deformable(shapes)
    if any(deformable):
        say(f"deformable convolutions in {_stages(deformable)} <- conv2 with offsets")
    standardised = sac is not None or _any(shapes, "weight_gamma")
    if standardised:
        say(f"standardised weights <- {'weight_gamma' if sac is None else 'weight_diff'}")
    try:
        return BackboneConfig(
            blocks=blocks,
            block="basic" if basic else "bottleneck",
            norm="group" if grouped else "fixed_batch",
            norm_groups=GROUPS if grouped else None,
            width=width,
            groups=groups,
            width_per_group=width_per_group,
            weight_standardisation=standardised,
            sac=sac,
            deformable_stages=deformable,
            weights=_start(blocks, groups, width_per_group, width, basic=basic, grouped=grouped),
        )
    except ValueError as error:  # of the validation: two kinds of convolution in one stage
        raise unfit(f"its backbone is not valid ({error!s:.200})") from error


def _start(
    blocks: tuple[int, ...], groups: int, per_group: int, width: int, *, basic: bool, grouped: bool
) -> Weights | None:
    """The ImageNet weights of a backbone, if there are any."""
    if width != _STEM or grouped:
        return None
    return _WEIGHTS.get((blocks, groups, per_group, basic))


def _check_kind(shapes: Shapes) -> None:
    if not shapes.has("backbone.conv1.") or not shapes.has("backbone.layer1.0."):
        raise unfit("its backbone is neither ResNet nor ResNeXt (no backbone.conv1, layer1)")
    if shapes.size("backbone.conv1.weight", 2) == _SMALL_STEM:
        raise unfit("its backbone is a RegNet (the first convolution is 3x3), not a ResNet")
    if not shapes.has("backbone.gn1.") and not shapes.has("backbone.bn1.running_mean"):
        raise unfit("its backbone has a norm without stored statistics that is no group norm")


def _read_groups(shapes: Shapes, width: int) -> tuple[int, int]:
    """Groups, and channels of each in the first stage at a stem of 64 channels."""
    key = "backbone.layer4.0.conv2.weight"
    channels, per_group = shapes.size(key, 0), shapes.size(key, 1)
    if channels % per_group:
        raise unfit(f"{key}: {channels} channels are no whole number of groups of {per_group}")
    return channels // per_group, max(per_group * 64 // (8 * width), 1)


def _read_sac(shapes: Shapes, say: Callable[[str], None]) -> SACConfig | None:
    stages = _per_stage(shapes, "conv2.weight_diff")
    if not any(stages):
        return None
    deformable = _any(shapes, "conv2.offset_s.weight")
    kind = "deformable" if deformable else "not deformable"
    say(f"SAC in {_stages(stages)} <- weight_diff; {kind} <- offset_s")
    return SACConfig(stages=stages, deformable=deformable)


def _read_deformable(shapes: Shapes) -> tuple[bool, bool, bool, bool]:
    for name in shapes.names:
        if name.startswith("backbone.") and name.endswith(_OFFSETS):
            rows = shapes.size(name, 0)
            if rows != _PLAIN_OFFSETS:
                raise unfit(
                    f"{name} has {rows} rows: a modulated (DCN v2) or grouped deformable "
                    f"convolution; relook's are DCN v1 with {_PLAIN_OFFSETS}"
                )
    first, second = (_per_stage(shapes, suffix) for suffix in _OFFSETS)
    a, b, c, d = (x or y for x, y in zip(first, second, strict=True))
    return a, b, c, d


_OFFSETS = ("conv2.conv_offset.weight", "conv2_offset.weight")  # of both ages


def _per_stage(shapes: Shapes, suffix: str) -> tuple[bool, bool, bool, bool]:
    a, b, c, d = (
        any(
            n.startswith(f"backbone.layer{i + 1}.") and n.endswith(f".{suffix}")
            for n in shapes.names
        )
        for i in _STAGES
    )
    return a, b, c, d


def _any(shapes: Shapes, suffix: str) -> bool:
    return any(n.startswith("backbone.") and n.endswith(f".{suffix}") for n in shapes.names)


def _stages(flags: tuple[bool, ...]) -> str:
    return "stages " + ", ".join(str(i + 1) for i, flag in enumerate(flags) if flag)
