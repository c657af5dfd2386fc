"""A convolution, its norm and its ReLU in one pass."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from relook.layers import AWSConv2d, SAConv2d
from relook.layers.deformable import DeformableConv2d
from relook.layers.norm import FixedBatchNorm2d, group_norm
from relook.models.folding.layers import FoldedConv2d
from relook.models.folding.units import FoldedUnit, folded_unit
from relook.ops.cpu import onednn


@pytest.fixture(params=[True, False], ids=["packed", "not packed"], autouse=True)
def packing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    known = onednn.is_available()
    monkeypatch.setattr(onednn, "is_available", lambda: request.param and known)
    return request.param and known


def _norm(kind: type[nn.BatchNorm2d], channels: int, **options: Any) -> nn.BatchNorm2d:
    norm = kind(channels, **options).eval()
    with torch.no_grad():
        for tensor in (norm.running_mean, norm.weight, norm.bias):
            if tensor is not None:
                tensor.normal_()
        if norm.running_var is not None:
            norm.running_var.uniform_(0.1, 3)
    return norm


def _unfolded(conv: nn.Module, norm: nn.Module | None, x: Tensor, add: Tensor | None) -> Any:
    out = conv(x)
    out = out if norm is None else norm(out)
    out = out if add is None else out + add
    return out.relu()


@torch.no_grad()
def _assert_equal(conv: nn.Module, norm: nn.Module | None, size: tuple[int, int] = (9, 7)) -> None:
    unit = folded_unit(conv, norm, relu=True)
    for batch in (1, 3):
        x = torch.randn(batch, 8, *size)
        for moved in (
            x,
            x.contiguous(memory_format=torch.channels_last),
            torch.cat([x, x], 1)[:, :8],
        ):
            expected = _unfolded(conv, norm, x, None)
            torch.testing.assert_close(unit(moved), expected, rtol=1e-4, atol=1e-4)
            add = torch.randn(expected.shape)
            kept = add.clone()
            expected = _unfolded(conv, norm, x, add)
            torch.testing.assert_close(unit(moved, add), expected, rtol=1e-4, atol=1e-4)
            assert torch.equal(add, kept)


NORMS: dict[str, Any] = {
    "none": lambda: None,
    "batch": lambda: _norm(nn.BatchNorm2d, 8),
    "fixed": lambda: _norm(FixedBatchNorm2d, 8),
    "not affine": lambda: _norm(nn.BatchNorm2d, 8, affine=False),
    "of the batch": lambda: _norm(nn.BatchNorm2d, 8, track_running_stats=False),
    "group": lambda: group_norm(8),
}
CONVS: dict[str, Any] = {
    "plain": lambda: nn.Conv2d(8, 8, 3, padding=1),
    "grouped, strided, dilated": lambda: nn.Conv2d(
        8, 8, 3, 2, (2, 1), (2, 1), groups=4, bias=False
    ),
    "depthwise": lambda: nn.Conv2d(8, 8, 3, padding=1, groups=8),
    "pointwise": lambda: nn.Conv2d(8, 8, 1, stride=2),
    "standardised": lambda: AWSConv2d(8, 8, 3, padding=1, groups=2),
    "switchable": lambda: SAConv2d(8, 2, 2, bias=True),
    "deformable": lambda: DeformableConv2d(8, 2, 4),
    "reflecting": lambda: nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"),
    "padded by name": lambda: nn.Conv2d(8, 8, 3, padding="same"),
    "transposed": lambda: nn.ConvTranspose2d(8, 8, 2, 2),
    "a user's": lambda: nn.Sequential(nn.Conv2d(8, 8, 1), nn.Sigmoid()),
}


@pytest.mark.parametrize("conv", CONVS)
@pytest.mark.parametrize("norm", NORMS)
def test_any_layer_and_norm(conv: str, norm: str) -> None:
    torch.manual_seed(0)
    layer = CONVS[conv]()
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    _assert_equal(layer, NORMS[norm]())


def test_a_tiny_map() -> None:
    _assert_equal(nn.Conv2d(8, 8, 3, padding=1), _norm(nn.BatchNorm2d, 8), (3, 3))
    _assert_equal(nn.Conv2d(8, 8, 1), _norm(nn.BatchNorm2d, 8), (1, 1))


@torch.no_grad()
def test_the_kernel_is_standardised_before_the_norm_scales_it(packing: bool) -> None:
    torch.manual_seed(0)
    conv, norm = AWSConv2d(8, 8, 3, bias=False), _norm(nn.BatchNorm2d, 8)
    conv.weight_beta.normal_(std=0.2)
    x = torch.randn(1, 8, 6, 6)
    expected = norm(conv(x))
    assert norm.running_var is not None
    scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
    naive = AWSConv2d(8, 8, 3, bias=False)  # scaled first, and then standardised
    naive.load_state_dict(conv.state_dict() | {"weight": conv.weight * scale[:, None, None, None]})
    shift = norm.bias - norm.running_mean * scale  # type: ignore[operator]
    wrong = naive(x) + shift[:, None, None]
    assert (wrong - expected).norm() > 0.01 * expected.norm()
    unit = folded_unit(conv, norm)
    assert isinstance(unit, FoldedConv2d) and unit.packed == packing
    torch.testing.assert_close(unit(x), expected, rtol=1e-4, atol=1e-4)


def test_which_norms_are_folded() -> None:
    for kind, norm in NORMS.items():
        unit = folded_unit(nn.Conv2d(8, 8, 1), norm())
        assert isinstance(unit, FoldedConv2d) == (kind not in ("group", "of the batch")), kind
        if isinstance(unit, FoldedUnit):
            assert isinstance(unit.layer, FoldedConv2d)  # packed all the same


def test_the_layer_stays_as_it_is() -> None:
    conv, norm = nn.Conv2d(4, 4, 3), _norm(nn.BatchNorm2d, 4)
    before = [
        tensor.clone() for tensor in (*conv.state_dict().values(), *norm.state_dict().values())
    ]
    with torch.no_grad():
        folded_unit(conv, norm, relu=True)(torch.randn(2, 4, 5, 5))
    after = [*conv.state_dict().values(), *norm.state_dict().values()]
    assert all(map(torch.equal, before, after))
    assert conv.weight.requires_grad and norm.weight.requires_grad


@torch.no_grad()
def test_an_empty_batch() -> None:
    unit = folded_unit(nn.Conv2d(8, 6, 3, padding=1), None, relu=True)
    assert unit(torch.empty(0, 8, 14, 14)).shape == (0, 6, 14, 14)
