"""Building of backbones and pyramids from their configuration."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from torch import nn

from ...config.model import BackboneConfig, PyramidConfig
from ...config.parts import NO_PARTS, PartsConfig
from ...layers import AWSConv2d, SAConv2d
from ...layers.aspp import ASPP
from ...layers.deformable import DeformableConv2d
from ...layers.norm import norm_layers
from ..backbones.resnet import FEEDBACK_STAGES, Conv3x3, First3x3, ResNet
from ..pyramids.fpn import FPN, FeaturePyramid
from ..pyramids.rfp import GatedFusion, RecursiveFeaturePyramid, copy_first_look
from .parts import made_by, make


def build_features(
    backbone: BackboneConfig,
    pyramid: PyramidConfig,
    parts: PartsConfig = NO_PARTS,
    *,
    in_channels: int = 3,
) -> FeaturePyramid | RecursiveFeaturePyramid:
    """The modules from pixels of `in_channels` to pyramid: one look, or ``pyramid.steps`` looks."""
    channels, shown = pyramid.channels, (pyramid.channels, pyramid.feedback_stages)
    looks_again, shares = pyramid.steps > 1, pyramid.share_backbone

    def look(*feedback: Any) -> Any:
        arguments = feedback or (None, FEEDBACK_STAGES)
        default = partial(build_backbone, backbone, *feedback, parts=parts, in_channels=in_channels)
        return make(parts, "backbone", *arguments, default=default)

    first = look(*(shown if looks_again and shares else ()))
    sizes = first.out_channels, channels
    norm = norm_layers(pyramid.norm)
    fpn = make(parts, "neck", *sizes, default=partial(FPN, *sizes, norm))
    if not looks_again:
        return FeaturePyramid(first, fpn)
    features = RecursiveFeaturePyramid(
        [first, *(look(*shown) for _ in range(0 if shares else pyramid.steps - 1))],
        fpn,
        make(parts, "connector", channels, default=partial(_connector, pyramid)),
        make(parts, "fusion", channels, default=partial(_fusion, pyramid)),
        pyramid.steps,
    )
    copy_first_look(features)
    return features


def _connector(pyramid: PyramidConfig) -> nn.Module:
    return ASPP(pyramid.channels) if pyramid.connector == "aspp" else nn.Identity()


def _fusion(pyramid: PyramidConfig) -> GatedFusion | None:
    return GatedFusion(pyramid.channels) if pyramid.fusion == "gated" else None


def build_backbone(
    config: BackboneConfig,
    feedback_channels: int | None = None,
    feedback_stages: Sequence[bool] = FEEDBACK_STAGES,
    *,
    parts: PartsConfig = NO_PARTS,
    in_channels: int = 3,
) -> ResNet:
    """One backbone; its frozen parts require no gradients.

    The stem of other than three channels is never frozen: no weights were trained for it.
    """
    backbone = ResNet(
        config.blocks,
        [_conv3x3(config, parts, stage) for stage in range(4)],
        conv=AWSConv2d if config.weight_standardisation else nn.Conv2d,
        norm=norm_layers(config.norm_rule) or nn.Identity,
        basic=config.block == "basic",
        first3x3_per_stage=[_first3x3(config, stage) for stage in range(4)],
        width=config.width,
        groups=config.groups,
        width_per_group=config.width_per_group,
        stride_first=config.stride_in == "1x1",
        feedback_channels=feedback_channels,
        feedback_stages=feedback_stages,
        in_channels=in_channels,
    )
    for part in backbone.parts()[: config.frozen_stages]:
        for module in part:
            module.requires_grad_(False)
    if in_channels != 3:
        backbone.conv1.requires_grad_(True)
    return backbone


def _conv3x3(config: BackboneConfig, parts: PartsConfig, stage: int) -> Conv3x3 | None:
    """Factory of the 3x3 convolution of a stage; None for a plain one."""
    if parts.conv3x3 is not None and parts.conv3x3_stages[stage]:
        return partial(made_by, parts.conv3x3, "conv3x3")
    if config.sac is not None and config.sac.stages[stage]:
        options = config.sac.model_dump(exclude={"stages"})
        return partial(SAConv2d, **options)
    if config.deformable_stages[stage]:
        return DeformableConv2d
    return None


def _first3x3(config: BackboneConfig, stage: int) -> First3x3 | None:
    """Factory of the first convolution of basic blocks, which may widen the map."""
    if config.sac is None or not config.sac.stages[stage]:
        return None
    options = config.sac.model_dump(exclude={"stages"})

    def widening(channels: int, out_channels: int, stride: int) -> SAConv2d:
        return SAConv2d(channels, stride, out_channels=out_channels, **options)

    return widening
