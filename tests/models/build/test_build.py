"""Every switch of the configuration reaches the part it belongs to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from relook.config.cascades import DSCConfig
from relook.config.presets import preset
from relook.layers import AWSConv2d, SAConv2d
from relook.layers.conv_norm import ConvNorm
from relook.layers.deformable import DeformableConv2d
from relook.layers.norm import FixedBatchNorm2d
from relook.models.build import build_detector
from relook.models.build.cascade import build_cascade
from relook.models.build.features import build_features
from relook.models.cascades.dsc import ShapeGuidedCascade
from relook.models.cascades.guidance import GuidanceRule, StageRule
from relook.models.cascades.htc import HybridTaskCascade
from relook.models.detector import Detector
from relook.models.rpn.anchors import base_anchors, pixel_anchors
from relook.models.rpn.rpn import ProposalRule
from relook.ops.convention import V1, V2


def _meta(name: str, **changes: Any) -> Detector:
    with torch.device("meta"):
        return build_detector(preset(name).with_(**changes))


def _parts(detector: Detector, kind: type[nn.Module]) -> list[nn.Module]:
    return [module for module in detector.modules() if isinstance(module, kind)]


@pytest.mark.parametrize(
    ("norm", "kind"),
    [("fixed_batch", FixedBatchNorm2d), ("batch", nn.BatchNorm2d), ("group", nn.GroupNorm)],
)
def test_norm(norm: str, kind: type[nn.Module]) -> None:
    found = {type(m) for m in _parts(_meta("htc-r50", backbone__norm=norm), nn.Module)}
    kinds = {FixedBatchNorm2d, nn.BatchNorm2d, nn.GroupNorm}
    assert found & kinds == {kind}


def test_sac_rate_stages_and_deformability() -> None:
    detector = _meta(
        "htc-r50-sac",
        backbone__sac={"rate": 2, "stages": (False, False, True, False), "deformable": False},
    )
    sacs = _parts(detector, SAConv2d)
    assert len(sacs) == 6 and {m.rate for m in sacs} == {2}  # type: ignore[union-attr]
    assert all(m.offset_near is None for m in sacs)
    assert len(_parts(_meta("detectors-htc-r50"), SAConv2d)) == 2 * 13
    assert len(_parts(_meta("detectors-htc-r101"), SAConv2d)) == 2 * 30


def test_every_backbone_convolution_is_standardised_where_asked() -> None:
    backbone = _meta("htc-r50-rfp").features.backbones[1]
    plain = [n for n, m in backbone.named_modules() if type(m) is nn.Conv2d]
    assert plain and all(n.endswith("feedback") for n in plain)
    assert not _parts(_meta("htc-r50"), AWSConv2d)


def test_deformable_stages() -> None:
    assert len(_parts(_meta("htc-x101-64x4d-dcn"), DeformableConv2d)) == 4 + 23 + 3


def test_steps_and_frozen_stages() -> None:
    three = _meta("htc-r50-rfp", pyramid__steps=3)
    assert len(three.features.backbones) == 3
    first = build_features(preset("htc-r50").backbone, preset("htc-r50").pyramid).backbones[0]
    assert not first.conv1.weight.requires_grad and first.layer2[0].conv1.weight.requires_grad


def test_rpn_and_cascade_rules() -> None:
    detector = _meta(
        "htc-r50",
        rpn__train_proposals=11,
        rpn__test_candidates=12,
        rpn__nms_iou=0.6,
        rpn__min_bbox_size=3.0,
        rpn__min_bbox_size_rule="from",
        rpn__anchors_per_image=13,
        rpn__anchor_ratios=(1.0,),
        rpn__anchor_scale=4.0,
        cascade__rois_per_image=14,
        cascade__positive_fraction=0.5,
        cascade__match_low_quality=False,
        cascade__suppression="soft_nms",
        cascade__suppress_in="network",
        cascade__mask_average="last",
        cascade__score_threshold=0.2,
        cascade__max_detections=15,
        cascade__interleaved=False,
        semantic__fuse_boxes=False,
        semantic__average="all",
        semantic__loss_weight=0.7,
    )
    rpn, cascade = detector.rpn, detector.cascade
    assert isinstance(cascade, HybridTaskCascade)
    assert rpn.train_rule == ProposalRule(2000, 11, 0.6, 3.0, "from")
    assert rpn.test_rule == ProposalRule(12, 1000, 0.6, 3.0, "from")
    assert rpn.anchor_rule.per_image == 13
    assert rpn.objectness.out_channels == 1 and rpn.anchor_scale == 4.0
    assert (cascade.sample.per_image, cascade.sample.positive_fraction) == (14, 0.5)
    assert not cascade.sample.match_low_quality and not cascade.interleaved
    assert cascade.select.method == "soft_nms" and cascade.select.suppress_in == "network"
    assert cascade.mask_average == "last"
    assert (cascade.score_threshold, cascade.max_detections) == (0.2, 15)
    assert (cascade.fuse_boxes, cascade.fuse_masks) == (False, True)
    assert (detector.semantic.average, detector.semantic.loss_weight) == ("all", 0.7)


def test_numerics_reach_the_rpn_and_the_cascade() -> None:
    for numerics, convention, anchors in (("v2", V2, base_anchors), ("v1", V1, pixel_anchors)):
        detector = _meta("htc-r50", numerics=numerics)
        assert isinstance(detector.cascade, HybridTaskCascade)
        assert detector.rpn.convention is detector.cascade.convention is convention
        assert detector.rpn.cell_anchors is anchors


def test_without_the_semantic_branch_nothing_is_fused() -> None:
    config = preset("htc-tiny")
    cascade = build_cascade(config.cascade, None, 64, 1)
    assert not cascade.fuse_boxes and not cascade.fuse_masks
    assert _meta("htc-tiny", semantic=None).semantic is None


def test_later_looks_start_as_copies_of_the_first() -> None:
    torch.manual_seed(0)
    features = build_detector(preset("detectors-htc-tiny")).features
    first, second = features.backbones
    theirs = second.state_dict()
    for key, value in first.state_dict().items():
        assert torch.equal(theirs[key], value), key
    assert {k.rsplit(".", 2)[1] for k in theirs if k not in first.state_dict()} == {"feedback"}


def _dsc(**changes: Any) -> ShapeGuidedCascade:
    cascade = _meta("dsc-r50", **changes).cascade
    assert isinstance(cascade, ShapeGuidedCascade)
    return cascade


def test_every_field_of_dsc_is_read() -> None:
    """By the part it belongs to; what is left out here has tests of its own below."""
    stage = {"iou": 0.4, "std": (0.2, 0.2, 0.4, 0.4)}
    weights = {"class_weight": 1.5, "box_weight": 2.5, "guide_weight": 3.5}
    changes: dict[str, Any] = {
        "stages": (stage, {**stage, "iou": 0.5, **weights}),
        "mask_iou": 0.65,
        "guidance_size": 7,
        "enlarge_ratios": (1.8, 1.3),
        "explicit_guidance": False,
        "plus_one": False,
        "guidance_product": "of_samples",
        "detach_guidance": True,
        "initial_guidance": False,
        "mask_flow": False,
        "clip_enlarged_to_image": True,
        "clip_into_previous": True,
        "mask_target_frame": "enlarged",
        "last_box_frame": "enlarged",
        "semantic_frame": "enlarged",
        "score_stages": (1,),
        "keep_gt_rows": False,
        "freeze_gt_rows": False,
        "rois_at_a_time": 17,
        "rois_per_image": 14,
        "positive_fraction": 0.5,
        "suppression": "soft_nms",
        "suppress_in": "network",
        "nms_iou": 0.4,
        "score_threshold": 0.2,
        "max_detections": 15,
    }
    below = {"kind", "alignment", "implicit_guidance", "fuse_norm", "fuse_kernel"}
    assert set(changes) | below | {"box_hidden", "mask_channels"} == set(DSCConfig.model_fields)
    cascade = _dsc(cascade=DSCConfig(**changes), semantic__fuse_masks=False)
    std = (0.2, 0.2, 0.4, 0.4)
    assert cascade.rules == (
        StageRule(0.4, std, 1.8),
        StageRule(0.5, std, 1.3, class_weight=1.5, box_weight=2.5, guide_weight=3.5),
    )
    assert cascade.guidance == GuidanceRule(
        side=7,
        explicit=False,
        plus_one=False,
        product="of_samples",
        detach=True,
        initial=False,
        mask_flow=False,
        alignment="relative",
        clip_to_image=True,
        clip_into_previous=True,
        target_frame="enlarged",
        last_box_frame="enlarged",
        semantic_frame="enlarged",
    )
    assert cascade.mask_iou == 0.65 and cascade.scoring == (1,)
    assert not cascade.keep_gt_rows and not cascade.freeze_gt_rows
    assert cascade.rois_at_a_time == 17
    assert (cascade.sample.per_image, cascade.sample.positive_fraction) == (14, 0.5)
    assert (cascade.select.method, cascade.select.suppress_in) == ("soft_nms", "network")
    assert cascade.select.nms_iou == 0.4
    assert (cascade.score_threshold, cascade.max_detections) == (0.2, 15)
    assert (cascade.fuse_boxes, cascade.fuse_masks) == (True, False)


def test_defaults_of_dsc_modules_are_those_of_its_configuration() -> None:
    cascade = _dsc()
    assert cascade.guidance == GuidanceRule()
    assert not cascade.sample.match_low_quality
    assert [rule.ratio for rule in cascade.rules] == [2.0, 1.59, 1.26]
    assert _dsc(cascade__alignment="recompute").guidance.alignment == "recompute"
    detector = _meta("dsc-r50", semantic__padding_label=0)
    assert detector.semantic.padding_label == 0


@pytest.mark.parametrize(
    ("changes", "boxes", "masks"),
    [
        ({}, [True] * 3, [False, True, True, True]),
        ({"implicit_guidance": False}, [False] * 3, [False, True, True, True]),
        ({"initial_guidance": False}, [False, True, True], [False, True, True, True]),
        ({"mask_flow": False}, [True] * 3, [False] * 4),
    ],
)
def test_projections_are_where_features_are_shown(
    changes: dict[str, bool], boxes: list[bool], masks: list[bool]
) -> None:
    cascade = _dsc(**{f"cascade__{key}": value for key, value in changes.items()})
    assert [head.fuse is not None for head in cascade.box_heads] == boxes
    heads = [*cascade.guidance_heads, cascade.mask_head]
    assert [head.carry is not None for head in heads] == masks
    assert [head.logits.out_channels for head in heads] == [1, 1, 1, 80]


@pytest.mark.parametrize(
    ("norm", "kind"),
    [
        ("batch", nn.BatchNorm2d),
        ("sync_batch", nn.SyncBatchNorm),
        ("group", nn.GroupNorm),
        ("none", type(None)),
    ],
)
def test_norms_and_widths_of_dsc(norm: str, kind: type) -> None:
    widths = {"cascade__mask_channels": 64, "cascade__box_hidden": 96}
    cascade = _dsc(cascade__fuse_norm=norm, cascade__fuse_kernel=3, **widths)
    found = [m for m in cascade.modules() if isinstance(m, ConvNorm)]
    assert len(found) == 6
    assert {type(m.norm) for m in found} == {kind}
    assert {tuple(m.conv.weight.shape) for m in found} == {(256, 64, 3, 3)}
    assert {head.fc2.weight.shape for head in cascade.box_heads} == {(96, 96)}


@pytest.mark.parametrize(
    ("name", "parameters", "trained"),
    [
        ("dsc-r50", 83_105_368, 82_880_024),
        ("fast-dsc-r50", 83_105_368, 82_880_024),
        ("dsc-r101", 102_097_496, 101_872_152),
        ("dsc-x101-32x4d", 101_726_040, 101_510_680),
        ("dsc-x101-64x4d-dcn", 146_146_676, 145_743_924),
    ],
)
def test_dsc_has_as_many_parameters_as_its_authors(
    name: str, parameters: int, trained: int
) -> None:
    found = list(_meta(name).parameters())
    assert sum(p.numel() for p in found) == parameters
    assert sum(p.numel() for p in found if p.requires_grad) == trained


def test_parts_of_dsc_share_no_weights() -> None:
    detector = build_detector(preset("dsc-tiny"))
    weights = [p.data_ptr() for p in detector.cascade.parameters() if p.numel()]
    assert len(set(weights)) == len(weights)
