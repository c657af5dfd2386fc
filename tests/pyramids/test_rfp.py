"""The recursive pyramid."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from relook.assembly.features import build_features
from relook.config import BackboneConfig, PyramidConfig
from relook.pyramids.rfp import GatedFusion, RecursiveFeaturePyramid, copy_first_look

NARROW = BackboneConfig(blocks=(1, 1, 1, 1), width=8)


@pytest.mark.parametrize("steps", [2, 3])
@torch.no_grad()
def test_a_fresh_recursive_pyramid_is_its_first_look(steps: int) -> None:
    torch.manual_seed(0)
    features = build_features(NARROW, PyramidConfig(channels=8, steps=steps))
    assert isinstance(features, RecursiveFeaturePyramid)
    assert len(features.backbones) == steps
    x = torch.randn(1, 3, 96, 128)
    once = features.fpn(features.backbones[0](x))
    for several, single in zip(features(x), once, strict=True):
        torch.testing.assert_close(several, single)


@torch.no_grad()
def test_three_looks_feed_on_the_fused_pyramid() -> None:
    torch.manual_seed(0)
    features = build_features(NARROW, PyramidConfig(channels=8, steps=3))
    assert isinstance(features, RecursiveFeaturePyramid)
    for parameter in features.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.05)
    x = torch.randn(1, 3, 96, 128)
    first, second, third = features.backbones
    levels = features.fpn(first(x))
    for backbone in (second, third):
        fed = [features.connector(level) for level in levels]
        new = features.fpn(backbone(x, [fed[1], fed[2], fed[3]]))
        gates = [torch.sigmoid(features.fusion(level)) for level in new]
        levels = [g * n + (1 - g) * o for g, n, o in zip(gates, new, levels, strict=True)]
    for ours, by_hand in zip(features(x), levels, strict=True):
        torch.testing.assert_close(ours, by_hand)
    # Fusing commutes with subsampling.
    torch.testing.assert_close(levels[4], levels[3][..., ::2, ::2])


def test_the_gate_starts_at_one_half() -> None:
    new, old = torch.randn(1, 4, 3, 3), torch.randn(1, 4, 3, 3)
    torch.testing.assert_close(GatedFusion(4).blend(new, old), (new + old) / 2)


def test_copying_the_first_look_leaves_the_feedback_alone() -> None:
    features = build_features(NARROW, PyramidConfig(channels=8, steps=2))
    assert isinstance(features, RecursiveFeaturePyramid)
    first, second = features.backbones
    nn.init.normal_(first.conv1.weight)
    nn.init.normal_(second.layer2[0].feedback.weight)
    feedback = second.layer2[0].feedback.weight.clone()
    copy_first_look(features)
    assert torch.equal(second.conv1.weight, first.conv1.weight)
    assert second.conv1.weight is not first.conv1.weight
    assert torch.equal(second.layer2[0].feedback.weight, feedback)
