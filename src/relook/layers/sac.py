"""Switchable atrous convolution (DetectoRS, https://arxiv.org/abs/2006.02334, section 4).

Two convolutions share one kernel and a switch mixes them; the kernel is standardised per output
channel (https://arxiv.org/abs/1903.10520) and scaled back by stored constants.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..errors import ModelError
from ..ops.cpu import few_channels
from ..ops.cpu import switch as fast
from ..ops.deformable import Branch, mixed_convolution
from .initialise import constant_init

_EPSILON = 1e-5  # added to the variance, inside the root


def kernel_statistics(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Standard deviation and mean, each (C_out, 1, 1, 1), of every output channel's kernel."""
    flat = weight.flatten(1)
    shape = (-1, 1, 1, 1)
    return (flat.var(dim=1) + _EPSILON).sqrt().view(shape), flat.mean(dim=1).view(shape)


class AWSConv2d(nn.Conv2d):
    """Convolution whose kernels are standardised, then scaled and shifted back.

    Scale and shift are buffers that training never changes. Loading a plain convolution's weights
    sets them to that kernel's own statistics, so that a network with ImageNet weights computes the
    same as before; a file that has them is loaded unchanged.
    """

    weight_gamma: Tensor  # (C_out, 1, 1, 1)
    weight_beta: Tensor  # (C_out, 1, 1, 1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.register_buffer("weight_gamma", torch.ones(self.out_channels, 1, 1, 1))
        self.register_buffer("weight_beta", torch.zeros(self.out_channels, 1, 1, 1))
        self.reset_standardisation()

    @torch.no_grad()
    def reset_standardisation(self) -> None:
        """Set scale and shift so that the effective kernel is the current `weight`.

        Called after random initialisation: with the neutral values 1 and 0 every kernel would
        have unit deviation, and activations would diverge. On the meta device there is nothing to
        compute, and PyTorch would import its compiler for it.
        """
        if self.weight.is_meta:
            return
        deviation, mean = kernel_statistics(self.weight)
        self.weight_gamma.copy_(deviation)
        self.weight_beta.copy_(mean)

    def standardised(self) -> Tensor:
        """Effective kernel, same shape as `weight`; always computed in float32 or better."""
        weight = self.weight if self.weight.dtype == torch.float64 else self.weight.float()
        deviation, mean = kernel_statistics(weight)
        return self.weight_gamma * ((weight - mean) / deviation) + self.weight_beta

    def forward(self, input: Tensor) -> Tensor:
        """Convolved map (B, C_out, H', W')."""
        return few_channels.convolution(
            input,
            self.standardised().to(input.dtype),
            self.bias,
            self.stride,
            self.padding,
            self.dilation,
            self.groups,
        )

    def _load_from_state_dict(
        self,
        state_dict: dict[str, Any],
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        super()._load_from_state_dict(
            state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs
        )
        constants = (f"{prefix}weight_gamma", f"{prefix}weight_beta")
        if constants[0] not in state_dict:
            self.reset_standardisation()
            missing_keys[:] = [key for key in missing_keys if key not in constants]


Switch = Literal["single", "dual", "sigmoid"]
Pair = tuple[int, int]
PaddingMode = Literal["zeros", "reflect", "replicate", "circular"]


def same_padding(kernel: Sequence[int], dilation: Sequence[int]) -> Pair:
    """Padding of a convolution with odd sides that keeps the size of a map."""
    height, width = (d * (k - 1) // 2 for k, d in zip(kernel, dilation, strict=True))
    return height, width


def _pair(value: int | Pair) -> Pair:
    return (value, value) if isinstance(value, int) else value


class SAConv2d(AWSConv2d):
    """Convolution at two dilations, mixed by a learned switch; 3x3 in the paper.

    ``y = S(x) conv(x, w, rate 1) + (1 - S(x)) conv(x, w + dw, rate r)``, with global context
    added before and after. The switch is linear and unbounded. At initialisation S is 1, dw,
    contexts and offsets are 0, and the layer equals the plain convolution of the same weight.

    Args:
        channels: Input channels C.
        stride: Step of the output, per axis or for both.
        groups: Groups of both convolutions; switch, contexts and offsets are always dense.
        out_channels: Output channels, by default C.
        kernel: Odd sides of the kernel, per axis or for both. The padding follows from it: the
            output has the size of the input, over `stride`.
        padding_mode: As of `nn.Conv2d`; only with "zeros" there are fast ways.
        dilation: Dilation of the first branch.
        bias: Whether the convolution itself has a bias, added once to the mix.
        rate: The second branch is dilated by ``rate * dilation``.
        deformable: Whether each branch learns offsets of its sampling points (DCN v1).
        context: Whether global context is added.
        locked: Whether the second branch's kernel is w + dw; otherwise it is dw alone, which then
            starts at random as a convolution's kernel does.
        switch: ``single`` is S and 1 - S; ``dual`` two independent gates, which start at 1 and 0;
            ``sigmoid`` is bounded, and the only one that does not start at the plain convolution.

    Raises:
        ValueError: for an even `kernel`, with which the branches would differ in size.
    """

    def __init__(
        self,
        channels: int,
        stride: int | tuple[int, int] = 1,
        groups: int = 1,
        *,
        out_channels: int | None = None,
        kernel: int | Pair = 3,
        padding_mode: PaddingMode = "zeros",
        dilation: int | Pair = 1,
        bias: bool = False,
        rate: int = 3,
        deformable: bool = True,
        context: bool = True,
        locked: bool = True,
        switch: Switch = "single",
    ) -> None:
        out, sides, steps = out_channels or channels, _pair(kernel), _pair(dilation)
        if sides[0] % 2 == 0 or sides[1] % 2 == 0:
            raise ValueError(f"kernel {kernel}: with even sides, the branches differ in size")
        super().__init__(
            channels,
            out,
            sides,
            stride,
            same_padding(sides, steps),
            steps,
            groups,
            bias,
            padding_mode,
        )
        self.rate, self.locked = rate, locked
        self.switch_kind: Switch = switch
        self.weight_diff = nn.Parameter(torch.zeros_like(self.weight))
        self.switch = nn.Conv2d(channels, 2 if switch == "dual" else 1, 1, stride)
        self.pre_context = nn.Conv2d(channels, channels, 1) if context else None
        self.post_context = nn.Conv2d(out, out, 1) if context else None
        self.offset_near: nn.Conv2d | None = None
        self.offset_far: nn.Conv2d | None = None
        if deformable:
            # Both sample the pooled map on the undilated grid.
            numbers = 2 * sides[0] * sides[1]
            self.offset_near = nn.Conv2d(channels, numbers, 3, stride, padding=1)
            self.offset_far = nn.Conv2d(channels, numbers, 3, stride, padding=1)
        self.reset_extras()

    @torch.no_grad()
    def reset_extras(self) -> None:
        """Make the layer equal to the plain convolution of its `weight`; not for ``sigmoid``."""
        if self.locked:
            nn.init.zeros_(self.weight_diff)
        else:
            nn.init.kaiming_normal_(self.weight_diff, mode="fan_out", nonlinearity="relu")
        constant_init(self.switch, bias=1.0)
        if self.switch_kind == "dual" and self.switch.bias is not None:
            self.switch.bias[1] = 0
        for layer in (self.pre_context, self.post_context, self.offset_near, self.offset_far):
            if layer is not None:
                constant_init(layer)

    def extra_repr(self) -> str:
        """Return the settings that the shape does not show."""
        settings = f"rate={self.rate}, locked={self.locked}, switch={self.switch_kind}"
        return f"{super().extra_repr()}, {settings}"  # type: ignore[no-untyped-call]

    def far_kernel(self, near: Tensor) -> Tensor:
        """Kernel of the second branch, (C_out, C / groups, k, k) like `near`, that of the first."""
        return near + self.weight_diff if self.locked else self.weight_diff

    def forward(self, input: Tensor) -> Tensor:
        """Mixed map (B, C_out, H', W') of an input (B, C, H, W) of at least 3x3.

        Raises:
            ModelError: M05 for a smaller map, which cannot be padded by reflection.
        """
        x = input if self.pre_context is None else input + self.pre_context(global_mean(input))
        pooled = neighbourhood_mean(x)
        kernel = self.standardised()
        out = self._mixed(x, pooled, kernel.to(x.dtype), self.far_kernel(kernel).to(x.dtype))
        if self.bias is not None:
            out = out + self.bias[:, None, None]
        if self.post_context is not None:
            out = out + self.post_context(global_mean(out))
        return out

    def _mixed(self, x: Tensor, pooled: Tensor, near: Tensor, far: Tensor) -> Tensor:
        """Both branches of `x`, with kernels `near` and `far`, mixed by the switch."""
        stride, rates = (self.stride[0], self.stride[1]), self.rates()
        switch = self._switched(pooled, stride)  # (B, 1 or 2, H', W')
        # Mixed in float32: the switch is unbounded.
        switch = switch if switch.dtype == torch.float64 else switch.float()
        gates = gates_of(switch, self.switch_kind)
        margins = [same_padding(near.shape[2:], rate) for rate in rates]
        maps = [x, x]
        if self.padding_mode != "zeros":
            maps = [F.pad(x, (w, w, h, h), self.padding_mode) for h, w in margins]
            margins = [(0, 0), (0, 0)]
        if self.offset_near is not None and self.offset_far is not None:
            shifts = (offset(pooled).to(x.dtype) for offset in (self.offset_near, self.offset_far))
            branches = [
                Branch(*parts) for parts in zip(shifts, (near, far), margins, rates, strict=True)
            ]
            if self.padding_mode == "zeros":
                return mixed_convolution(x, branches, gates, stride)
            outs = [
                mixed_convolution(own, [branch], None, stride)
                for own, branch in zip(maps, branches, strict=True)
            ]
        else:
            outs = [
                few_channels.convolution(own, kernel, None, stride, margin, rate, self.groups)
                for own, kernel, margin, rate in zip(maps, (near, far), margins, rates, strict=True)
            ]
        return (gates[:, :1] * outs[0] + gates[:, 1:] * outs[1]).to(x.dtype)

    def _switched(self, pooled: Tensor, stride: Pair) -> Tensor:
        """The output of the switch for the pooled map, (B, 1 or 2, H', W')."""
        layer = self.switch
        if few_channels.fails(pooled, layer.weight, stride, (0, 0)):
            return few_channels.convolution(pooled, layer.weight, layer.bias, stride)
        out: Tensor = layer(pooled)
        return out

    def rates(self) -> tuple[Pair, Pair]:
        """Dilations of the two branches."""
        near = (self.dilation[0], self.dilation[1])
        return near, (near[0] * self.rate, near[1] * self.rate)


def gates_of(switch: Tensor, kind: Switch) -> Tensor:
    """Gates (B, 2, H, W) of both branches, from the output of the switch (B, 1 or 2, H, W)."""
    if kind == "dual":
        return switch
    first = switch.sigmoid() if kind == "sigmoid" else switch
    return torch.cat([first, 1 - first], dim=1)


def global_mean(x: Tensor) -> Tensor:
    """Mean over the map, (B, C, 1, 1), padding included; summed in float32."""
    return x.mean((2, 3), keepdim=True, dtype=torch.float32 if x.dtype.itemsize < 4 else None).to(
        x.dtype
    )


def neighbourhood_mean(x: Tensor) -> Tensor:
    """Mean of the 5x5 cells around each cell of a map (B, C, H, W), reflected at its border.

    Raises:
        ModelError: M05 for a map under 3x3 cells, which cannot be reflected.
    """
    height, width = x.shape[-2:]
    if min(height, width) < 3:
        raise ModelError(
            "M05",
            f"switchable atrous convolution got a map of {height}x{width} cells and needs 3x3. "
            "Pad the image: at stride 32 this is 96 pixels a side.",
        )
    padded = F.pad(x, (2, 2, 2, 2), "reflect")
    if fast.applies(x) and not (torch.is_grad_enabled() and x.requires_grad):
        channels = x.shape[1]  # a convolution for each: three times as fast as pooling
        return F.conv2d(padded, x.new_full((channels, 1, 5, 5), 1 / 25), groups=channels)
    return F.avg_pool2d(padded, 5, stride=1)
