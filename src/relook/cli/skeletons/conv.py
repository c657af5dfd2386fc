"""A convolution of your own, in the place of the 3x3 convolutions of the bottlenecks."""

from __future__ import annotations

from torch import Tensor, nn


class NewPart(nn.Module):
    """A depthwise convolution, then one that mixes the channels.

    Args:
        channels: Channels in and out.
        stride: 1, or 2 in the first block of a stage.
        groups: Groups of the network (ResNeXt has several).
        kernel: Side of the convolution. It is yours: give it as ``args: {kernel: 5}``.
    """

    def __init__(self, channels: int, stride: int, groups: int, kernel: int = 3) -> None:
        super().__init__()
        self.spread = nn.Conv2d(
            channels, channels, kernel, stride, kernel // 2, groups=channels, bias=False
        )
        self.mix = nn.Conv2d(channels, channels, 1, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) to (B, C, H / stride, W / stride); the norm comes after it."""
        mixed: Tensor = self.mix(self.spread(x))
        return mixed
