"""Deformable convolution (DCN v1) that trains quickly on a CPU.

torchvision's operator is right everywhere, but its CPU backward pass runs on one core, pixel by
pixel; in a small detector it takes more time than everything else together. Sampling by
`grid_sample`, which is vectorised, and one matrix product give the same numbers up to rounding,
several times as fast.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision.ops import deform_conv2d

Pair = tuple[int, int]


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

    `weight` is (C_out, C / groups, k, k). On a CPU, in float32 or better and when gradients are
    wanted, by `grid_sample`; else by torchvision.
    """
    trains = torch.is_grad_enabled() and (x.requires_grad or weight.requires_grad)
    if x.device.type == "cpu" and trains and x.dtype.itemsize >= 4 and x.numel():
        return sampled_convolution(x, offset, weight, stride, padding, dilation)
    convolved: Tensor = deform_conv2d(x, offset, weight, None, stride, padding, dilation)
    return convolved


def sampled_convolution(
    x: Tensor, offset: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair
) -> Tensor:
    """The same by `grid_sample`; arguments as in `deformable_convolution`."""
    batch, channels, height, width = x.shape
    out_channels, per_group, rows, columns = weight.shape
    taps, groups = rows * columns, channels // per_group
    out_h, out_w = offset.shape[-2:]
    tap = torch.arange(taps, device=x.device)
    tap_y = (tap // columns * dilation[0]).view(1, taps, 1, 1)
    tap_x = (tap % columns * dilation[1]).view(1, taps, 1, 1)
    grid_y = torch.arange(out_h, device=x.device).view(1, 1, out_h, 1) * stride[0] - padding[0]
    grid_x = torch.arange(out_w, device=x.device).view(1, 1, 1, out_w) * stride[1] - padding[1]
    shift_y, shift_x = offset.view(batch, taps, 2, out_h, out_w).unbind(dim=2)
    # grid_sample counts from -1 to 1 between the outer edges of the outer pixels.
    across = (2 * (shift_x + (grid_x + tap_x)) + 1) / width - 1
    down = (2 * (shift_y + (grid_y + tap_y)) + 1) / height - 1
    grid = torch.stack([across, down], dim=-1).view(batch, taps * out_h, out_w, 2)
    sampled = F.grid_sample(x, grid, padding_mode="zeros", align_corners=False)
    patches = sampled.view(batch, groups, per_group * taps, out_h * out_w)
    kernel = weight.view(groups, out_channels // groups, per_group * taps)
    return (kernel @ patches).view(batch, out_channels, out_h, out_w)
