"""A convolution, its normalisation and its ReLU in one pass."""

from __future__ import annotations

from typing import Final, cast

import torch
from torch import Tensor, nn

from ...layers.deformable import DeformableConv2d
from ...layers.sac import AWSConv2d, SAConv2d
from .layers import Affine, FoldedConv2d, HeadConv2d, Place, twin
from .sac import FoldedDeformable, FoldedSAC

_FRESH: Final = (nn.GroupNorm, nn.BatchNorm2d)  # whose output nothing else holds


class FoldedUnit(nn.Module):
    """A layer, a normalisation that could not be folded into it, and a ReLU."""

    def __init__(self, layer: nn.Module, norm: nn.Module | None, *, relu: bool) -> None:
        super().__init__()
        self.layer, self.norm, self.relu = layer, norm, relu

    def forward(self, x: Tensor, add: Tensor | None = None, *, over: bool = False) -> Tensor:
        """Map (B, C, H', W'); `add`, of that shape, is added before the ReLU. With `over` the
        result may be written over `add`."""
        out: Tensor = self.layer(x)
        if self.norm is not None:
            with torch.autocast("cpu", enabled=False):  # which would make float32 of it
                out = self.norm(out)
        if not isinstance(self.norm, _FRESH):
            out = out if add is None else out + add
            return out.relu() if self.relu else out
        if add is not None:
            out += add
        return out.relu_() if self.relu else out


@torch.no_grad()
def folded_unit(
    conv: nn.Module,
    norm: nn.Module | None = None,
    *,
    relu: bool = False,
    dtype: torch.dtype = torch.float32,
) -> nn.Module:
    """`conv`, `norm` and a ReLU as one module, called as ``unit(x, add=None)``; it computes in
    `dtype` what can be packed."""
    affine = None if norm is None else _affine(norm)
    if norm is None or affine is not None:
        if type(conv) in (nn.Conv2d, AWSConv2d) and _pads_with_zeros(conv):
            return _folded_conv(cast(nn.Conv2d, conv), affine, relu=relu, dtype=dtype)
        if type(conv) is SAConv2d and _pads_with_zeros(conv):
            return FoldedSAC(conv, affine, relu=relu, dtype=dtype)
    if type(conv) is SAConv2d and _pads_with_zeros(conv):
        conv = FoldedSAC(conv, dtype=dtype)
    elif type(conv) is DeformableConv2d:
        conv = FoldedDeformable(conv, dtype)
    elif type(conv) in (nn.Conv2d, AWSConv2d) and _pads_with_zeros(conv):
        conv = _folded_conv(cast(nn.Conv2d, conv), dtype=dtype)
    else:
        conv = twin(conv)
    return FoldedUnit(conv, None if norm is None else twin(norm), relu=relu)


def folded_head_conv(conv: nn.Conv2d, dtype: torch.dtype) -> nn.Module:
    """A convolution of a head, whose output is logits or, with a ReLU, a map in `dtype`."""
    exact = folded_unit(conv)
    if dtype == torch.float32 or not isinstance(exact, FoldedConv2d):
        return exact
    hidden = folded_unit(conv, dtype=dtype)
    assert isinstance(hidden, FoldedConv2d)
    return HeadConv2d(exact, hidden)


def _folded_conv(
    conv: nn.Conv2d,
    affine: Affine | None = None,
    *,
    relu: bool = False,
    dtype: torch.dtype = torch.float32,
) -> FoldedConv2d:
    # First the kernel is standardised, then the norm scales it: the other order is wrong.
    weight = conv.standardised() if isinstance(conv, AWSConv2d) else conv.weight
    weight, bias = weight.detach(), None if conv.bias is None else conv.bias.detach()
    if affine is not None:
        scale, shift = affine
        weight = weight * scale[:, None, None, None]
        bias = shift if bias is None else bias * scale + shift
    return FoldedConv2d(weight, bias, Place.of(conv), relu=relu, dtype=dtype)


def _affine(norm: nn.Module) -> Affine | None:
    """Scale and shift of a batch norm, ``scale * x + shift``; None for other layers."""
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
