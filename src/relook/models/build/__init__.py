"""From a configuration to a detector: the only place where the switches are read."""

from __future__ import annotations

from ...config.model import ModelConfig, SemanticConfig, StuffConfig
from ...ops.convention import V1, V2, Convention
from ...ops.matching import assign
from ..detector import Detector
from ..heads.semantic import SemanticHead
from ..heads.stuff import StuffHead
from ..pyramids.fpn import STRIDES
from ..rpn.anchors import CellAnchors, base_anchors, pixel_anchors
from ..rpn.rpn import RPN, AnchorRule, ProposalRule
from .cascade import build_cascade
from .features import build_features
from .parts import make

__all__ = ["build_detector"]

_NUMERICS: dict[str, tuple[Convention, CellAnchors]] = {
    "v1": (V1, pixel_anchors),
    "v2": (V2, base_anchors),
}


def build_detector(config: ModelConfig) -> Detector:
    """A detector with random weights.

    What RFP and SAC add starts at identity, and every later look's backbone starts as a copy of
    the first.

    Raises:
        ModelError: M08 for a user's part that is not allowed, or cannot be made.
    """
    channels, semantic = config.pyramid.channels, config.semantic
    convention, _ = _NUMERICS[config.numerics]
    return Detector(
        features=build_features(config.backbone, config.pyramid, config.parts),
        rpn=build_rpn(config),
        cascade=build_cascade(
            config.cascade, semantic, channels, config.num_classes, convention, config.parts
        ),
        semantic=None if semantic is None else build_semantic(semantic, channels),
        stuff=None if config.stuff is None else build_stuff(config.stuff, channels),
    )


def build_semantic(config: SemanticConfig, channels: int) -> SemanticHead:
    """The semantic branch on a pyramid of so many `channels`."""
    return SemanticHead(
        channels,
        config.num_classes,
        loss_weight=config.loss_weight,
        average=config.average,
        padding_label=config.padding_label,
    )


def build_stuff(config: StuffConfig, channels: int) -> StuffHead:
    """The panoptic head on a pyramid of so many `channels`."""
    return StuffHead(
        channels,
        config.channels,
        config.num_classes,
        groups=config.groups,
        loss_weight=config.loss_weight,
        average=config.average,
    )


def build_rpn(config: ModelConfig) -> RPN:
    """The region proposal network."""
    rpn = config.rpn
    common = (rpn.nms_iou, rpn.min_bbox_size, rpn.min_bbox_size_rule)
    convention, cell_anchors = _NUMERICS[config.numerics]
    return RPN(
        config.pyramid.channels,
        strides=STRIDES,
        anchor_scale=rpn.anchor_scale,
        anchor_ratios=rpn.anchor_ratios,
        train=ProposalRule(rpn.train_candidates, rpn.train_proposals, *common),
        test=ProposalRule(rpn.test_candidates, rpn.test_proposals, *common),
        anchor_rule=AnchorRule(
            rpn.positive_iou,
            rpn.negative_iou,
            rpn.anchors_per_image,
            rpn.positive_fraction,
            make(config.parts, "rpn_assigner", default=lambda: assign),
        ),
        cell_anchors=cell_anchors,
        convention=convention,
    )
