"""Folded switchable atrous and deformable convolutions against the layers themselves."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from lively import lively_sac
from torch import nn

from relook.errors import ModelError
from relook.layers.deformable import DeformableConv2d
from relook.models.folding.sac import FoldedDeformable, FoldedSAC
from relook.models.folding.units import folded_unit
from relook.ops.cpu import onednn
from relook.ops.cpu import switch as fast


def _assert_equal(layer: nn.Module, folded: nn.Module, size: tuple[int, int]) -> None:
    with torch.no_grad():
        for batch in (1, 2):
            x = torch.randn(batch, 8, *size)
            with fast.plain():
                expected = layer(x)
            last = x.contiguous(memory_format=torch.channels_last)
            for moved in (x, last, torch.cat([x, x], 1)[:, :8]):
                torch.testing.assert_close(folded(moved), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("deformable", [True, False])
@pytest.mark.parametrize("place", [(1, 1), (2, 2), (2, 8), ((2, 1), 4)])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("size", [(3, 3), (9, 14)])
def test_sac(deformable: bool, place: Any, bias: bool, size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    sac = lively_sac(8, *place, bias=bias, deformable=deformable)
    _assert_equal(sac, FoldedSAC(sac), size)


@pytest.mark.parametrize(
    "options",
    [{"context": False}, {"locked": False}, {"switch": "dual"}, {"switch": "sigmoid"}],
    ids=str,
)
@pytest.mark.parametrize("deformable", [True, False])
def test_variants(options: dict[str, Any], deformable: bool) -> None:
    torch.manual_seed(0)
    sac = lively_sac(8, deformable=deformable, **options)
    _assert_equal(sac, FoldedSAC(sac), (9, 14))


@pytest.mark.parametrize("options", [{"rate": 2}, {"dilation": 2}, {"dilation": (1, 2), "rate": 4}])
def test_rates_and_dilations(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    for deformable in (True, False):
        sac = lively_sac(8, deformable=deformable, **options)
        _assert_equal(sac, FoldedSAC(sac), (8, 11))


@pytest.mark.parametrize("deformable", [True, False])
def test_the_norm_and_relu_behind_it(deformable: bool) -> None:
    torch.manual_seed(0)
    sac, norm = lively_sac(8, 2, deformable=deformable), nn.BatchNorm2d(8).eval()
    with torch.no_grad():
        for tensor in (norm.weight, norm.bias, norm.running_mean):
            assert tensor is not None
            tensor.normal_()
    unit = folded_unit(sac, norm, relu=True)
    assert isinstance(unit, FoldedSAC)
    _assert_equal(nn.Sequential(sac, norm, nn.ReLU()), unit, (9, 7))
    x, add = torch.randn(1, 8, 9, 7), torch.randn(1, 8, 5, 4)
    with torch.no_grad():
        expected = (norm(sac(x)) + add).relu()
        torch.testing.assert_close(unit(x, add), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("groups", [1, 2, 8])
@pytest.mark.parametrize("stride", [1, 2])
def test_deformable(groups: int, stride: int) -> None:
    torch.manual_seed(0)
    conv = DeformableConv2d(8, stride, groups)
    nn.init.normal_(conv.offset.weight, std=0.3)
    _assert_equal(conv, FoldedDeformable(conv), (9, 7))


def test_without_onednn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onednn, "is_available", lambda: False)
    torch.manual_seed(0)
    sac = lively_sac(8, 2, 2)
    _assert_equal(sac, FoldedSAC(sac), (9, 7))


@torch.no_grad()
def test_in_float64_the_plain_operator_is_taken() -> None:
    sac = lively_sac(8, 2, 2).double()
    x = torch.randn(2, 8, 9, 7, dtype=torch.float64)
    torch.testing.assert_close(FoldedSAC(sac)(x), sac(x))


@torch.no_grad()
def test_its_input_stays_as_it_is() -> None:
    x = torch.randn(1, 8, 6, 6)
    kept = x.clone()
    FoldedSAC(lively_sac(8), relu=True)(x)
    assert torch.equal(x, kept)


def test_maps_under_3x3_are_refused_as_before() -> None:
    with pytest.raises(ModelError, match=r"2x5 cells.*96 pixels"):
        FoldedSAC(lively_sac(4))(torch.zeros(1, 4, 2, 5))
