"""Cascades from their configuration."""

from __future__ import annotations

from torch import nn

from ..cascades.htc import HybridTaskCascade, SampleRule, SelectRule, StageRule
from ..config import HTCConfig, SemanticConfig
from ..heads.box import BoxHead
from ..heads.mask import MaskHead
from ..layers import initialise
from ..ops.convention import V2, Convention


def build_cascade(
    config: HTCConfig,
    semantic: SemanticConfig | None,
    channels: int,
    num_classes: int,
    convention: Convention = V2,
) -> HybridTaskCascade:
    """The cascade its configuration describes."""
    stages = range(len(config.stages))
    return HybridTaskCascade(
        [BoxHead(channels, num_classes, config.box_hidden) for _ in stages],
        [
            MaskHead(
                channels,
                config.mask_channels,
                num_classes,
                carry_conv(config.mask_channels, channels) if config.mask_flow and i else None,
            )
            for i in stages
            if config.masks
        ],
        [StageRule(stage.iou, stage.std, stage.loss_weight) for stage in config.stages],
        num_classes,
        interleaved=config.interleaved,
        mask_flow=config.mask_flow,
        fuse_boxes=semantic is not None and semantic.fuse_boxes,
        fuse_masks=semantic is not None and semantic.fuse_masks,
        sample=SampleRule(
            config.rois_per_image, config.positive_fraction, config.match_low_quality
        ),
        select=SelectRule(
            config.nms_iou, config.suppression, config.suppress_in, config.mask_average
        ),
        score_threshold=config.score_threshold,
        max_detections=config.max_detections,
        convention=convention,
    )


def carry_conv(hidden: int, channels: int) -> nn.Conv2d:
    """How HTC passes mask features on to the next stage."""
    conv = nn.Conv2d(hidden, channels, 1)
    initialise.he(conv)
    return conv
