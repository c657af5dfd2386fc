"""Layers whose constants are worked out beforehand.

A convolution, the normalisation behind it and its ReLU become one pass. On a CPU in float32 its
weights are also put into the order in which oneDNN reads them.
"""

from __future__ import annotations

import copy
from typing import NamedTuple, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.deformable import DeformableConv2d
from ...layers.sac import AWSConv2d, SAConv2d
from ...ops.cpu import onednn

Affine = tuple[Tensor, Tensor]  # scale and shift, each (C,)
Pair = tuple[int, int]
M = TypeVar("M", bound=nn.Module)


class Place(NamedTuple):
    """Where a convolution looks."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int

    @classmethod
    def of(cls, conv: nn.Conv2d) -> Place:
        """That of `conv`."""
        stride, padding, dilation = conv.stride, cast(Pair, conv.padding), conv.dilation
        return cls(cast(Pair, stride), padding, cast(Pair, dilation), conv.groups)


class FoldedConv2d(nn.Module):
    """A plain convolution; with `relu`, negative outputs are cut off.

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


class FoldedUnit(nn.Module):
    """A layer, a normalisation that could not be folded into it, and a ReLU."""

    def __init__(self, layer: nn.Module, norm: nn.Module | None, *, relu: bool) -> None:
        super().__init__()
        self.layer, self.norm, self.relu = layer, norm, relu

    def forward(self, x: Tensor, add: Tensor | None = None) -> Tensor:
        """Map (B, C, H', W'); `add`, of that shape, is added before the ReLU."""
        out: Tensor = self.layer(x)
        if self.norm is not None:
            out = self.norm(out)
        if add is not None:
            out = out + add
        return out.relu() if self.relu else out


@torch.no_grad()
def folded_unit(conv: nn.Module, norm: nn.Module | None = None, *, relu: bool = False) -> nn.Module:
    """`conv`, `norm` and a ReLU as one module, called as ``unit(x, add=None)``."""
    from .sac import FoldedDeformable, FoldedSAC

    affine = None if norm is None else _affine(norm)
    if norm is None or affine is not None:
        if type(conv) in (nn.Conv2d, AWSConv2d) and _pads_with_zeros(conv):
            return _folded_conv(cast(nn.Conv2d, conv), affine, relu=relu)
        if type(conv) is SAConv2d:
            return FoldedSAC(conv, affine, relu=relu)
    if type(conv) is SAConv2d:
        conv = FoldedSAC(conv)
    elif type(conv) is DeformableConv2d:
        conv = FoldedDeformable(conv)
    elif type(conv) in (nn.Conv2d, AWSConv2d) and _pads_with_zeros(conv):
        conv = _folded_conv(cast(nn.Conv2d, conv))
    else:
        conv = twin(conv)
    return FoldedUnit(conv, None if norm is None else twin(norm), relu=relu)


def twin(module: M) -> M:
    """A copy of `module` with the same tensors, so that modes set in one do not reach the other."""
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, shared)


def _folded_conv(
    conv: nn.Conv2d, affine: Affine | None = None, *, relu: bool = False
) -> FoldedConv2d:
    # First the kernel is standardised, then the norm scales it: the other order is wrong.
    weight = conv.standardised() if isinstance(conv, AWSConv2d) else conv.weight
    weight, bias = weight.detach(), None if conv.bias is None else conv.bias.detach()
    if affine is not None:
        scale, shift = affine
        weight = weight * scale[:, None, None, None]
        bias = shift if bias is None else bias * scale + shift
    return FoldedConv2d(weight, bias, Place.of(conv), relu=relu)


def _affine(norm: nn.Module) -> Affine | None:
    """What a batch norm does in evaluation: ``scale * x + shift``; None for other layers."""
    if not isinstance(norm, nn.BatchNorm2d):
        return None
    if norm.running_var is None or norm.running_mean is None:  # statistics of the batch
        return None
    scale = (norm.running_var + norm.eps).rsqrt()
    if norm.affine:
        scale = norm.weight.detach() * scale
    shift = -norm.running_mean * scale
    return scale, shift + norm.bias.detach() if norm.affine else shift


def _pads_with_zeros(conv: nn.Module) -> bool:
    return (
        isinstance(conv, nn.Conv2d)
        and conv.padding_mode == "zeros"
        and not isinstance(conv.padding, str)
    )


def can_pack(weight: Tensor) -> bool:
    """Whether oneDNN can be handed this weight."""
    return weight.device.type == "cpu" and weight.dtype == torch.float32 and onednn.is_available()
