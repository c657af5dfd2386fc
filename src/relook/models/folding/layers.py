"""Plain layers with constants computed in advance.

On a CPU in float32, weights are stored in the order in which oneDNN reads them.
"""

from __future__ import annotations

import copy
from typing import NamedTuple, TypeVar, cast

import torch.nn.functional as F
from torch import Tensor, nn

from ...ops.cpu import onednn
from ...ops.cpu import switch as fast

Affine = tuple[Tensor, Tensor]  # scale and shift, each (C,)
Pair = tuple[int, int]
M = TypeVar("M", bound=nn.Module)


class Place(NamedTuple):
    """Geometry of a convolution."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int

    @classmethod
    def of(cls, conv: nn.Conv2d) -> Place:
        """Return the geometry of `conv`."""
        stride, padding, dilation = conv.stride, cast(Pair, conv.padding), conv.dilation
        return cls(cast(Pair, stride), padding, cast(Pair, dilation), conv.groups)


class FoldedConv2d(nn.Module):
    """A plain convolution; with `relu`, negative outputs become 0.

    `weight` is (C_out, C / groups, k, k), `bias` (C_out,), if any.
    """

    def __init__(
        self, weight: Tensor, bias: Tensor | None, place: Place, *, relu: bool = False
    ) -> None:
        super().__init__()
        self.place, self.relu = place, relu
        self.packed = can_pack(weight)
        self.weight = onednn.pack_convolution(weight, *place) if self.packed else weight
        self.bias = bias

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        """Map (B, C_out, H', W'); `add`, of that shape, is added before the ReLU."""
        if self.packed:
            weight, bias = self.weight, self.bias
            return onednn.convolution(x, weight, bias, *self.place, relu=self.relu, add=add)
        out = F.conv2d(x, self.weight, self.bias, *self.place)
        if add is not None:
            out += add
        return out.relu_() if self.relu else out


class FoldedLinear(nn.Module):
    """A linear layer."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.packed = can_pack(linear.weight)
        weight = linear.weight.detach()
        self.weight = onednn.pack_product(weight) if self.packed else weight
        bias: Tensor | None = linear.bias
        self.bias = bias if bias is None else bias.detach()

    def forward(self, x: Tensor) -> Tensor:
        """(R, O) of `x` (R, I)."""
        if self.packed:
            return onednn.product(x, self.weight, self.bias)
        return F.linear(x, self.weight, self.bias)


def twin(module: M) -> M:
    """A copy of `module` with the same tensors, and with modes of its own."""
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, shared)


def can_pack(weight: Tensor) -> bool:
    """Return whether oneDNN can take this weight."""
    return fast.applies(weight) and onednn.is_available()
