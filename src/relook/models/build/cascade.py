"""Building of cascades from their configuration."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from torch import nn

from ...config.cascades import DSCConfig, HTCConfig
from ...config.parts import NO_PARTS, PartsConfig
from ...layers.conv_norm import ConvNorm
from ...layers.norm import group_norm
from ...ops import matching
from ...ops.convention import V2, Convention
from ...structures.rules.pixels import FuseRule, SemanticRule
from ..cascades.dsc import ShapeGuidedCascade
from ..cascades.htc import HybridTaskCascade
from ..cascades.steps import Learning
from ..heads.box import BoxHead, box_loss
from ..heads.mask import MaskHead, carry_conv, mask_loss
from .parts import make

_FUSE_NORMS: dict[str, Callable[[int], nn.Module] | None] = {
    "batch": nn.BatchNorm2d,
    "sync_batch": nn.SyncBatchNorm,
    "group": group_norm,
    "none": None,
}


def build_cascade(
    config: HTCConfig | DSCConfig,
    semantic: SemanticRule | None,
    channels: int,
    num_classes: int,
    convention: Convention = V2,
    parts: PartsConfig = NO_PARTS,
) -> nn.Module:
    """The cascade of its configuration, or a user's own."""
    arguments = semantic, channels, num_classes

    def build_own() -> nn.Module:
        if isinstance(config, DSCConfig):
            return build_dsc(config, *arguments, parts=parts)
        return build_htc(config, *arguments, convention, parts)

    cascade: nn.Module = make(parts, "cascade", channels, num_classes, default=build_own)
    return cascade


def build_htc(
    config: HTCConfig,
    semantic: SemanticRule | None,
    channels: int,
    num_classes: int,
    convention: Convention = V2,
    parts: PartsConfig = NO_PARTS,
) -> HybridTaskCascade:
    """A hybrid task cascade, or a Cascade R-CNN."""
    stages = range(len(config.stages))

    def box_head() -> Any:
        arguments = channels, num_classes, config.box_hidden
        own = partial(BoxHead, *arguments, rule=config.box)
        return make(parts, "box_head", *arguments, default=own)

    def mask_head(*, flow: bool) -> Any:
        carry = carry_conv(config.mask_channels, channels) if flow else None
        arguments = channels, config.mask_channels, num_classes, carry
        own = partial(MaskHead, *arguments, norm=config.mask_norm)
        return make(parts, "mask_head", *arguments, default=own)

    return HybridTaskCascade(
        [box_head() for _ in stages],
        [mask_head(flow=config.hybrid.mask_flow and i > 0) for i in stages if config.masks],
        make(parts, "stage_rules", list(config.stages), default=lambda: config.stages),
        num_classes,
        hybrid=config.hybrid,
        fuse=_fuse(semantic),
        extract=make(parts, "roi_extractor", default=lambda: None),
        sample=config.sample,
        learning=_learning(parts, config.box.beta),
        select=config.select,
        convention=convention,
    )


def build_dsc(
    config: DSCConfig,
    semantic: SemanticRule | None,
    channels: int,
    num_classes: int,
    parts: PartsConfig = NO_PARTS,
) -> ShapeGuidedCascade:
    """A cascade that is guided by shapes."""
    stages, guidance = range(len(config.stages)), config.guidance

    def fuse() -> ConvNorm:
        norm = _FUSE_NORMS[config.fuse_norm]
        return ConvNorm(config.mask_channels, channels, config.fuse_kernel, norm)

    def mask_head(classes: int, *, flow: bool) -> MaskHead:
        return MaskHead(channels, config.mask_channels, classes, fuse() if flow else None)

    def box_head(t: int) -> BoxHead:
        shown = guidance.implicit and (guidance.initial or t > 0)
        return BoxHead(channels, num_classes, config.box_hidden, fuse() if shown else None)

    return ShapeGuidedCascade(
        [mask_head(1, flow=guidance.mask_flow and t > 0) for t in stages],
        [box_head(t) for t in stages],
        mask_head(num_classes, flow=guidance.mask_flow),
        config.stages,
        num_classes,
        guidance=guidance,
        rows=config.rows,
        fuse=_fuse(semantic),
        sample=config.sample,
        learning=_learning(parts),
        select=config.select,
    )


def _fuse(semantic: SemanticRule | None) -> FuseRule:
    """Heads that take the semantic context; none without a semantic branch."""
    return FuseRule(boxes=False, masks=False) if semantic is None else semantic.fuse


def _learning(parts: PartsConfig, beta: float = 1.0) -> Learning:
    return Learning(
        make(parts, "assigner", default=lambda: matching.assign),
        make(parts, "sampler", default=lambda: matching.draw),
        make(parts, "box_loss", default=lambda: partial(box_loss, beta=beta)),
        make(parts, "mask_loss", default=lambda: mask_loss),
    )
