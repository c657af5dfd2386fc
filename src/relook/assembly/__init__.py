"""From a configuration to a detector: the only place where the switches are read."""

from __future__ import annotations

from ..config import ModelConfig
from ..detector import Detector
from ..heads.semantic import SemanticHead
from ..ops.convention import V1, V2, Convention
from ..pyramids.fpn import STRIDES
from ..rpn.anchors import CellAnchors, base_anchors, pixel_anchors
from ..rpn.rpn import RPN, AnchorRule, ProposalRule
from .cascade import build_cascade
from .features import build_features

__all__ = ["build_detector"]

_NUMERICS: dict[str, tuple[Convention, CellAnchors]] = {
    "v1": (V1, pixel_anchors),
    "v2": (V2, base_anchors),
}


def build_detector(config: ModelConfig) -> Detector:
    """A detector with random weights.

    What RFP and SAC add starts at identity, and every later look's backbone starts as a copy of
    the first.
    """
    channels, semantic = config.pyramid.channels, config.semantic
    convention, _ = _NUMERICS[config.numerics]
    detector = Detector(
        features=build_features(config.backbone, config.pyramid),
        rpn=build_rpn(config),
        cascade=build_cascade(config.cascade, semantic, channels, config.num_classes, convention),
        semantic=SemanticHead(channels, semantic.num_classes) if semantic else None,
    )
    if semantic is not None:
        detector.semantic_weight = semantic.loss_weight
        detector.semantic_average = semantic.average
        detector.semantic_padding = semantic.padding_label
    return detector


def build_rpn(config: ModelConfig) -> RPN:
    """The region proposal network."""
    rpn = config.rpn
    convention, cell_anchors = _NUMERICS[config.numerics]
    return RPN(
        config.pyramid.channels,
        strides=STRIDES,
        anchor_scale=rpn.anchor_scale,
        anchor_ratios=rpn.anchor_ratios,
        train=ProposalRule(
            rpn.train_candidates, rpn.train_proposals, rpn.nms_iou, rpn.keep_empty_boxes
        ),
        test=ProposalRule(
            rpn.test_candidates, rpn.test_proposals, rpn.nms_iou, rpn.keep_empty_boxes
        ),
        anchor_rule=AnchorRule(
            rpn.positive_iou, rpn.negative_iou, rpn.anchors_per_image, rpn.positive_fraction
        ),
        cell_anchors=cell_anchors,
        convention=convention,
    )
