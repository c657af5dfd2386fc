"""Heads, stages and thresholds of theirs."""

from __future__ import annotations

from typing import Any

import pytest

from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.interop.mmdet_config.account import Account
from relook.interop.mmdet_config.carried_model import carry_model

_HTC = "HybridTaskCascadeRoIHead"


def _carry(values: dict[str, Any], base: ModelConfig | None = None) -> Account:
    account = Account(values, base or ModelConfig())
    carry_model(account)
    return account


@pytest.mark.parametrize("prefix", ["model", ""])
@pytest.mark.parametrize(
    ("test", "ours"),
    [
        ({"rcnn": {"score_thr": 0.05}}, {"cascade__select__score_threshold": 0.05}),
        ({"rcnn": {"max_per_img": 300}}, {"cascade__select__max_detections": 300}),
        ({"rcnn": {"nms": {"type": "soft_nms"}}}, {"cascade__select__suppression": "soft_nms"}),
        ({"rcnn": {"nms": {"iou_threshold": 0.6}}}, {"cascade__select__nms_iou": 0.6}),
        ({"rcnn": {"nms": {"iou_thr": 0.4}}}, {"cascade__select__nms_iou": 0.4}),
        (
            {"rcnn": {}, "rpn": {"nms_pre": 500, "max_num": 300, "nms_post": 9, "nms_thr": 0.6}},
            {
                "rpn__test": {"candidates": 500, "proposals": 300, "nms_iou": 0.6},
                "rpn__train__nms_iou": 0.6,
            },
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
        "rpn_proposal": {"nms_pre": 1500, "max_per_img": 700, "nms_thr": 0.8},
        "rcnn": {
            "assigner": {"match_low_quality": False},
            "sampler": {"num": 64, "pos_fraction": 0.5},
        },
    }
    rpn = {
        "anchors": {
            "positive_iou": 0.6,
            "negative_iou": 0.2,
            "per_image": 128,
            "positive_fraction": 0.25,
        },
        "train": {"candidates": 1500, "proposals": 700, "nms_iou": 0.8},
    }
    sample = {"match_low_quality": False, "per_image": 64, "positive_fraction": 0.5}
    account = _carry({"model": {"train_cfg": train}})
    assert account.config == ModelConfig().with_(rpn=rpn, cascade__sample=sample)


def _sides(test: Any, train: Any, head: str = _HTC) -> dict[str, Any]:
    places = {"test_cfg": {"rcnn": {}, "rpn": {}}, "train_cfg": {"rcnn": [], "rpn_proposal": {}}}
    for place, name, side in (("test_cfg", "rpn", test), ("train_cfg", "rpn_proposal", train)):
        if side is not None:
            places[place][name] = {"min_bbox_size": side}
    return {"model": {"roi_head": {"type": head}, **places}}


@pytest.mark.parametrize(
    ("test", "train", "of_others", "of_dsc"),
    [
        (0, 0, (0.0, "above"), (0.0, "from")),
        (8, 8, (8.0, "above"), (8.0, "from")),
        (1.5, None, (1.5, "above"), (1.5, "from")),
        (None, 2, (2.0, "above"), (2.0, "from")),
        (-1, -1, (0.0, "from"), (0.0, "from")),  # all are kept
        (-1, -2, (0.0, "from"), (0.0, "from")),
    ],
)
@pytest.mark.parametrize("base", ["htc-r50", "dsc-r50"])
def test_sides_of_proposals(
    test: Any, train: Any, of_others: tuple[float, str], of_dsc: tuple[float, str], base: str
) -> None:
    for head, expected in ((_HTC, of_others), ("DSCRoIHead", of_dsc)):
        account = _carry(_sides(test, train, head), preset(base))
        for rule in (account.config.rpn.test, account.config.rpn.train):
            assert (rule.min_bbox_size, rule.min_bbox_size_rule) == expected
        assert not any("min_bbox_size" in line for line in account.conflicts + account.ignored)
        paths = [path for path, _ in account.unsettled()]
        assert not any("min_bbox_size" in path for path in paths)


def test_a_file_of_no_known_cascade_is_read_as_the_model_is() -> None:
    values = {"test_cfg": {"rcnn": {}, "rpn": {"min_bbox_size": 4}}}
    for name, rule in (("cascade-r50", "above"), ("dsc-r50", "from")):
        rpn = preset(name).rpn.with_(test__min_bbox_size=4.0, train__min_bbox_size=4.0)
        assert rpn.test.min_bbox_size_rule == rpn.train.min_bbox_size_rule == rule
        assert _carry(values, preset(name)).config.rpn == rpn


@pytest.mark.parametrize(("test", "train"), [(0, 8), (8, 0), (-1, 0), (0, -1), (1, 1.5)])
def test_sides_that_differ_between_training_and_testing(test: float, train: float) -> None:
    account = _carry(_sides(test, train))
    rpn = account.config.rpn
    assert (rpn.test.min_bbox_size, rpn.train.min_bbox_size) == (max(test, 0), max(train, 0))
    for rule, side in ((rpn.test, test), (rpn.train, train)):
        assert rule.min_bbox_size_rule == ("from" if side < 0 else "above")
    assert not any("min_bbox_size" in line for line in account.conflicts + account.ignored)


@pytest.mark.parametrize("side", ["8", True, float("nan"), float("inf"), [1]])
def test_sides_that_are_no_numbers_are_conflicts(side: Any) -> None:
    account = _carry(_sides(side, None))
    assert account.config.rpn == ModelConfig().rpn
    assert any("min_bbox_size" in line for line in account.differing)


def test_anchors() -> None:
    generator = {"type": "AnchorGenerator", "scales": [4], "ratios": [0.3, 1, 3]}
    account = _carry({"model": {"rpn_head": {"anchor_generator": generator}}})
    assert account.config.rpn.anchors.scale == 4
    assert account.config.rpn.anchors.ratios == (0.3, 1, 3)


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
    assert (cascade.masks, cascade.hybrid.interleaved, cascade.hybrid.mask_flow) == expected
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
    assert (ours.fuse.boxes, ours.fuse.masks) == (False, True)


def test_a_model_of_the_first_version_is_one_conflict() -> None:
    old = {"bbox_head": [{"type": "SharedFCBBoxHead", "num_classes": 81}], "neck": {"x": 1}}
    account = _carry({"model": old, "test_cfg": {"rcnn": {"score_thr": 0.2}}})
    assert len(account.conflicts) == 1 and "MMDetection 1.x" in account.conflicts[0]
    assert account.config.cascade.select.score_threshold == 0.2
    assert account.config.num_classes == 80
