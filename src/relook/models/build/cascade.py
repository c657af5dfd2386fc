"""Cascades from their configuration."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import nn

from ...config.cascades import CascadeConfig, DSCConfig, HTCConfig
from ...config.model import SemanticConfig
from ...config.parts import NO_PARTS, PartsConfig
from ...layers.conv_norm import ConvNorm
from ...layers.norm import group_norm
from ...ops import matching
from ...ops.convention import V2, Convention
from ..cascades import guidance, htc
from ..cascades.dsc import ShapeGuidedCascade
from ..cascades.guidance import GuidanceRule
from ..cascades.htc import HybridTaskCascade
from ..cascades.steps import LossRule, SampleRule, SelectRule
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
    semantic: SemanticConfig | None,
    channels: int,
    num_classes: int,
    convention: Convention = V2,
    parts: PartsConfig = NO_PARTS,
) -> nn.Module:
    """The cascade its configuration describes, or a user's own."""
    given = semantic, channels, num_classes

    def own() -> nn.Module:
        if isinstance(config, DSCConfig):
            return build_dsc(config, *given, parts=parts)
        return build_htc(config, *given, convention, parts)

    made: nn.Module = make(parts, "cascade", channels, num_classes, default=own)
    return made


def build_htc(
    config: HTCConfig,
    semantic: SemanticConfig | None,
    channels: int,
    num_classes: int,
    convention: Convention = V2,
    parts: PartsConfig = NO_PARTS,
) -> HybridTaskCascade:
    """A hybrid task cascade, or a Cascade R-CNN."""
    stages = range(len(config.stages))
    rules = [htc.StageRule(stage.iou, stage.std, stage.loss_weight) for stage in config.stages]

    def box_head() -> Any:
        given = channels, num_classes, config.box_hidden
        return make(parts, "box_head", *given, default=lambda: BoxHead(*given))

    def mask_head(*, flow: bool) -> Any:
        carry = carry_conv(config.mask_channels, channels) if flow else None
        given = channels, config.mask_channels, num_classes, carry
        return make(parts, "mask_head", *given, default=lambda: MaskHead(*given))

    return HybridTaskCascade(
        [box_head() for _ in stages],
        [mask_head(flow=config.mask_flow and i > 0) for i in stages if config.masks],
        make(parts, "stage_rules", rules, default=lambda: rules),
        num_classes,
        interleaved=config.interleaved,
        mask_flow=config.mask_flow,
        fuse_boxes=semantic is not None and semantic.fuse_boxes,
        fuse_masks=semantic is not None and semantic.fuse_masks,
        extract=make(parts, "roi_extractor", default=lambda: None),
        sample=_sample(config, parts, match_low_quality=config.match_low_quality),
        losses=_losses(parts),
        select=_select(config),
        mask_average=config.mask_average,
        score_threshold=config.score_threshold,
        max_detections=config.max_detections,
        convention=convention,
    )


def build_dsc(
    config: DSCConfig,
    semantic: SemanticConfig | None,
    channels: int,
    num_classes: int,
    parts: PartsConfig = NO_PARTS,
) -> ShapeGuidedCascade:
    """A cascade that is guided by shapes."""
    stages = range(len(config.stages))

    def fuse() -> ConvNorm:
        norm = _FUSE_NORMS[config.fuse_norm]
        return ConvNorm(config.mask_channels, channels, config.fuse_kernel, norm)

    def mask_head(classes: int, *, flow: bool) -> MaskHead:
        return MaskHead(channels, config.mask_channels, classes, fuse() if flow else None)

    def box_head(t: int) -> BoxHead:
        shown = config.implicit_guidance and (config.initial_guidance or t > 0)
        return BoxHead(channels, num_classes, config.box_hidden, fuse() if shown else None)

    return ShapeGuidedCascade(
        [mask_head(1, flow=config.mask_flow and t > 0) for t in stages],
        [box_head(t) for t in stages],
        mask_head(num_classes, flow=config.mask_flow),
        [
            guidance.StageRule(s.iou, s.std, ratio, s.class_weight, s.box_weight, s.guide_weight)
            for s, ratio in zip(config.stages, config.ratios, strict=True)
        ],
        num_classes,
        guidance=GuidanceRule(
            side=config.guidance_size,
            explicit=config.explicit_guidance,
            plus_one=config.plus_one,
            product=config.guidance_product,
            detach=config.detach_guidance,
            initial=config.initial_guidance,
            mask_flow=config.mask_flow,
            alignment=config.alignment,
            clip_to_image=config.clip_enlarged_to_image,
            clip_into_previous=config.clip_into_previous,
            target_frame=config.mask_target_frame,
            last_box_frame=config.last_box_frame,
            semantic_frame=config.semantic_frame,
        ),
        mask_iou=config.mask_iou,
        scoring=config.scoring,
        keep_gt_rows=config.keep_gt_rows,
        freeze_gt_rows=config.freeze_gt_rows,
        fuse_boxes=semantic is not None and semantic.fuse_boxes,
        fuse_masks=semantic is not None and semantic.fuse_masks,
        sample=_sample(config, parts, match_low_quality=False),
        losses=_losses(parts),
        select=_select(config),
        score_threshold=config.score_threshold,
        max_detections=config.max_detections,
        rois_at_a_time=config.rois_at_a_time,
    )


def _sample(config: CascadeConfig, parts: PartsConfig, *, match_low_quality: bool) -> SampleRule:
    return SampleRule(
        config.rois_per_image,
        config.positive_fraction,
        match_low_quality,
        make(parts, "assigner", default=lambda: matching.assign),
        make(parts, "sampler", default=lambda: matching.draw),
    )


def _losses(parts: PartsConfig) -> LossRule:
    return LossRule(
        make(parts, "box_loss", default=lambda: box_loss),
        make(parts, "mask_loss", default=lambda: mask_loss),
    )


def _select(config: CascadeConfig) -> SelectRule:
    return SelectRule(config.nms_iou, config.suppression, config.suppress_in)
