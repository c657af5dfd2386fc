"""Backbones and necks of theirs."""

from __future__ import annotations

from typing import Any

import pytest

from relook.config.model import ModelConfig, SACConfig
from relook.interop.mmdet_config.account import Account
from relook.interop.mmdet_config.carried_backbone import carry_backbone, carry_neck, carry_style


def _backbone(**backbone: Any) -> Account:
    account = Account({"model": {"backbone": backbone}}, ModelConfig())
    carry_backbone(account)
    return account


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"depth": 101}, {"blocks": (3, 4, 23, 3)}),
        ({"depth": 152}, {"blocks": (3, 8, 36, 3)}),
        ({"type": "ResNeXt", "groups": 32, "base_width": 8}, {"groups": 32, "width_per_group": 8}),
        ({"type": "DetectoRS_ResNeXt", "groups": 32}, {"groups": 32, "width_per_group": 4}),
        ({"frozen_stages": -1}, {"frozen_stages": 0}),
        ({"frozen_stages": 4}, {"frozen_stages": 5}),
        ({"norm_eval": False}, {"norm": "batch"}),
        ({"type": "ResNet", "conv_cfg": {"type": "ConvAWS"}}, {"weight_standardisation": True}),
        (
            {
                "type": "DetectoRS_ResNet",
                "conv_cfg": {"type": "ConvAWS"},
                "sac": {"type": "SAC"},
                "stage_with_sac": [False, False, True, True],
            },
            {
                "weight_standardisation": True,
                "sac": SACConfig(stages=(False, False, True, True), deformable=False),
            },
        ),
        (
            {
                "type": "ResNet",
                "dcn": {"type": "DCN"},
                "stage_with_dcn": (False, True, True, True),
            },
            {"deformable_stages": (False, True, True, True)},
        ),
        ({"type": "ResNet", "sac": {"type": "SAC"}, "stage_with_sac": (False,) * 4}, {"sac": None}),
        ({"type": "ResNet", "stage_with_dcn": (False, True, True, True)}, {}),
        ({"pretrained": "torchvision://resnet101"}, {"weights": "resnet101"}),
        (
            {"init_cfg": {"type": "Pretrained", "checkpoint": "open-mmlab://resnext101_32x4d"}},
            {"weights": "resnext101_32x4d"},
        ),
    ],
)
def test_backbones(theirs: dict[str, Any], ours: dict[str, Any]) -> None:
    account = _backbone(**theirs)
    changes = {f"backbone__{key}": value for key, value in ours.items()}
    assert account.config == ModelConfig().with_(**changes)
    assert account.ignored == account.conflicts == []


def test_a_resnet_takes_the_groups_of_a_resnext_back() -> None:
    base = ModelConfig().with_(backbone__groups=32, backbone__width_per_group=4)
    account = Account({"model": {"backbone": {"type": "ResNet"}}}, base)
    carry_backbone(account)
    assert account.config == ModelConfig()


@pytest.mark.parametrize(
    "theirs",
    [
        {"depth": 20},
        {"depth": "50"},
        {"frozen_stages": 9},
        {"norm_eval": 1},
        {"type": "ResNet", "sac": {}, "stage_with_sac": [1, 2, 3, 4]},
        {"type": "ResNet", "sac": {"type": "SAC"}, "stage_with_sac": (True,) * 4},  # without AWS
        {"pretrained": "http://example.com/weights.pth"},
        {"type": "ResNeXt", "groups": "many"},
    ],
)
def test_what_cannot_be_carried_is_said(theirs: dict[str, Any]) -> None:
    account = _backbone(**theirs)
    assert account.ignored or account.conflicts
    assert account.config.backbone.blocks == (3, 4, 6, 3) and account.config.backbone.sac is None


def test_necks() -> None:
    values = {"neck": {"type": "RFP", "rfp_steps": 3, "rfp_backbone": {"depth": 50}}}
    account = Account({"model": {**values, "backbone": {"depth": 50}}}, ModelConfig())
    carry_neck(account)
    assert account.config.pyramid.steps == 3 and account.conflicts == []
    account = Account({"model": {"neck": {"type": "FPN"}}}, account.config)
    carry_neck(account)
    assert account.config.pyramid.steps == 1


@pytest.mark.parametrize(
    "neck",
    [
        {"type": "RFP"},
        {"type": "RFP", "rfp_steps": 2, "rfp_backbone": {"depth": 101}},
        {"type": "RFP", "rfp_steps": 2, "rfp_backbone": {"conv_cfg": {"type": "ConvAWS"}}},
    ],
)
def test_looks_have_one_backbone(neck: dict[str, Any]) -> None:
    account = Account({"model": {"neck": neck, "backbone": {"depth": 50}}}, ModelConfig())
    carry_neck(account)
    assert len(account.conflicts) == 1


@pytest.mark.parametrize(
    ("backbone", "style"),
    [
        ({"type": "ResNet", "style": "pytorch"}, "pytorch"),
        ({"type": "ResNet", "style": "caffe"}, "caffe"),
        ({"type": "ResNet"}, "pytorch"),
        ({"depth": 50}, None),
        ({"type": "ResNet", "style": 3}, None),
    ],
)
def test_styles(backbone: dict[str, Any], style: str | None) -> None:
    account = Account({"model": {"backbone": backbone}}, ModelConfig())
    assert carry_style(account) == style
    assert bool(account.conflicts) == (backbone.get("style") == 3)
    assert account.config.backbone.stride_in == ("1x1" if style == "caffe" else "3x3")
