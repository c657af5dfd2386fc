"""Backbones against torchvision's, with the same weights."""

from __future__ import annotations

import pytest
import torch
import torchvision
from torch import Tensor, nn

from relook.config.model import BackboneConfig, SACConfig
from relook.models.build.features import build_backbone

from ...narrow_models import NARROW_BACKBONE

R50 = BackboneConfig()
X50 = BackboneConfig(groups=32, width_per_group=4)
DETECTORS = {"weight_standardisation": True, "sac": SACConfig()}


def _torchvision_maps(network: torchvision.models.ResNet, x: Tensor) -> list[Tensor]:
    x = network.maxpool(network.relu(network.bn1(network.conv1(x))))
    maps = []
    for stage in (network.layer1, network.layer2, network.layer3, network.layer4):
        x = stage(x)
        maps.append(x)
    return maps


@pytest.mark.parametrize(
    ("config", "name"),
    [
        (R50, "resnet50"),
        (R50.with_(**DETECTORS), "resnet50"),
        (R50.with_(deformable_stages=(False, True, True, True)), "resnet50"),
        (X50.with_(**DETECTORS), "resnext50_32x4d"),
    ],
    ids=["plain", "sac", "dcn", "resnext sac"],
)
@torch.no_grad()
def test_classification_weights_give_torchvisions_features(
    config: BackboneConfig, name: str
) -> None:
    torch.manual_seed(0)
    theirs = torchvision.models.get_model(name, weights=None).eval()
    for module in theirs.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(std=0.1)
            module.running_var.uniform_(0.5, 1.5)
    ours = build_backbone(config)
    state = {key: value for key, value in theirs.state_dict().items() if not key.startswith("fc.")}
    result = ours.load_state_dict(state, strict=False)
    assert not result.unexpected_keys
    extras = ("switch", "context", "offset", "weight_diff")
    assert all(any(extra in key for extra in extras) for key in result.missing_keys)
    x = torch.randn(1, 3, 96, 128)
    for mine, other in zip(ours(x), _torchvision_maps(theirs, x), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4 * other.abs().max().item())


@torch.no_grad()
def test_the_stride_can_stand_in_the_first_convolution() -> None:
    torch.manual_seed(0)
    ours = build_backbone(BackboneConfig(stride_in="1x1"))
    theirs = torchvision.models.resnet50(weights=None).eval()
    for name in ("layer2", "layer3", "layer4"):  # Caffe's ResNet, made of torchvision's
        block = getattr(theirs, name)[0]
        block.conv1.stride, block.conv2.stride = (2, 2), (1, 1)
    state = {key: value for key, value in theirs.state_dict().items() if not key.startswith("fc.")}
    ours.load_state_dict(state)
    x = torch.randn(1, 3, 96, 128)
    for mine, other in zip(ours(x), _torchvision_maps(theirs, x), strict=True):
        torch.testing.assert_close(mine, other, rtol=1e-4, atol=1e-4 * other.abs().max().item())


def test_feedback_starts_at_nothing_and_then_matters() -> None:
    torch.manual_seed(0)
    backbone = build_backbone(NARROW_BACKBONE, feedback_channels=4)
    x = torch.randn(1, 3, 96, 96)
    feedback = [None, *(torch.randn(1, 4, 96 // s, 96 // s) for s in (8, 16, 32))]
    plain = backbone(x)
    for mine, other in zip(backbone(x, feedback), plain, strict=True):
        assert torch.equal(mine, other)
    nn.init.normal_(backbone.layer3[0].feedback.weight)
    fed = backbone(x, feedback)
    assert [torch.equal(a, b) for a, b in zip(fed, plain, strict=True)] == [
        True,
        True,
        False,
        False,
    ]


def test_frozen_parts_are_counted_from_the_pixels() -> None:
    for frozen, trained in ((0, {"conv1", "layer1"}), (1, {"layer1"}), (2, set())):
        backbone = build_backbone(NARROW_BACKBONE.with_(frozen_stages=frozen))
        names = {n.split(".")[0] for n, p in backbone.named_parameters() if p.requires_grad}
        assert names & {"conv1", "layer1"} == trained
        assert {"layer2", "layer3", "layer4"} <= names


@torch.no_grad()
@pytest.mark.parametrize("norm", ["fixed_batch", "group"])
def test_random_standardised_weights_keep_activations_sane(norm: str) -> None:
    """Without the reset of the standardisation constants they grow by orders of magnitude."""
    torch.manual_seed(0)
    backbone = build_backbone(BackboneConfig(norm=norm, **DETECTORS))
    plain = build_backbone(BackboneConfig(norm=norm))
    x = torch.randn(1, 3, 96, 96)
    for mine, other in zip(backbone(x), plain(x), strict=True):
        assert 0.5 < mine.std() / other.std() < 2
