"""The feature pyramid."""

from __future__ import annotations

import torch
from torch import nn

from relook.config.model import PyramidConfig
from relook.models.build.features import build_features
from relook.models.pyramids.fpn import FPN, FeaturePyramid

from ...narrow_models import NARROW_BACKBONE


def test_fpn_adds_from_coarse_to_fine() -> None:
    fpn = FPN((1, 1, 1, 1), 4)
    for layer in (*fpn.laterals, *fpn.outputs):
        nn.init.constant_(layer.weight, 0)
    for lateral in fpn.laterals:
        nn.init.constant_(lateral.weight, 1)
    for output in fpn.outputs:
        output.weight.data[range(4), range(4), 1, 1] = 1
    maps = [torch.full((1, 1, 16 // s, 24 // s), float(s)) for s in (1, 2, 4, 8)]
    levels = fpn(maps)
    assert [level.unique().tolist() for level in levels] == [[15], [14], [12], [8], [8]]
    assert [tuple(level.shape[2:]) for level in levels] == [
        (16, 24),
        (8, 12),
        (4, 6),
        (2, 3),
        (1, 2),
    ]


def test_one_look_is_backbone_then_fpn() -> None:
    torch.manual_seed(0)
    features = build_features(NARROW_BACKBONE, PyramidConfig(channels=8))
    assert isinstance(features, FeaturePyramid) and features.backbones == (features.backbone,)
    x = torch.randn(1, 3, 64, 96)
    for level, by_hand in zip(features(x), features.fpn(features.backbone(x)), strict=True):
        assert torch.equal(level, by_hand)
