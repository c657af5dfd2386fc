"""The semantic head of Panoptic FPN (https://arxiv.org/abs/1901.02446, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.conv_norm import ConvNorm
from ...layers.initialise import he_init_incoming
from ...layers.module_list import ModuleList
from ...structures.detection import IGNORE, Pyramid, Target
from .semantic import Average, semantic_loss

STRIDE = 4
LEVELS = 4  # P2 to P5


class StuffHead(nn.Module):
    """Brings P2..P5 to stride 4, sums them, and predicts a class per pixel.

    Of its `num_classes` the last is every thing, whatever its class; the others are stuff. The
    `hidden` channels are normalised in `groups`. `loss_weight` is the factor of the loss,
    `average` over which pixels it is averaged.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        num_classes: int,
        *,
        groups: int = 32,
        loss_weight: float = 0.5,
        average: Average = "valid",
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.average: Average = average
        norm = partial(nn.GroupNorm, groups)
        self.branches = ModuleList[ModuleList[ConvNorm]](
            ModuleList[ConvNorm](
                ConvNorm(hidden if i else channels, hidden, 3, norm) for i in range(max(1, level))
            )
            for level in range(LEVELS)
        )
        self.logits = nn.Conv2d(hidden, num_classes, 1)
        he_init_incoming(self.logits)

    def forward(self, pyramid: Pyramid) -> Tensor:
        """P2..P6 to class logits (B, S + 1, H/4, W/4); P6 is not looked at."""
        total: Tensor | None = None
        for level, units in enumerate(self.branches):
            x = pyramid[level]
            for unit in units:
                x = unit(x).relu()
                if level:
                    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            total = x if total is None else total + x
        logits: Tensor = self.logits(total)
        return logits

    def loss(self, logits: Tensor, targets: Sequence[Target]) -> Tensor:
        """The weighted loss of `logits` (B, S + 1, H/4, W/4)."""
        loss = semantic_loss(logits, targets, self.average, IGNORE, STRIDE)
        return self.loss_weight * loss
