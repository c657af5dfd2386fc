"""Deformable convolution, first version (https://arxiv.org/abs/1703.06211)."""

from __future__ import annotations

from torch import Tensor, nn

from ..ops.deformable import deformable_convolution
from .initialise import constant_init


class DeformableConv2d(nn.Conv2d):
    """3x3 convolution that samples its input at learned offsets from the regular grid.

    The offsets start at zero, where the layer equals the plain convolution of the same weight.
    """

    def __init__(self, channels: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(channels, channels, 3, stride, padding=1, groups=groups, bias=False)
        self.offset = nn.Conv2d(channels, 18, 3, stride, padding=1)
        constant_init(self.offset)

    def forward(self, input: Tensor) -> Tensor:
        """Convolved map (B, C, H', W')."""
        stride = (self.stride[0], self.stride[1])
        return deformable_convolution(
            input, self.offset(input), self.weight.to(input.dtype), stride
        )
