"""Folded feature extractors against the ones they were made of."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lively import assert_same_features, shake
from torch import Tensor, nn
from twins import batch, twin

from relook.layers.aspp import ASPP
from relook.models.backbones.resnet import Bottleneck, ResNet
from relook.models.folding.features import (
    FoldedASPP,
    FoldedBlock,
    FoldedFPN,
    FoldedRecursiveFeaturePyramid,
    FoldedResNet,
)
from relook.models.folding.fold import MAKERS
from relook.models.pyramids.fpn import FPN
from relook.ops.cpu import onednn
from relook.structures.detection import Pyramid

PIXELS = batch((96, 96), (90, 100)).pixels


def recursive() -> Any:
    """A recursive feature pyramid whose two looks begin alike, as a trained one's do."""
    features: Any = twin("detectors-htc-r50", backbone__blocks=(2, 1, 1, 2)).features.eval()
    shake(features)
    first, second = features.backbones
    parts = zip(first.parts()[:2], second.parts()[:2], strict=True)
    for one, other in ((a, b) for pair in parts for a, b in zip(*pair, strict=True)):
        other.load_state_dict(one.state_dict())
    return features


def fold_child(module: nn.Module) -> nn.Module:
    return MAKERS[type(module)](module) if type(module) in MAKERS else module


@torch.no_grad()
@pytest.mark.parametrize("channels_last", [True, False])
def test_a_recursive_pyramid(channels_last: bool) -> None:
    features = recursive()
    folded = FoldedRecursiveFeaturePyramid(features, fold_child)
    assert folded.shares_beginning == [True]
    order = torch.channels_last if channels_last else torch.contiguous_format
    for pixels in (PIXELS, PIXELS[:1], PIXELS[:, :, :, 32:]):
        kept = pixels.clone()
        found = folded(pixels.contiguous(memory_format=order))
        assert_same_features(found, features(pixels))
        assert torch.equal(pixels, kept)


@torch.no_grad()
def test_looks_begin_alike_only_when_all_tensors_are_equal() -> None:
    features = recursive()
    stem: Any = features.backbones[1].conv1
    parts = [stem.weight, features.backbones[1].bn1.running_mean]
    parts += [
        features.backbones[1].layer1[-1].bn3.bias,
        features.backbones[1].layer1[0].conv1.weight,
    ]
    for tensor in parts:
        kept = tensor.clone()
        tensor.flatten()[0] += 0.5
        folded = FoldedRecursiveFeaturePyramid(features, fold_child)
        assert folded.shares_beginning == [False]
        assert_same_features(folded(PIXELS), features(PIXELS))
        tensor.copy_(kept)
    assert FoldedRecursiveFeaturePyramid(features, fold_child).shares_beginning == [True]
    features.backbones[1].layer2[0].conv1.weight += 0.01  # beyond the first stage all may differ
    assert FoldedRecursiveFeaturePyramid(features, fold_child).shares_beginning == [True]
    features.backbones[1].bn1.eps = 0.1  # no tensor
    folded = FoldedRecursiveFeaturePyramid(features, fold_child)
    assert folded.shares_beginning == [False]
    assert_same_features(folded(PIXELS), features(PIXELS))


@torch.no_grad()
def test_what_begins_alike_is_computed_once() -> None:
    features = recursive()
    calls: list[str] = []
    for look in ("once", "twice"):
        folded = FoldedRecursiveFeaturePyramid(features, fold_child)
        for backbone in folded.backbones:
            backbone.stem.register_forward_hook(lambda *_, look=look: calls.append(look))
        folded(PIXELS)
        features.backbones[1].conv1.weight += 0.1
    assert calls == ["once", "twice", "twice"]


@torch.no_grad()
def test_a_resnet_with_feedback_and_without() -> None:
    resnet: ResNet = recursive().backbones[1]
    folded = FoldedResNet(resnet)
    assert_same_features(folded(PIXELS), resnet(PIXELS))
    generator = torch.Generator().manual_seed(5)
    maps = (torch.randn(2, 16, 96 // s, 128 // s, generator=generator) for s in (8, 16, 32))
    feedback = [None, *maps]
    nn.init.normal_(resnet.layer3[0].feedback.weight, std=0.5)  # type: ignore[union-attr]
    found = FoldedResNet(resnet)(PIXELS, feedback)
    assert_same_features(found, resnet(PIXELS, feedback))
    assert not torch.allclose(found[2], folded(PIXELS)[2], rtol=0.01)


@torch.no_grad()
def test_maps_handed_on_are_not_written_to() -> None:
    resnet: ResNet = recursive().backbones[0]
    folded = FoldedResNet(resnet)
    begun = folded.begin(PIXELS)
    kept = begun.clone()
    maps = folded.finish(begun)
    assert maps[0] is begun and torch.equal(begun, kept)
    again = folded.finish(begun)
    assert all(map(torch.equal, maps, again))


class _Loud(Bottleneck):
    def forward(self, x: Tensor, feedback: Tensor | None = None) -> Tensor:
        return 2 * super().forward(x, feedback)


class _Own(nn.Module):
    """A user's block and shortcut in one."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, feedback: Tensor | None = None) -> Tensor:
        return x + nn.functional.conv2d(x, self.conv.weight).tanh()


@torch.no_grad()
def test_a_users_parts_of_a_backbone_are_taken_as_they_are() -> None:
    resnet: Any = recursive().backbones[0]
    plain = FoldedResNet(resnet)(PIXELS)
    resnet.layer1[0].downsample.append(nn.Tanh())
    resnet.layer2[0].downsample = nn.Sequential(resnet.layer2[0].downsample, nn.Sigmoid())
    resnet.layer2[0].conv2 = nn.Sequential(resnet.layer2[0].conv2, nn.Tanh())
    resnet.layer3[0].__class__ = _Loud
    resnet.layer4[-1] = _Own(resnet.out_channels[3])
    resnet.maxpool = nn.AvgPool2d(2)
    folded = FoldedResNet(resnet.eval())
    assert not isinstance(folded.stages[3][-1], FoldedBlock)
    found = folded(PIXELS)
    assert_same_features(found, resnet(PIXELS))
    assert all(not torch.allclose(a, b, rtol=0.01) for a, b in zip(found, plain, strict=True))


@torch.no_grad()
@pytest.mark.parametrize("size", [(64, 96), (32, 32)])
@pytest.mark.parametrize("packed", [True, False])
def test_fpn(size: tuple[int, int], packed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        onednn, "is_available", lambda known=onednn.is_available: packed and known()
    )
    torch.manual_seed(0)
    fpn = FPN((8, 16, 24, 32), 16)
    channels = enumerate((8, 16, 24, 32))
    maps: Pyramid = [torch.randn(2, c, size[0] >> (2 + i), size[1] >> (2 + i)) for i, c in channels]
    kept = [one.clone() for one in maps]
    given = list(maps)
    assert_same_features(FoldedFPN(fpn)(given), fpn(maps))
    assert all(map(torch.equal, maps, kept)) and not given


@torch.no_grad()
@pytest.mark.parametrize("size", [(1, 1), (3, 3), (7, 20)])
def test_aspp(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    aspp = ASPP(16)
    x = torch.randn(2, 16, *size)
    kept = x.clone()
    assert_same_features([FoldedASPP(aspp)(x)], [aspp(x)])
    assert torch.equal(x, kept)
