"""The product of gathered columns, against a loop over pixels, taps and channels."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from relook.ops.cpu import deformable as module
from relook.ops.cpu.deformable import Geometry, sampled_product, tap_major, window_taps

TAPS = ((-1, 0), (2, -3), (0, 0), (1, 1))  # two branches of two taps: no window has these


def _inputs(groups: int) -> list[Tensor]:
    """Map, offsets, kernel, gates."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 4, 5, 7), (2, 8, 3, 4), (6, 4, 4 // groups), (2, 2, 3, 4)]
    return [torch.randn(shape, generator=generator) for shape in shapes]


def _geometry(x: Tensor, offsets: Tensor) -> Geometry:
    return Geometry.between(x, offsets, (2, 2), TAPS, 2)


def _pixel(x: Tensor, y: int, across: int) -> Tensor:
    inside = 0 <= y < x.shape[1] and 0 <= across < x.shape[2]
    return x[:, y, across] if inside else torch.zeros(len(x))


def _sample(x: Tensor, y: float, across: float) -> Tensor:
    """Bilinear sample (C,) of a map (C, H, W)."""
    top, left = math.floor(y), math.floor(across)
    return sum(
        (1 - abs(y - row)) * (1 - abs(across - column)) * _pixel(x, row, column)
        for row in (top, top + 1)
        for column in (left, left + 1)
    )  # type: ignore[return-value]


def _literally(x: Tensor, offsets: Tensor, kernel: Tensor, gates: Tensor) -> Tensor:
    out = torch.zeros(len(x), len(kernel), *offsets.shape[2:])
    per_group = kernel.shape[2]
    groups = x.shape[1] // per_group
    for b, y, across in ((b, y, c) for b in range(2) for y in range(3) for c in range(4)):
        for t, tap in enumerate(TAPS):
            down, right = (float(v) for v in offsets[b, 2 * t : 2 * t + 2, y, across])
            place = (2 * y + tap[0] + down, 2 * across + tap[1] + right)
            seen = gates[b, t // 2, y, across] * _sample(x[b], *place)
            for o in range(len(kernel)):
                group = o // (len(kernel) // groups)
                own = seen[group * per_group : (group + 1) * per_group]
                out[b, o, y, across] += kernel[o, t] @ own
    return out


@pytest.mark.parametrize("groups", [1, 2])
def test_any_taps_are_what_the_loop_says(groups: int) -> None:
    x, offsets, kernel, gates = _inputs(groups)
    found = sampled_product(x, offsets, kernel, gates, _geometry(x, offsets))
    torch.testing.assert_close(found, _literally(x, offsets, kernel, gates), rtol=1e-4, atol=1e-4)
    assert found.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("groups", [1, 2])
def test_many_tiles_are_one(groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = torch.Generator().manual_seed(0)
    shapes = [(2, 4, 11, 13), (2, 8, 6, 7), (6, 4, 4 // groups), (2, 2, 6, 7)]
    inputs = [torch.randn(s, generator=generator).requires_grad_() for s in shapes]
    results = []
    for most_bytes in (1 << 20, 1):  # all pixels at once, and 32 at a time
        monkeypatch.setattr(module, "_FORWARD_BYTES", most_bytes)
        monkeypatch.setattr(module, "_BACKWARD_BYTES", most_bytes)
        out = sampled_product(*inputs, _geometry(*inputs[:2]))  # type: ignore[call-arg]
        results.append([out, *torch.autograd.grad(out.square().sum(), inputs)])
    for whole, tiled in zip(*results, strict=True):
        torch.testing.assert_close(tiled, whole, rtol=1e-4, atol=1e-3)


def test_the_gradient_of_a_sample_reaches_its_four_pixels() -> None:
    """The last of them is the last row of the table that is gathered from."""
    x = torch.randn(1, 4, 5, 7).requires_grad_()
    offsets, kernel = torch.tensor([3.25, 5.5]).view(1, 2, 1, 1), torch.randn(6, 1, 4)
    geometry = Geometry.between(x, offsets, (1, 1), ((0, 0),), 1)
    out = sampled_product(x, offsets, kernel, None, geometry)  # type: ignore[call-arg]
    (found,) = torch.autograd.grad(out.sum(), [x])
    expected = torch.zeros(1, 4, 5, 7)
    weights = torch.tensor([[0.375, 0.375], [0.125, 0.125]])
    expected[0, :, 3:, 5:] = kernel.sum(0)[0][:, None, None] * weights
    torch.testing.assert_close(found, expected)


def test_without_gradients_it_is_the_same_bit_for_bit() -> None:
    inputs = _inputs(2)
    geometry = _geometry(*inputs[:2])
    trained = sampled_product(*inputs[:2], inputs[2].requires_grad_(), inputs[3], geometry)
    with torch.inference_mode():
        assert torch.equal(sampled_product(*inputs, geometry), trained)  # type: ignore[call-arg]


def test_taps_and_kernels_run_in_the_same_order() -> None:
    assert window_taps((2, 3), (1, 2), (1, 2)) == [
        (-1, -2),
        (-1, 0),
        (-1, 2),
        (0, -2),
        (0, 0),
        (0, 2),
    ]
    weight = torch.randn(5, 4, 2, 3)
    assert torch.equal(tap_major(weight)[3, 4], weight[3, :, 1, 1])
