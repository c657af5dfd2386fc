"""Readings of the papers that relook does not have, as a user's own parts."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from relook.models.pyramids.fpn import FPN
from relook.structures.detection import Pyramid


class ResidualFusion(nn.Module):
    """The pyramid of a look is added to that before: the "residual connection" of an overview.

    Give it as ``parts.fusion``; it is made for maps of so many `channels`, and has no weights.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.channels = channels

    def blend(self, new: Tensor, old: Tensor) -> Tensor:
        """Their sum, (B, C, H, W) like both."""
        return new + old


class NeckPerLook(nn.Module):
    """An FPN of its own for each of so many `looks`, as the index t of the equations has it.

    Give it as ``parts.neck``. Looks are told apart by counting calls, so that a model of it is for
    one thread, and a forward pass that was cut short puts the count out of step.
    """

    def __init__(self, in_channels: Sequence[int], channels: int, looks: int) -> None:
        super().__init__()
        self.necks = nn.ModuleList(FPN(in_channels, channels) for _ in range(looks))
        self.turn = 0

    def forward(self, maps: Pyramid) -> Pyramid:
        """C2..C5 to P2..P6."""
        neck = self.necks[self.turn]
        self.turn = (self.turn + 1) % len(self.necks)
        pyramid: Pyramid = neck(maps)
        return pyramid
