"""Every switch of the configuration reaches the part it belongs to."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from relook.assembly import build_detector
from relook.assembly.cascade import build_cascade
from relook.assembly.features import build_features
from relook.cascades.htc import HybridTaskCascade
from relook.detector import Detector
from relook.layers import AWSConv2d, SAConv2d
from relook.layers.deformable import DeformableConv2d
from relook.layers.norm import FixedBatchNorm2d
from relook.ops.convention import V1, V2
from relook.presets import preset
from relook.rpn.anchors import base_anchors, pixel_anchors


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
        rpn__keep_empty_boxes=True,
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
    assert (rpn.train_rule.proposals, rpn.test_rule.candidates) == (11, 12)
    assert rpn.test_rule.nms_iou == 0.6 and rpn.train_rule.keep_empty_boxes
    assert rpn.anchor_rule.per_image == 13
    assert rpn.objectness.out_channels == 1 and rpn.anchor_scale == 4.0
    assert (cascade.sample.per_image, cascade.sample.positive_fraction) == (14, 0.5)
    assert not cascade.sample.match_low_quality and not cascade.interleaved
    assert cascade.select.method == "soft_nms" and cascade.select.suppress_in == "network"
    assert cascade.select.mask_average == "last"
    assert (cascade.score_threshold, cascade.max_detections) == (0.2, 15)
    assert (cascade.fuse_boxes, cascade.fuse_masks) == (False, True)
    assert (detector.semantic_average, detector.semantic_weight) == ("all", 0.7)


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
