"""Plain layers with their constants worked out, packed for oneDNN or not."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relook.layers.linear import MapLinear
from relook.layers.norm import group_norm
from relook.layers.rectified import rectified
from relook.models.folding.layers import (
    FoldedConv2d,
    FoldedDoubling,
    FoldedLinear,
    FoldedMapLinear,
    Place,
    twin,
)
from relook.ops.cpu import onednn, winograd


@pytest.fixture(params=[True, False], ids=["packed", "not packed"], autouse=True)
def packing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    known = onednn.is_available()
    monkeypatch.setattr(onednn, "is_available", lambda: request.param and known)
    return request.param and known


@torch.no_grad()
@pytest.mark.parametrize("rows", [0, 1, 40])
@pytest.mark.parametrize("bias", [True, False])
def test_a_linear_layer(rows: int, bias: bool) -> None:
    linear = nn.Linear(12, 7, bias=bias)
    x = torch.randn(rows, 12)
    folded = FoldedLinear(linear)
    for moved in (x, x.T.contiguous().T, torch.cat([x, x], 1)[:, :12]):
        torch.testing.assert_close(folded(moved), F.linear(x, linear.weight, linear.bias))


@torch.no_grad()
@pytest.mark.parametrize("rows", [0, 1, 5])
@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("bias", [True, False])
def test_a_doubling_and_what_comes_after_it(
    rows: int, classes: int, bias: bool, packing: bool
) -> None:
    conv = nn.ConvTranspose2d(6, 8, 2, stride=2, bias=bias)
    assert FoldedDoubling.fits(conv) == packing
    if not packing:
        return
    last = nn.Conv2d(8, classes, 1)
    x = torch.randn(rows, 6, 3, 5)
    folded = FoldedDoubling(conv)
    pointwise = FoldedConv2d(last.weight.detach(), last.bias.detach(), Place.of(last))
    assert pointwise.is_pointwise
    for given in (x, x.contiguous(memory_format=torch.channels_last)):
        torch.testing.assert_close(folded(given), conv(x))
        torch.testing.assert_close(rectified(folded, given), conv(x).relu())
        found = folded.rectified_then(given, pointwise)
        torch.testing.assert_close(found, last(conv(x).relu()))


def assert_convolves(folded: FoldedConv2d, conv: nn.Conv2d, x: Tensor, *, relu: bool) -> None:
    """The results of `conv`, with and without a map that is added, in both orders of memory."""
    plain = conv(x)
    add = torch.randn_like(plain)
    expected = (plain, plain + add)
    for given in (x, x.contiguous(memory_format=torch.channels_last)):
        found = folded(given), folded(given, add), folded(given, add.clone(), over=True)
        for out, value in zip(found, (*expected, expected[1]), strict=True):
            value = value.relu() if relu else value
            torch.testing.assert_close(out, value, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(folded.rectified(given), plain.relu(), rtol=1e-5, atol=1e-5)


@torch.no_grad()
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("rows", [0, 2])
def test_a_large_weight_of_one_cell_is_multiplied(
    monkeypatch: pytest.MonkeyPatch, packing: bool, stride: int, relu: bool, rows: int
) -> None:
    monkeypatch.setattr("relook.models.folding.layers._LARGE_WEIGHT", 48)
    conv = nn.Conv2d(6, 8, 1, stride=stride)
    bias = None if conv.bias is None else conv.bias.detach()
    folded = FoldedConv2d(conv.weight.detach(), bias, Place.of(conv), relu=relu)
    assert folded.multiplies == packing
    assert_convolves(folded, conv, torch.randn(rows, 6, 5, 7), relu=relu)
    three, grouped = nn.Conv2d(6, 8, 3), nn.Conv2d(6, 16, 1, groups=2)
    for other in (three, grouped):
        assert not FoldedConv2d(other.weight.detach(), None, Place.of(other)).multiplies


@torch.no_grad()
@pytest.mark.parametrize("rows", [0, 1, 40])
def test_a_linear_layer_of_maps(rows: int) -> None:
    linear = MapLinear(5, 3, 7)
    x = torch.randn(rows, 5, 3, 3)
    folded = FoldedMapLinear(linear)
    for given in (x, x.contiguous(memory_format=torch.channels_last)):
        torch.testing.assert_close(
            linear(given), F.linear(x.flatten(1), linear.weight, linear.bias)
        )
        torch.testing.assert_close(folded(given), linear(x))
        torch.testing.assert_close(rectified(folded, given), linear(x).relu())


@torch.no_grad()
@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("least", [0, 1 << 20])
def test_a_large_weight_of_nine_cells_is_filtered(
    monkeypatch: pytest.MonkeyPatch, packing: bool, relu: bool, least: int
) -> None:
    monkeypatch.setattr(winograd, "_WEIGHTS", 48)
    monkeypatch.setattr(winograd, "_LEAST", least)
    monkeypatch.setattr(winograd, "has_fast_products", lambda: True)
    conv = nn.Conv2d(6, 8, 3, padding=1)
    weight, bias = conv.weight.detach(), conv.bias
    folded = FoldedConv2d(weight, bias, Place.of(conv), relu=relu)
    assert folded.filters == packing
    x = torch.randn(2, 6, 9, 14)
    assert_convolves(folded, conv, x, relu=relu)
    assert folded(x[:0]).shape == (0, 8, 9, 14)
    for kind in ({"stride": 2}, {"dilation": 2, "padding": 2}, {"padding": 0}, {"groups": 2}):
        other = nn.Conv2d(6, 8, 3, **{"padding": 1, **kind})
        assert not FoldedConv2d(other.weight.detach(), None, Place.of(other)).filters
    assert not FoldedConv2d(weight, None, Place.of(conv), dtype=torch.bfloat16).filters


@torch.no_grad()
def test_few_maps_at_a_time_are_all_of_them(monkeypatch: pytest.MonkeyPatch, packing: bool) -> None:
    conv, last, x = (
        nn.ConvTranspose2d(6, 8, 2, stride=2),
        nn.Conv2d(8, 3, 1),
        torch.randn(5, 6, 3, 4),
    )
    if not packing:
        return
    folded = FoldedDoubling(conv)
    pointwise = FoldedConv2d(last.weight, last.bias, Place.of(last))
    maps: list[int] = []
    original = folded._pointwise

    def watched(some: Tensor, layer: nn.Module) -> Tensor:
        maps.append(len(some))
        return original(some, layer)

    monkeypatch.setattr(folded, "_pointwise", watched)
    two_maps = 2 * 4 * 3 * 4 * 8 * 4  # bytes of their cells
    monkeypatch.setattr("relook.models.folding.layers._CELL_BYTES", two_maps)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    torch.testing.assert_close(folded.rectified_then(x, pointwise), last(conv(x).relu()))
    assert maps == [2, 2, 1]


def test_which_layers_double() -> None:
    others = [
        nn.ConvTranspose2d(4, 4, 3, stride=2),
        nn.ConvTranspose2d(4, 4, 2, stride=2, output_padding=1),
        nn.ConvTranspose2d(4, 4, 2, stride=2, groups=2),
        nn.ConvTranspose2d(4, 4, 2, stride=1),
    ]
    assert not any(map(FoldedDoubling.fits, others))
    for conv in (nn.Conv2d(4, 4, 3, padding=1), nn.Conv2d(4, 4, 1, stride=2)):
        assert not FoldedConv2d(conv.weight.detach(), None, Place.of(conv)).is_pointwise


@torch.no_grad()
def test_a_convolution_and_its_relu_in_one_pass() -> None:
    conv = nn.Conv2d(4, 6, 3, padding=1)
    x = torch.randn(2, 4, 5, 7)
    folded = FoldedConv2d(conv.weight.detach(), conv.bias.detach(), Place.of(conv))
    torch.testing.assert_close(rectified(folded, x), conv(x).relu())
    linear = nn.Linear(12, 7)
    rows = torch.randn(3, 12)
    torch.testing.assert_close(rectified(FoldedLinear(linear), rows), linear(rows).relu())


@torch.no_grad()
def test_a_sum_may_be_written_over_what_is_added(packing: bool) -> None:
    conv = nn.Conv2d(4, 6, 3, padding=1)
    x, add = torch.randn(2, 4, 5, 7), torch.randn(2, 6, 5, 7)
    add = add.contiguous(memory_format=torch.channels_last)
    folded = FoldedConv2d(conv.weight.detach(), conv.bias.detach(), Place.of(conv), relu=True)
    expected, kept = (conv(x) + add).relu(), add.clone()
    torch.testing.assert_close(folded(x, add), expected)
    assert torch.equal(add, kept)
    found = folded(x, add, over=True)
    torch.testing.assert_close(found, expected)
    assert (found.data_ptr() == add.data_ptr()) == packing


def test_a_twin_shares_tensors_and_has_its_own_mode() -> None:
    layer = nn.Sequential(group_norm(8), nn.Conv2d(8, 8, 1)).train()
    other = twin(layer).eval()
    pairs = zip(layer.state_dict().values(), other.state_dict().values(), strict=True)
    assert all(a.data_ptr() == b.data_ptr() for a, b in pairs)
    assert layer.training and layer[0].training and not other[0].training
