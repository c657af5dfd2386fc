"""Matrix products on a CPU.

PyTorch computes matrix products by a library that reaches half the speed of some processors (AMD's
with AVX-512), and convolutions by oneDNN, which reaches their full speed. Here products are
computed by oneDNN too: about twice as fast on these processors, the same on others.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from . import onednn
from . import switch as fast

_LEAST = 1_000_000  # multiply-adds; below, the call takes most of the time


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """``x @ weight.T + bias``, (R, O), of `x` (R, I) and `weight` (O, I), as `F.linear`."""
    if torch.is_autocast_enabled("cpu") and torch.is_grad_enabled():
        return F.linear(x, weight, bias)
    is_large = x.numel() * len(weight) >= _LEAST
    if not (fast.applies(x) and x.dtype == weight.dtype and is_large and onednn.is_available()):
        return F.linear(x, weight, bias)
    if torch.is_grad_enabled():
        out: Tensor = _Linear.apply(x, weight, bias)
        return out
    return onednn.product(x, weight, bias)


def product(x: Tensor, weight: Tensor) -> Tensor:
    """``x @ weight.T``, (R, O), of float32 `x` (R, I) and `weight` (O, I), by the fastest library;
    without gradients."""
    return onednn.product(x, weight) if onednn.is_available() else F.linear(x, weight)


class _Linear(Function):
    """`linear` by oneDNN, with gradients."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return onednn.product(x, weight, bias)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        needs_x, needs_weight, needs_bias = ctx.needs_input_grad
        return (
            product(grad, weight.T) if needs_x else None,
            product(grad.T, x.T) if needs_weight else None,
            grad.sum(0) if needs_bias else None,
        )
