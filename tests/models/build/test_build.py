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
from relook.models.cascades.htc import HybridTaskCascade
from relook.models.detector import Detector
from relook.models.rpn.anchors import base_anchors, pixel_anchors
from relook.ops.convention import V1, V2
from relook.structures.rules.guidance import GuidanceRule
from relook.structures.rules.proposals import ProposalRule


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
        rpn__train__proposals=11,
        rpn__test__candidates=12,
        rpn__test__nms_iou=0.6,
        rpn__train__min_bbox_size=3.0,
        rpn__test__min_bbox_size_rule="from",
        rpn__anchors__per_image=13,
        rpn__anchors__ratios=(1.0,),
        rpn__anchors__scale=4.0,
        cascade__sample__per_image=14,
        cascade__sample__positive_fraction=0.5,
        cascade__sample__match_low_quality=False,
        cascade__select__suppression="soft_nms",
        cascade__select__suppress_in="network",
        cascade__hybrid__mask_average="last",
        cascade__select__score_threshold=0.2,
        cascade__select__max_detections=15,
        cascade__hybrid__interleaved=False,
        semantic__fuse__boxes=False,
        semantic__average="all",
        semantic__loss_weight=0.7,
    )
    rpn, cascade = detector.rpn, detector.cascade
    assert isinstance(cascade, HybridTaskCascade)
    assert rpn.train_rule == ProposalRule(2000, 11, 0.7, 3.0, "above")
    assert rpn.test_rule == ProposalRule(12, 1000, 0.6, 0.0, "from")
    assert rpn.anchors.per_image == 13
    assert rpn.objectness.out_channels == 1 and rpn.anchors.scale == 4.0
    assert (cascade.sample.per_image, cascade.sample.positive_fraction) == (14, 0.5)
    assert not cascade.sample.match_low_quality and not cascade.hybrid.interleaved
    assert cascade.select.suppression == "soft_nms" and cascade.select.suppress_in == "network"
    assert cascade.hybrid.mask_average == "last"
    assert (cascade.select.score_threshold, cascade.select.max_detections) == (0.2, 15)
    assert (cascade.fuse.boxes, cascade.fuse.masks) == (False, True)
    rule = detector.semantic.rule
    assert (rule.average, rule.loss_weight) == ("all", 0.7)


def test_numerics_reach_the_rpn_and_the_cascade() -> None:
    for numerics, convention, anchors in (("v2", V2, base_anchors), ("v1", V1, pixel_anchors)):
        detector = _meta("htc-r50", numerics=numerics)
        assert isinstance(detector.cascade, HybridTaskCascade)
        assert detector.rpn.convention is detector.cascade.convention is convention
        assert detector.rpn.cell_anchors is anchors


def test_without_the_semantic_branch_nothing_is_fused() -> None:
    config = preset("htc-tiny")
    cascade = build_cascade(config.cascade, None, 64, 1)
    assert not cascade.fuse.boxes and not cascade.fuse.masks
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


def test_every_rule_of_a_cascade_is_what_it_is_given() -> None:
    """The objects themselves: nothing is copied field by field."""
    for name in ("htc-r50", "dsc-r50"):
        config = preset(name)
        with torch.device("meta"):
            detector = build_detector(config)
        cascade, rpn = detector.cascade, detector.rpn
        assert isinstance(cascade, HybridTaskCascade | ShapeGuidedCascade)
        given = config.cascade
        assert cascade.sample is given.sample and cascade.select is given.select
        assert all(one is other for one, other in zip(cascade.rules, given.stages, strict=True))
        assert rpn.anchors is config.rpn.anchors
        assert rpn.train_rule is config.rpn.train and rpn.test_rule is config.rpn.test
        assert config.semantic is not None and detector.semantic.rule is config.semantic
        assert cascade.fuse is config.semantic.fuse
        if isinstance(given, DSCConfig):
            assert isinstance(cascade, ShapeGuidedCascade)
            assert cascade.guidance is given.guidance and cascade.rows is given.rows
        else:
            assert isinstance(cascade, HybridTaskCascade) and cascade.hybrid is given.hybrid


def test_defaults_of_dsc_modules_are_those_of_its_configuration() -> None:
    cascade = _dsc()
    assert cascade.guidance == GuidanceRule()
    assert not cascade.sample.match_low_quality
    assert cascade.ratios == (2.0, 1.59, 1.26)
    assert _dsc(cascade__guidance__alignment="recompute").guidance.alignment == "recompute"
    detector = _meta("dsc-r50", semantic__padding_label=0)
    assert detector.semantic.rule.padding_label == 0


@pytest.mark.parametrize(
    ("changes", "boxes", "masks"),
    [
        ({}, [True] * 3, [False, True, True, True]),
        ({"guidance__implicit": False}, [False] * 3, [False, True, True, True]),
        ({"guidance__initial": False}, [False, True, True], [False, True, True, True]),
        ({"guidance__mask_flow": False}, [True] * 3, [False] * 4),
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
