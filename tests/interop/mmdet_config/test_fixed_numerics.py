"""What relook computes in one way only: a file that asks for another is told so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from their_configs import write_tree

from relook.config.model import ModelConfig
from relook.interop.mmdet_config.account import ANY
from relook.interop.mmdet_config.carrying_over import carry_over
from relook.interop.mmdet_config.fixed_numerics import expected
from relook.interop.mmdet_config.mmdet_config import read_mmdet_config
from relook.structures.rules.cascade import StageRule


@pytest.fixture
def values(tmp_path: Path) -> dict[str, Any]:
    path = write_tree(tmp_path, 2) / "detectors" / "detectors.py"
    return read_mmdet_config(path).values


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", "FasterRCNN"),
        ("backbone.type", "ResNet_v2"),
        ("backbone.num_stages", 3),
        ("backbone.norm_cfg.type", "LN"),
        ("backbone.conv_cfg.type", "DCNv2"),
        ("neck.num_outs", 6),
        ("neck.aspp_dilations", (1, 2, 3, 1)),
        ("neck.add_extra_convs", "on_input"),
        ("neck.rfp_backbone.depth", 101),
        ("rpn_head.anchor_generator.strides", [8, 16, 32, 64, 128]),
        ("rpn_head.anchor_generator.scales", [4, 8]),
        ("rpn_head.loss_cls.type", "FocalLoss"),
        ("rpn_head.loss_bbox.type", "GIoULoss"),
        ("rpn_head.bbox_coder.target_means", [0.1, 0, 0, 0]),
        ("roi_head.bbox_roi_extractor.roi_layer.output_size", 14),
        ("roi_head.bbox_roi_extractor.roi_layer.aligned", False),
        ("roi_head.mask_roi_extractor.roi_layer.output_size", 7),
        ("roi_head.bbox_head.2.reg_class_agnostic", False),
        ("roi_head.bbox_head.1.type", "Shared4Conv1FCBBoxHead"),
        ("roi_head.bbox_head.0.norm_cfg", {"type": "GN", "num_groups": 32}),
        ("roi_head.bbox_head.1.fc_out_channels", 512),
        ("roi_head.bbox_head.1.num_classes", 7),
        ("roi_head.mask_head.0.with_conv_res", True),
        ("roi_head.mask_head.1.loss_mask.loss_weight", 2.0),
        ("roi_head.semantic_head.fusion_level", 2),
        ("train_cfg.rpn.sampler.type", "OHEMSampler"),
        ("train_cfg.rcnn.1.assigner.neg_iou_thr", 0.4),
        ("train_cfg.rcnn.2.sampler.num", 256),
        ("train_cfg.rcnn.1.assigner.match_low_quality", False),
        ("train_cfg.rcnn.1.mask_size", 56),
        ("test_cfg.rcnn.mask_thr_binary", 0.4),
        ("test_cfg.rcnn.nms.type", "nms_match"),
    ],
)
def test_other_numerics_are_conflicts(values: dict[str, Any], path: str, value: Any) -> None:
    assert carry_over(values, ModelConfig()).conflicts == ()
    place: Any = values["model"]
    *parents, last = path.split(".")
    for part in parents:
        place = place[int(part) if isinstance(place, list) else part]
    place[last] = value
    conflicts = carry_over(values, ModelConfig()).conflicts
    assert any(line.startswith(f"model.{path}") for line in conflicts), conflicts


def test_thresholds_follow_the_stages() -> None:
    stage = StageRule(iou=0.35, std=(0.1, 0.1, 0.2, 0.2), loss_weight=1.0)
    config = ModelConfig().with_(cascade__stages=(stage,), rpn__anchors__negative_iou=0.25)
    allowed = expected(config, "model.train_cfg", "test_cfg")
    assert allowed["model.train_cfg.rcnn.*.assigner.neg_iou_thr"] == (0.35,)
    assert "model.train_cfg.rcnn.1.assigner.neg_iou_thr" not in allowed
    assert allowed["model.train_cfg.rpn.assigner.min_pos_iou"] == (0.25,)
    assert allowed["test_cfg.rcnn.mask_thr_binary"] == (0.5,)


def test_memory_options_change_nothing() -> None:
    allowed = expected(ModelConfig(), "model.train_cfg", "model.test_cfg")
    assert allowed["model.backbone.with_cp"] == (ANY,)
