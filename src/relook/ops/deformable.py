"""Deformable convolution (DCN v1, https://arxiv.org/abs/1703.06211), of one or more branches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .compiled import deform_conv2d
from .cpu import switch as fast
from .cpu.deformable import Geometry, sampled_product, tap_major, window_taps

Pair = tuple[int, int]


class Branch(NamedTuple):
    """One deformable convolution: its offsets and its kernel."""

    offset: Tensor  # (B, 2 k k, H', W') pixels from the regular grid, pairs of (y, x)
    weight: Tensor  # (C_out, C / groups, k, k)
    padding: Pair = (1, 1)
    dilation: Pair = (1, 1)


def deformable_convolution(
    x: Tensor,
    offset: Tensor,
    weight: Tensor,
    stride: Pair = (1, 1),
    padding: Pair = (1, 1),
    dilation: Pair = (1, 1),
) -> Tensor:
    """Map (B, C_out, H', W') of `x` (B, C, H, W), sampled at `offset` (B, 2 k k, H', W') pixels
    from the regular grid, pairs of (y, x); pixels outside of the map are zero.

    `weight` is (C_out, C / groups, k, k).
    """
    return mixed_convolution(x, [Branch(offset, weight, padding, dilation)], None, stride)


def mixed_convolution(
    x: Tensor, branches: Sequence[Branch], gates: Tensor | None, stride: Pair = (1, 1)
) -> Tensor:
    """Sum (B, C_out, H', W') of deformable convolutions of `x` (B, C, H, W), each scaled by its
    channel of `gates` (B, branches, H', W'), in the precision of the gates, where there are any.
    """
    if fast.applies(x) and x.numel() and _has_one_type(x, branches):
        return _gathered(x, branches, gates, stride).to(x.dtype)
    tensors = (x, *(tensor for b in branches for tensor in (b.offset, b.weight)))
    if x.device.type == "cpu" and any(tensor.dtype.itemsize < 4 for tensor in tensors):
        # torchvision has no such operator for 16 bits.
        wide = [b._replace(offset=b.offset.float(), weight=b.weight.float()) for b in branches]
        return mixed_convolution(x.float(), wide, gates, stride).to(x.dtype)
    outs = [deform_conv2d(x, b.offset, b.weight, stride, b.padding, b.dilation) for b in branches]
    if gates is not None:
        outs = [gate * out for gate, out in zip(gates.split(1, dim=1), outs, strict=True)]
    mixed: Tensor = sum(outs[1:], outs[0])
    return mixed.to(x.dtype)


def _has_one_type(x: Tensor, branches: Sequence[Branch]) -> bool:
    """Return whether kernels have the type of `x`, or will be cast to it together."""
    is_cast = torch.is_grad_enabled() and torch.is_autocast_enabled("cpu")
    return is_cast or all(branch.weight.dtype == x.dtype for branch in branches)


def _gathered(x: Tensor, branches: Sequence[Branch], gates: Tensor | None, stride: Pair) -> Tensor:
    """Compute `mixed_convolution` by one matrix product for all branches."""
    taps = [
        tap
        for b in branches
        for tap in window_taps((b.weight.shape[2], b.weight.shape[3]), b.padding, b.dilation)
    ]
    offsets = torch.cat([b.offset for b in branches], dim=1)
    kernel = torch.cat([tap_major(b.weight) for b in branches], dim=1)
    geometry = Geometry.between(x, offsets, stride, taps, len(branches))
    return sampled_product(x, offsets, kernel, gates, geometry)
