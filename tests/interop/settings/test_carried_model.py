"""Heads, stages and thresholds of theirs."""

from __future__ import annotations

from typing import Any

import pytest

from relook.config import ModelConfig
from relook.interop.settings.account import Account
from relook.interop.settings.carried_model import carry_model

_HTC = "HybridTaskCascadeRoIHead"


def _carry(values: dict[str, Any], base: ModelConfig | None = None) -> Account:
    account = Account(values, base or ModelConfig())
    carry_model(account)
    return account


@pytest.mark.parametrize("prefix", ["model", ""])
@pytest.mark.parametrize(
    ("test", "ours"),
    [
        ({"rcnn": {"score_thr": 0.05}}, {"cascade__score_threshold": 0.05}),
        ({"rcnn": {"max_per_img": 300}}, {"cascade__max_detections": 300}),
        ({"rcnn": {"nms": {"type": "soft_nms"}}}, {"cascade__suppression": "soft_nms"}),
        ({"rcnn": {"nms": {"iou_threshold": 0.6}}}, {"cascade__nms_iou": 0.6}),
        ({"rcnn": {"nms": {"iou_thr": 0.4}}}, {"cascade__nms_iou": 0.4}),
        (
            {"rcnn": {}, "rpn": {"nms_pre": 500, "max_num": 300, "nms_post": 9, "nms_thr": 0.6}},
            {"rpn__test_candidates": 500, "rpn__test_proposals": 300, "rpn__nms_iou": 0.6},
        ),
    ],
)
def test_thresholds_of_testing(prefix: str, test: dict[str, Any], ours: dict[str, Any]) -> None:
    values = {"test_cfg": test}
    account = _carry({"model": values} if prefix else values)
    assert account.config == ModelConfig().with_(**ours)
    assert account.conflicts == account.ignored == []


def test_settings_of_training() -> None:
    train = {
        "rpn": {
            "assigner": {"pos_iou_thr": 0.6, "neg_iou_thr": 0.2},
            "sampler": {"num": 128, "pos_fraction": 0.25},
        },
        "rpn_proposal": {"nms_pre": 1500, "max_per_img": 700},
        "rcnn": {
            "assigner": {"match_low_quality": False},
            "sampler": {"num": 64, "pos_fraction": 0.5},
        },
    }
    rpn = {
        "positive_iou": 0.6,
        "negative_iou": 0.2,
        "anchors_per_image": 128,
        "positive_fraction": 0.25,
        "train_candidates": 1500,
        "train_proposals": 700,
    }
    cascade = {"match_low_quality": False, "rois_per_image": 64, "positive_fraction": 0.5}
    account = _carry({"model": {"train_cfg": train}})
    assert account.config == ModelConfig().with_(rpn=rpn, cascade=cascade)


def test_anchors() -> None:
    generator = {"type": "AnchorGenerator", "scales": [4], "ratios": [0.3, 1, 3]}
    account = _carry({"model": {"rpn_head": {"anchor_generator": generator}}})
    assert account.config.rpn.anchor_scale == 4
    assert account.config.rpn.anchor_ratios == (0.3, 1, 3)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        ({"type": _HTC, "mask_head": [{}]}, (True, True, True)),
        ({"type": _HTC, "mask_head": [{}], "interleaved": False}, (True, False, True)),
        ({"type": _HTC, "mask_head": [{}], "mask_info_flow": False}, (True, True, False)),
        ({"type": _HTC}, (False, False, False)),
        ({"type": "CascadeRoIHead", "mask_head": {}}, (True, False, False)),
        ({"type": "mmdet.models.CascadeRoIHead", "mask_head": None}, (False, False, False)),
    ],
)
def test_kinds_of_cascades(head: dict[str, Any], expected: tuple[bool, ...]) -> None:
    account = _carry({"model": {"roi_head": head}})
    cascade = account.config.cascade
    assert (cascade.masks, cascade.interleaved, cascade.mask_flow) == expected
    assert account.config.semantic is None


def test_stages_of_another_number() -> None:
    stds = [[0.1, 0.1, 0.2, 0.2], [0.04, 0.04, 0.08, 0.08]]
    head = {
        "num_stages": 2,
        "stage_loss_weights": [1, 0.3],
        "bbox_head": [{"bbox_coder": {"target_stds": std}} for std in stds],
    }
    rcnn = [{"assigner": {"pos_iou_thr": iou}} for iou in (0.4, 0.65)]
    account = _carry({"model": {"roi_head": head, "train_cfg": {"rcnn": rcnn}}})
    first, second = account.config.cascade.stages
    assert (first.iou, second.iou) == (0.4, 0.65)
    assert (first.loss_weight, second.loss_weight) == (1, 0.3)
    assert second.std == (0.04, 0.04, 0.08, 0.08)


def test_one_head_for_all_stages() -> None:
    coder = {"target_stds": [0.2, 0.2, 0.4, 0.4]}
    head = {"bbox_head": {"bbox_coder": coder, "num_classes": 5}, "stage_loss_weights": [1, 1, 1]}
    account = _carry({"model": {"roi_head": head}})
    assert [stage.std for stage in account.config.cascade.stages] == [(0.2, 0.2, 0.4, 0.4)] * 3
    assert account.config.num_classes == 5


@pytest.mark.parametrize(
    "head",
    [
        {"num_stages": 3, "stage_loss_weights": [1, 1]},
        {"stage_loss_weights": [1, 1], "bbox_head": [{}]},
        {"bbox_head": [{"num_classes": 3}, {"num_classes": 4}]},
        {"bbox_head": [{"num_classes": 3}], "mask_head": [{"num_classes": 4}]},
        {"bbox_head": [{"type": "Shared2FCBBoxHead"}]},  # their default is a box for each class
    ],
)
def test_heads_that_do_not_agree(head: dict[str, Any]) -> None:
    assert _carry({"model": {"roi_head": head}}).conflicts


def test_the_semantic_branch() -> None:
    semantic = {
        "num_classes": 54,
        "loss_seg": {"loss_weight": 0.4, "avg_non_ignore": False},
    }
    head = {"type": _HTC, "semantic_head": semantic, "semantic_fusion": ["mask"]}
    ours = _carry({"model": {"roi_head": head}}).config.semantic
    assert ours is not None
    assert (ours.num_classes, ours.loss_weight, ours.average) == (54, 0.4, "all")
    assert (ours.fuse_boxes, ours.fuse_masks) == (False, True)


def test_a_model_of_the_first_version_is_one_conflict() -> None:
    old = {"bbox_head": [{"type": "SharedFCBBoxHead", "num_classes": 81}], "neck": {"x": 1}}
    account = _carry({"model": old, "test_cfg": {"rcnn": {"score_thr": 0.2}}})
    assert len(account.conflicts) == 1 and "MMDetection 1.x" in account.conflicts[0]
    assert account.config.cascade.score_threshold == 0.2
    assert account.config.num_classes == 80
