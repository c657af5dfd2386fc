"""Products and convolutions by direct calls of oneDNN operators, which are only here.

PyTorch calls these operators from its compiler only, so they are no public interface. They are
tried once; where one is missing or wrong, public operators are used.
"""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

Pair = tuple[int, int]

_ops = torch.ops.mkldnn


@cache
def is_available() -> bool:
    """Return whether this PyTorch has the operators, with right results."""
    if not torch.backends.mkldnn.is_available():
        return False
    with torch.inference_mode(), torch.autocast("cpu", enabled=False):
        x = torch.arange(36.0).view(1, 4, 3, 3).contiguous(memory_format=torch.channels_last)
        weight, bias = (torch.arange(144.0) - 70).view(4, 4, 3, 3), torch.arange(4.0)
        place = ((1, 1), (1, 1), (1, 1), 1)
        plain = F.conv2d(x, weight, bias, *place)
        try:
            packed = pack_convolution(weight, *place)
            results = [
                convolution(x, packed, bias, *place, relu=True),
                convolution(x, packed, bias, *place, relu=True, add=x),
                convolution(x, packed, bias, *place, relu=True, add=x.clone(), over=True),
                product(x[0, 0], pack_product(weight[0, 0]), bias[:3]),
                product(x[0, 0], pack_product(weight[0, 0]), bias[:3], relu=True),
            ]
        except (AttributeError, RuntimeError, TypeError):
            return False
        expected = [
            plain.relu(),
            (plain + x).relu(),
            (plain + x).relu(),
            F.linear(x[0, 0], weight[0, 0], bias[:3]),
            F.linear(x[0, 0], weight[0, 0], bias[:3]).relu(),
        ]
        return all(torch.allclose(a, b) for a, b in zip(results, expected, strict=True))


def product(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, relu: bool = False) -> Tensor:
    """``x @ weight.T + bias``, (R, O), of `x` (R, I) and `weight` (O, I), packed or not; with
    `relu` negatives become 0."""
    unary = "relu" if relu else "none"
    out: Tensor = _ops._linear_pointwise(x, weight, bias, unary, [], "")  # noqa: SLF001
    return out


def pack_product(weight: Tensor) -> Tensor:
    """`weight` (O, I) in the order that `product` reads it."""
    packed: Tensor = _ops._reorder_linear_weight(weight.contiguous(), None)  # noqa: SLF001
    return packed


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    groups: int,
    *,
    relu: bool = False,
    add: Tensor | None = None,
    over: bool = False,
) -> Tensor:
    """As `F.conv2d`; `add`, of the output's shape, is added, and with `relu` negatives become 0.

    With `over`, the result may be written over `add`.
    """
    place = (padding, stride, dilation, groups)
    unary = "relu" if relu else None
    out: Tensor
    if add is not None and 1 in (add.shape[1], add.shape[2:].numel()):
        # With one pixel or channel, both memory orders are the same, and PyTorch 2.11 fails.
        out = convolution(x, weight, bias, stride, padding, dilation, groups) + add
        out = out.relu_() if relu else out
    elif add is not None and over and add.is_contiguous(memory_format=torch.channels_last):
        out = _ops._convolution_pointwise_.binary(
            add, x, weight, bias, *place, "add", 1.0, unary, [], ""
        )
    elif add is not None:
        out = _ops._convolution_pointwise.binary(  # noqa: SLF001
            x, add, weight, bias, *place, "add", 1.0, unary, [], ""
        )
    else:
        out = _ops._convolution_pointwise(  # noqa: SLF001
            x, weight, bias, *place, unary or "none", [], ""
        )
    return out


def pack_convolution(
    weight: Tensor, stride: Pair, padding: Pair, dilation: Pair, groups: int
) -> Tensor:
    """`weight` (C_out, C / groups, k, k) in the order that `convolution` reads it."""
    packed: Tensor = _ops._reorder_convolution_weight(  # noqa: SLF001
        weight.contiguous(), padding, stride, dilation, groups, None
    )
    return packed
