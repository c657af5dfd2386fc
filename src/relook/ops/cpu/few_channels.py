"""Convolution of maps with few channels on a CPU, whose gradients end the process in PyTorch.

oneDNN's gradient of the kernel of a 1x1 convolution with a stride writes beyond its memory where
the map is channels-last and has fewer than 16 channels: seen with PyTorch 2.15 at strides of 2 and
maps of 100 x 100 pixels and more, where the process ended with a segmentation fault. Such a
convolution sees every second pixel only, so that these are taken first, and the stride is then 1.
"""

from __future__ import annotations

from typing import Final

import torch
import torch.nn.functional as F
from torch import Tensor

Sides = tuple[int, ...]  # of two axes

_ENOUGH: Final = 16  # channels of a group from which oneDNN was not seen to fail


def fails(x: Tensor, weight: Tensor, stride: Sides, padding: Sides | str) -> bool:
    """Return whether PyTorch may fail in the gradients of this convolution."""
    return (
        stride != (1, 1)
        and padding == (0, 0)
        and tuple(weight.shape[2:]) == (1, 1)
        and weight.shape[1] < _ENOUGH
        and x.device.type == "cpu"
        and torch.is_grad_enabled()
        and weight.requires_grad
    )


def convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    stride: Sides,
    padding: Sides | str = (0, 0),
    dilation: Sides = (1, 1),
    groups: int = 1,
) -> Tensor:
    """`F.conv2d`, with gradients that do not end the process."""
    if fails(x, weight, stride, padding):
        x, stride = x[:, :, :: stride[0], :: stride[1]], (1, 1)
    return F.conv2d(x, weight, bias, stride, padding, dilation, groups)
