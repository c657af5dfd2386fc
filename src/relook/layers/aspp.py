"""Atrous spatial pyramid pooling, the connector of RFP (DetectoRS, section 3.2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .initialise import he_init


class ASPP(nn.Module):
    """Four branches with a quarter of the channels each: 1x1, dilated by 3 and by 6, global."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        quarter = channels // 4
        self.local = nn.Conv2d(channels, quarter, 1)
        self.near = nn.Conv2d(channels, quarter, 3, padding=3, dilation=3)
        self.far = nn.Conv2d(channels, quarter, 3, padding=6, dilation=6)
        self.whole = nn.Conv2d(channels, quarter, 1)
        for layer in (self.local, self.near, self.far, self.whole):
            he_init(layer)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to a map of the same shape, without negative values."""
        whole = self.whole(x.mean((2, 3), keepdim=True)).expand(-1, -1, *x.shape[2:])
        return torch.cat([self.local(x), self.near(x), self.far(x), whole], dim=1).relu()
