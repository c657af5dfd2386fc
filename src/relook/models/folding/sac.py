"""Switchable and deformable convolutions with constants computed in advance."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.deformable import DeformableConv2d
from ...layers.sac import SAConv2d, gates_of, global_mean, neighbourhood_mean, same_padding
from ...ops.cpu import switch as fast
from ...ops.cpu.deformable import Geometry, sampled_product, tap_major, window_taps
from ...ops.deformable import Branch, mixed_convolution
from .layers import Affine, FoldedConv2d, Place, can_pack, twin

Pair = tuple[int, int]


class FoldedSAC(nn.Module):
    """Switchable atrous convolution, and the scale, shift and ReLU that follow it.

    Kernels are standardised in advance, and one convolution gives the offsets of both branches and
    the switch that mixes them.
    """

    def __init__(
        self,
        sac: SAConv2d,
        affine: Affine | None = None,
        *,
        relu: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        near = sac.standardised().detach()
        kernels = (near, sac.far_kernel(near).detach())
        place = Place.of(sac)
        rates = sac.rates()
        dtype = dtype if can_pack(near) else near.dtype
        self.pre_context, self.post_context = (
            None if context is None else twin(context)
            for context in (sac.pre_context, sac.post_context)
        )
        self.look = _offset_conv(sac, dtype)
        self.switch_kind, self.switches = sac.switch_kind, sac.switch.out_channels
        deformable = sac.offset_near is not None
        self.mix = (_Deformable if deformable else _Atrous)(kernels, rates, place, dtype)
        self.bias = None if sac.bias is None else sac.bias.detach().to(dtype)
        self.affine = None if affine is None else (affine[0].to(dtype), affine[1].to(dtype))
        self.relu, self.dtype = relu, dtype

    def forward(self, x: Tensor, add: Tensor | None = None, *, over: bool = False) -> Tensor:
        """Map (B, C, H', W') of `x` (B, C, H, W); `add`, of that shape, is added before the ReLU.
        With `over` the result may be written over `add`.

        Raises:
            ModelError: M05 for a map under 3x3 cells.
        """
        x = x.to(self.dtype)
        if self.pre_context is not None:
            x = x + self.pre_context(global_mean(x))
        look = self.look(neighbourhood_mean(x))
        offsets, switch = look[:, : -self.switches], look[:, -self.switches :]
        out = self.mix(x, offsets, gates_of(switch, self.switch_kind))
        if self.bias is not None:
            out = out + self.bias[:, None, None]
        if self.post_context is None:
            around = out.new_zeros(())
        else:
            around = self.post_context(global_mean(out))
        if self.affine is None:
            out = out + around
        else:
            scale, shift = (v[:, None, None] for v in self.affine)
            out = torch.addcmul(around * scale + shift, out, scale)
        if add is not None:
            out = out + add
        mixed: Tensor = out.relu_() if self.relu else out
        return mixed


class FoldedDeformable(nn.Module):
    """Deformable convolution."""

    def __init__(self, conv: DeformableConv2d, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        weight, bias = conv.offset.weight.detach(), conv.offset.bias
        place = Place.of(conv)
        dtype = dtype if can_pack(weight) else weight.dtype
        self.look = FoldedConv2d(
            weight, None if bias is None else bias.detach(), Place.of(conv.offset), dtype=dtype
        )
        self.mix = _Deformable([conv.weight.detach()], [place.dilation], place, dtype)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H', W') of `x` (B, C, H, W)."""
        out: Tensor = self.mix(x, self.look(x), None)
        return out


def _offset_conv(sac: SAConv2d, dtype: torch.dtype) -> FoldedConv2d:
    """The convolution of the pooled map that gives all offsets and, last, the switch."""
    offsets = [o for o in (sac.offset_near, sac.offset_far) if o is not None]
    biases = [conv.bias.detach() for conv in (*offsets, sac.switch) if conv.bias is not None]
    switch = sac.switch.weight.detach()
    if not offsets:
        return FoldedConv2d(switch, biases[0], Place.of(sac.switch), dtype=dtype)
    centred = F.pad(switch, (1, 1, 1, 1))  # of a window of 3x3
    weight = torch.cat([*(o.weight.detach() for o in offsets), centred])
    return FoldedConv2d(weight, torch.cat(biases), Place.of(offsets[0]), dtype=dtype)


class _Deformable(nn.Module):
    """Deformable branches, a kernel (C_out, C / groups, k, k) and a rate each, mixed by gates."""

    def __init__(
        self,
        kernels: Sequence[Tensor],
        rates: Sequence[Pair],
        place: Place,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.stride, self.rates = place.stride, tuple(rates)
        window = (kernels[0].shape[2], kernels[0].shape[3])
        self.margins = [same_padding(window, rate) for rate in rates]
        self.taps = [
            tap
            for rate, margin in zip(rates, self.margins, strict=True)
            for tap in window_taps(window, margin, rate)
        ]
        self.kernels: tuple[Tensor, ...] | None = tuple(kernels)
        self.kernel: Tensor | None = None
        if fast.applies(kernels[0]):
            self.kernels = None
            self.kernel = torch.cat([tap_major(k) for k in kernels], dim=1).to(dtype)

    def forward(self, x: Tensor, offsets: Tensor, gates: Tensor | None) -> Tensor:
        if self.kernel is not None:
            geometry = Geometry.between(x, offsets, self.stride, self.taps, len(self.rates))
            return sampled_product(
                x.to(self.kernel.dtype), offsets.float(), self.kernel, gates, geometry
            )
        assert self.kernels is not None
        branch_offsets = offsets.chunk(len(self.kernels), dim=1)
        branches = [
            Branch(*parts)
            for parts in zip(branch_offsets, self.kernels, self.margins, self.rates, strict=True)
        ]
        return mixed_convolution(x, branches, gates, self.stride)


class _Atrous(nn.Module):
    """Plain branches of several rates, mixed by gates."""

    def __init__(
        self,
        kernels: Sequence[Tensor],
        rates: Sequence[Pair],
        place: Place,
        dtype: torch.dtype,
    ) -> None:
        super().__init__()
        self.near, self.far = (
            FoldedConv2d(
                kernel,
                None,
                place._replace(padding=same_padding(kernel.shape[2:], rate), dilation=rate),
                dtype=dtype,
            )
            for kernel, rate in zip(kernels, rates, strict=True)
        )

    def forward(self, x: Tensor, _: Tensor, gates: Tensor) -> Tensor:
        near: Tensor = self.near(x)
        far: Tensor = self.far(x)
        gates = gates.to(near.dtype)
        return gates[:, :1] * near + gates[:, 1:] * far
