"""Configurations of Faster and Mask R-CNN come to what the presets say."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
from their_configs import write_tree

from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.interop.mmdet_config.carrying_over import carry_over
from relook.interop.mmdet_config.mmdet_config import read_mmdet_config


@pytest.fixture(scope="module")
def cascade(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    tree = write_tree(tmp_path_factory.mktemp("configs"), 2)
    return read_mmdet_config(tree / "cascade" / "cascade.py").values


def one_head(cascade: dict[str, Any], *, masks: bool) -> dict[str, Any]:
    """The settings of a cascade made those of a detector with one box head."""
    values = copy.deepcopy(cascade)
    model = values["model"]
    model["type"] = "MaskRCNN" if masks else "FasterRCNN"
    heads = model["roi_head"]
    head = heads["bbox_head"][0] | {
        "reg_class_agnostic": False,
        "loss_bbox": {"type": "L1Loss", "loss_weight": 1.0},
    }
    model["roi_head"] = {
        "type": "StandardRoIHead",
        "bbox_roi_extractor": heads["bbox_roi_extractor"],
        "bbox_head": head,
    }
    if masks:
        roi_layer = {"type": "RoIAlign", "output_size": 14, "sampling_ratio": 0}
        model["roi_head"]["mask_roi_extractor"] = heads["bbox_roi_extractor"] | {
            "roi_layer": roi_layer
        }
        model["roi_head"]["mask_head"] = {
            "type": "FCNMaskHead",
            "num_convs": 4,
            "in_channels": 256,
            "conv_out_channels": 256,
            "num_classes": 80,
            "loss_mask": {"type": "CrossEntropyLoss", "use_mask": True, "loss_weight": 1.0},
        }
    model["rpn_head"]["loss_bbox"] = {"type": "L1Loss", "loss_weight": 1.0}
    train = model["train_cfg"]
    train["rpn"]["allowed_border"] = -1
    train["rpn_proposal"]["max_per_img"] = 1000
    train["rcnn"] = train["rcnn"][0]
    train["rcnn"]["assigner"]["match_low_quality"] = masks
    return values


@pytest.mark.parametrize(("masks", "name"), [(True, "mask-rcnn-r50"), (False, "faster-rcnn-r50")])
def test_a_published_model(cascade: dict[str, Any], masks: bool, name: str) -> None:
    carried = carry_over(one_head(cascade, masks=masks), ModelConfig())
    assert carried.conflicts == () and carried.differing == ()
    assert carried.config == preset(name)
    assert not any("no such setting" in line for line in carried.ignored), carried.ignored


def test_variants(cascade: dict[str, Any]) -> None:
    values = one_head(cascade, masks=False)
    model = values["model"]
    model["backbone"] |= {
        "depth": 18,
        "init_cfg": {"type": "Pretrained", "checkpoint": "torchvision://resnet18"},
    }
    model["neck"]["in_channels"] = [64, 128, 256, 512]
    group = {"type": "GN", "num_groups": 16, "requires_grad": True}
    model["neck"]["norm_cfg"] = group
    model["roi_head"]["bbox_head"] |= {
        "type": "Shared4Conv1FCBBoxHead",
        "conv_out_channels": 256,
        "norm_cfg": group,
        "loss_bbox": {"type": "SmoothL1Loss", "beta": 0.5, "loss_weight": 1.0},
    }
    base = preset("mask-rcnn-r18").with_(
        pyramid__norm={"kind": "group", "groups": 32},
        cascade__box={"convs": 4, "hidden_layers": 1, "norm": {"kind": "group", "groups": 32}},
    )
    carried = carry_over(values, base)
    assert carried.conflicts == ()
    assert carried.config.pyramid.norm.groups == carried.config.cascade.box.norm.groups == 16
    assert carried.config.cascade.box.beta == 0.5
    assert carried.config.backbone.weights == "resnet18"
    model["roi_head"]["bbox_head"]["bbox_coder"]["type"] = "LegacyDeltaXYWHBBoxCoder"
    model["roi_head"]["bbox_roi_extractor"]["roi_layer"]["sampling_ratio"] = 2
    assert len(carry_over(values, base).differing) == 2


def test_files(tmp_path: Path) -> None:
    """Every kind of norm is known by its names, and every tensor has its place."""
    import torch
    from theirs import save

    from relook.interop.importing import import_checkpoint
    from relook.interop.mmdet import names_of
    from relook.models.build import build_detector

    config = preset("mask-rcnn-r18").with_(
        backbone={"blocks": (1, 1, 1, 1), "width": 16, "weights": None},
        pyramid={"channels": 32, "norm": {"kind": "group", "groups": 32}},
        rpn__convs=2,
        num_classes=3,
        cascade={
            "box_hidden": 16,
            "mask_channels": 32,
            "box": {"convs": 2, "hidden_layers": 1, "norm": {"kind": "group", "groups": 32}},
            "mask_norm": {"kind": "batch"},
        },
    )
    torch.manual_seed(0)
    ours = build_detector(config).state_dict()
    theirs = {their_name(name): value for name, value in ours.items()}
    assert {names_of(theirs)[their_name(name)] for name in ours} == set(ours)
    imported = import_checkpoint(save(tmp_path / "theirs.pth", theirs), with_digest=False)
    assert imported.config.cascade.box == config.cascade.box
    assert imported.config.pyramid.norm == config.pyramid.norm
    assert imported.config.cascade.mask_norm == config.cascade.mask_norm
    assert (imported.config.rpn.convs, imported.config.backbone.block) == (2, "basic")
    state = imported.detector.state_dict()
    assert all(torch.equal(state[name], value) for name, value in ours.items())
    assert "Mask R-CNN, 1 stage <- no conv_res in roi_head.mask_head" in imported.report.reasons


def their_name(name: str) -> str:
    """MMDetection's name of a tensor of a Mask R-CNN with norms in neck and heads."""
    for ours, theirs in (
        ("features.backbone.", "backbone."),
        ("features.fpn.laterals.", "neck.lateral_convs."),
        ("features.fpn.outputs.", "neck.fpn_convs."),
        ("rpn.conv.", "rpn_head.rpn_conv.0.conv."),
        ("rpn.more.0.", "rpn_head.rpn_conv.1.conv."),
        ("rpn.objectness.", "rpn_head.rpn_cls."),
        ("rpn.deltas.", "rpn_head.rpn_reg."),
        ("cascade.box_heads.0.convs.", "roi_head.bbox_head.shared_convs."),
        ("cascade.box_heads.0.fc1.", "roi_head.bbox_head.shared_fcs.0."),
        ("cascade.box_heads.0.classify.", "roi_head.bbox_head.fc_cls."),
        ("cascade.box_heads.0.regress.", "roi_head.bbox_head.fc_reg."),
        ("cascade.mask_heads.0.logits.", "roi_head.mask_head.conv_logits."),
        ("cascade.mask_heads.0.", "roi_head.mask_head."),
    ):
        if name.startswith(ours):
            norm = "bn" if "mask_heads" in name else "gn"
            return theirs + name.removeprefix(ours).replace(".norm.", f".{norm}.")
    raise KeyError(name)
