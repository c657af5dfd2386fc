"""A neck of your own: from the four maps of the backbone to the five of the pyramid."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import nn

from relook.structures.detection import Pyramid


class NewPart(nn.Module):
    """Each map goes through a convolution; the coarser one is added, as in FPN.

    Args:
        in_channels: Channels of the four maps, of strides 4, 8, 16 and 32.
        channels: Channels of the pyramid.
        kernel: Side of the last convolutions. It is yours: give it as ``args: {kernel: 5}``.
    """

    def __init__(self, in_channels: Sequence[int], channels: int, kernel: int = 3) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(c, channels, 1) for c in in_channels)
        self.outputs = nn.ModuleList(
            nn.Conv2d(channels, channels, kernel, padding=kernel // 2) for _ in in_channels
        )

    def forward(self, maps: Pyramid) -> Pyramid:
        """C2..C5, each (B, C, H, W), to P2..P6 of `channels`; P6 is half as large as P5."""
        levels = [lateral(x) for lateral, x in zip(self.laterals, maps, strict=True)]
        for i in range(len(levels) - 1, 0, -1):
            levels[i - 1] = levels[i - 1] + F.interpolate(levels[i], size=levels[i - 1].shape[2:])
        pyramid = [output(level) for output, level in zip(self.outputs, levels, strict=True)]
        return [*pyramid, F.max_pool2d(pyramid[-1], 1, stride=2)]
