"""Turning the 3x3 convolutions of a network into SAC, with its output unchanged."""

from __future__ import annotations

import pytest
import torch
import torchvision
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from relook.layers import SAConv2d, convert_to_sac


@torch.no_grad()
def _run(network: nn.Module, x: Tensor) -> Tensor:
    output: Tensor = network.eval()(x)
    return output


@pytest.mark.parametrize("name", ["resnet18", "resnet50", "resnext50_32x4d"])
@pytest.mark.parametrize("deformable", [False, True])
def test_torchvision_networks_compute_the_same(name: str, deformable: bool) -> None:
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None)
    x = torch.randn(1, 3, 96, 96)
    before = _run(network, x)
    result = convert_to_sac(network, deformable=deformable, example=x)
    tolerance = 1e-5 * before.abs().max().item()
    torch.testing.assert_close(_run(network, x), before, rtol=1e-4, atol=tolerance)
    found = {n for n, m in network.named_modules() if isinstance(m, SAConv2d)}
    assert found == set(result.converted) and found
    assert not result.left_alone
    if name == "resnet18":  # its strided 3x3 convolutions change the number of channels
        assert "layer2.0.conv1" in result.converted


@settings(deadline=None, max_examples=30)
@given(
    groups=st.sampled_from([1, 2]),
    stride=st.sampled_from([1, 2, (2, 1)]),
    dilation=st.sampled_from([1, 2, (1, 2)]),
    padding=st.sampled_from([None, 0, 1]),
    out_channels=st.sampled_from([4, 6]),
    bias=st.booleans(),
    deformable=st.booleans(),
)
def test_any_convolution_is_converted_exactly_or_listed(
    groups: int,
    stride: int | tuple[int, int],
    dilation: int | tuple[int, int],
    padding: int | None,
    out_channels: int,
    bias: bool,
    deformable: bool,
) -> None:
    conv = nn.Conv2d(
        4, out_channels, 3, stride, dilation if padding is None else padding, dilation, groups, bias
    )
    network = nn.Sequential(conv, nn.ReLU())
    x = torch.randn(2, 4, 9, 10)
    before = _run(network, x)
    result = convert_to_sac(network, deformable=deformable)
    torch.testing.assert_close(_run(network, x), before, rtol=1e-4, atol=1e-5)
    assert (result.converted == ("0",)) != ("0" in result.left_alone)
    assert isinstance(network[0], SAConv2d) == (conv.padding == conv.dilation)


def test_where_chooses_and_other_sizes_are_never_candidates() -> None:
    network = torchvision.models.resnet50(weights=None)
    result = convert_to_sac(network, where=lambda name, conv: name.startswith("layer4"))
    assert result.converted == ("layer4.0.conv2", "layer4.1.conv2", "layer4.2.conv2")
    assert not result.left_alone
    assert type(network.conv1) is nn.Conv2d


def test_maps_that_are_too_small_are_found_with_an_example() -> None:
    network = nn.Sequential(
        nn.Conv2d(4, 4, 3, padding=1), nn.MaxPool2d(4), nn.Conv2d(4, 4, 3, padding=1)
    )
    result = convert_to_sac(network, example=torch.zeros(1, 4, 8, 8))
    assert result.converted == ("0",)
    assert result.left_alone == {"2": "its map is under 3x3"}
    assert network.training and not network[0].weight_diff.any()


def test_other_convolutions_are_left_alone_with_the_reason() -> None:
    class Mine(nn.Conv2d):
        pass

    network = nn.Sequential(
        Mine(4, 4, 3, padding=1), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, 3, padding=1)
    )
    result = convert_to_sac(network)
    assert result.left_alone == {
        "0": "it is a Mine, not a plain convolution",
        "1": "its padding (0, 0) does not keep the size of the map, (1, 1) would",
    }
    assert result.converted == ("2",)
    alone = nn.Conv2d(4, 4, 3, padding=1)
    assert "cannot be replaced" in convert_to_sac(alone).left_alone[""]


@pytest.mark.parametrize("mode", ["zeros", "reflect", "replicate", "circular"])
@pytest.mark.parametrize("deformable", [False, True])
@pytest.mark.parametrize("kernel", [(5, 5), (3, 1), (3, 3)])
def test_other_kernels_and_paddings_compute_the_same(
    kernel: tuple[int, int], deformable: bool, mode: str
) -> None:
    padding = (kernel[0] // 2, kernel[1] // 2)
    network = nn.Sequential(
        nn.Conv2d(4, 6, kernel, padding=padding, padding_mode=mode, stride=2)  # type: ignore[arg-type]
    )
    x = torch.randn(2, 4, 9, 10)
    before = _run(network, x)
    result = convert_to_sac(network, kernels=[kernel], deformable=deformable)
    assert result.converted == ("0",)
    torch.testing.assert_close(_run(network, x), before, rtol=1e-4, atol=1e-5)
    assert not convert_to_sac(nn.Sequential(nn.Conv2d(4, 4, 1)), kernels=[(1, 1)]).converted


def test_converting_twice_changes_nothing_more() -> None:
    network = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1))
    convert_to_sac(network)
    assert convert_to_sac(network).converted == ()


def test_shared_frozen_and_trained_state_is_carried_over() -> None:
    conv = nn.Conv2d(4, 4, 3, padding=1)
    conv.weight.requires_grad_(False)
    network = nn.ModuleDict({"a": conv, "b": conv}).double()
    assert convert_to_sac(network).converted == ("a", "b")
    sac = network["a"]
    assert isinstance(sac, SAConv2d) and sac is network["b"]
    assert sac.weight.dtype == torch.float64 and not sac.weight.requires_grad
    assert sac.weight_diff.requires_grad


def test_the_convolution_that_sees_pixels_is_left_alone() -> None:
    network = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1))
    report = convert_to_sac(network)
    assert report.converted == ("1",)
    assert report.left_alone == {
        "0": "it sees 3 channels, the pixels of images and no features yet"
    }
