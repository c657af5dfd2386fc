"""The recursive pyramid."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from relook.config.model import PyramidConfig
from relook.models.build.features import build_features
from relook.models.pyramids.rfp import GatedFusion, RecursiveFeaturePyramid, copy_first_look

from ...narrow_models import NARROW_BACKBONE


@pytest.mark.parametrize("steps", [2, 3])
@torch.no_grad()
def test_a_fresh_recursive_pyramid_is_its_first_look(steps: int) -> None:
    torch.manual_seed(0)
    features = build_features(NARROW_BACKBONE, PyramidConfig(channels=8, steps=steps))
    assert isinstance(features, RecursiveFeaturePyramid)
    assert len(features.backbones) == steps
    x = torch.randn(1, 3, 96, 128)
    once = features.fpn(features.backbones[0](x))
    for several, single in zip(features(x), once, strict=True):
        torch.testing.assert_close(several, single)


@torch.no_grad()
def test_three_looks_feed_on_the_fused_pyramid() -> None:
    torch.manual_seed(0)
    features = build_features(NARROW_BACKBONE, PyramidConfig(channels=8, steps=3))
    assert isinstance(features, RecursiveFeaturePyramid)
    for parameter in features.parameters():
        parameter.add_(torch.randn_like(parameter) * 0.05)
    x = torch.randn(1, 3, 96, 128)
    first, second, third = features.backbones
    levels = features.fpn(first(x))
    for backbone in (second, third):
        fed = [features.connector(level) for level in levels]
        new = features.fpn(backbone(x, [None, fed[1], fed[2], fed[3]]))
        gates = [torch.sigmoid(features.fusion(level)) for level in new]
        levels = [g * n + (1 - g) * o for g, n, o in zip(gates, new, levels, strict=True)]
    for ours, by_hand in zip(features(x), levels, strict=True):
        torch.testing.assert_close(ours, by_hand)
    # Fusing commutes with subsampling.
    torch.testing.assert_close(levels[4], levels[3][..., ::2, ::2])


@torch.no_grad()
def _lively(**changes: object) -> RecursiveFeaturePyramid:
    torch.manual_seed(0)
    features = build_features(NARROW_BACKBONE, PyramidConfig(channels=8, steps=2, **changes))
    assert isinstance(features, RecursiveFeaturePyramid)
    generator = torch.Generator().manual_seed(1)
    for name, parameter in features.named_parameters():
        if "feedback" in name or "fusion" in name:
            parameter.normal_(std=0.3, generator=generator)
    return features


@torch.no_grad()
def test_looks_can_share_their_backbone() -> None:
    features, apart = _lively(share_backbone=True), _lively()
    assert len(features.backbones) == 1 and features.looks()[0] is features.looks()[1]
    first, second = apart.backbones
    second.load_state_dict(features.backbones[0].state_dict())
    first.load_state_dict(features.backbones[0].state_dict(), strict=False)
    apart.fpn.load_state_dict(features.fpn.state_dict())
    apart.connector.load_state_dict(features.connector.state_dict())
    apart.fusion.load_state_dict(features.fusion.state_dict())  # type: ignore[union-attr]
    x = torch.randn(1, 3, 96, 128)
    for shared, own in zip(features(x), apart(x), strict=True):
        torch.testing.assert_close(shared, own)
    extra = sum(p.numel() for p in apart.backbones[0].parameters())
    assert sum(p.numel() for p in features.parameters()) == (
        sum(p.numel() for p in apart.parameters()) - extra
    )


@torch.no_grad()
def test_without_a_connector_the_pyramid_itself_is_fed_back() -> None:
    features = _lively(connector="none")
    x = torch.randn(1, 3, 96, 128)
    levels = features.fpn(features.backbones[0](x))
    new = features.fpn(features.backbones[1](x, [None, *levels[1:4]]))
    assert features.fusion is not None
    for ours, mine, old in zip(features(x), new, levels, strict=True):
        torch.testing.assert_close(ours, features.fusion.blend(mine, old))


@torch.no_grad()
def test_without_fusion_the_last_look_is_the_answer() -> None:
    features = _lively(fusion="none")
    assert not [name for name in features.state_dict() if name.startswith("fusion")]
    x = torch.randn(1, 3, 96, 128)
    levels = features.fpn(features.backbones[0](x))
    fed = [None, *(features.connector(level) for level in levels[1:4])]
    for ours, new in zip(features(x), features.fpn(features.backbones[1](x, fed)), strict=True):
        torch.testing.assert_close(ours, new)


@torch.no_grad()
def test_stages_with_feedback_are_chosen() -> None:
    features = _lively(feedback_stages=(True, False, True, False))
    second = features.backbones[1]
    assert second.takes_feedback() == [True, False, True, False]
    x = torch.randn(1, 3, 96, 128)
    levels = features.fpn(features.backbones[0](x))
    fed = [features.connector(levels[0]), None, features.connector(levels[2]), None]
    new = features.fpn(second(x, fed))
    assert features.fusion is not None
    for ours, mine, old in zip(features(x), new, levels, strict=True):
        torch.testing.assert_close(ours, features.fusion.blend(mine, old))


def test_as_many_backbones_as_looks_or_one() -> None:
    features = _lively()
    with pytest.raises(ValueError, match="2 backbones for 3 looks"):
        RecursiveFeaturePyramid(
            list(features.backbones), features.fpn, features.connector, features.fusion, 3
        )


class _Constant(nn.Module):
    """A backbone of one number in every cell; feedback is added to it."""

    def __init__(self, value: float) -> None:
        super().__init__()
        self.value = value

    def forward(self, pixels: torch.Tensor, feedback: list[torch.Tensor] | None = None) -> object:
        plain = torch.full_like(pixels[:, :1], self.value)
        return [plain] * 4 if feedback is None else [plain + level for level in feedback]

    def takes_feedback(self) -> list[bool]:
        return [True] * 4


class _Doubling(nn.Module):
    """In place of the FPN: every map twice as large, and one more."""

    def forward(self, maps: list[torch.Tensor]) -> list[torch.Tensor]:
        return [2 * m for m in (*maps, maps[-1])]


@torch.no_grad()
def test_three_looks_by_hand() -> None:
    """Gates of one half. First look: 2 * 1 = 2. Second: 2 * (3 + 2) = 10, blended with 2: 6.
    Third: 2 * (5 + 6) = 22, blended with 6: 14."""
    backbones = [_Constant(1.0), _Constant(3.0), _Constant(5.0)]
    features = RecursiveFeaturePyramid(
        backbones,  # type: ignore[arg-type]
        _Doubling(),  # type: ignore[arg-type]
        nn.Identity(),
        GatedFusion(1),
    )
    for level in features(torch.zeros(1, 3, 4, 4)):
        torch.testing.assert_close(level, torch.full_like(level, 14.0))


def test_the_gate_starts_at_one_half() -> None:
    new, old = torch.randn(1, 4, 3, 3), torch.randn(1, 4, 3, 3)
    torch.testing.assert_close(GatedFusion(4).blend(new, old), (new + old) / 2)


def test_copying_the_first_look_leaves_the_feedback_alone() -> None:
    features = build_features(NARROW_BACKBONE, PyramidConfig(channels=8, steps=2))
    assert isinstance(features, RecursiveFeaturePyramid)
    first, second = features.backbones
    nn.init.normal_(first.conv1.weight)
    nn.init.normal_(second.layer2[0].feedback.weight)
    feedback = second.layer2[0].feedback.weight.clone()
    copy_first_look(features)
    assert torch.equal(second.conv1.weight, first.conv1.weight)
    assert second.conv1.weight is not first.conv1.weight
    assert torch.equal(second.layer2[0].feedback.weight, feedback)
