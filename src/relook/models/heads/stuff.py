"""The semantic head of Panoptic FPN (https://arxiv.org/abs/1901.02446, section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.conv_norm import ConvNorm
from ...layers.initialise import he_init_incoming
from ...layers.module_list import ModuleList
from ...layers.rectified import rectified
from ...structures.detection import IGNORE, Pyramid, Target
from ...structures.rules.pixels import StuffRule
from .semantic import semantic_loss

STRIDE = 4
LEVELS = 4  # P2 to P5


class StuffHead(nn.Module):
    """Head that resizes P2..P5 to stride 4, sums them, and predicts a class per pixel.

    Of the classes of its `rule` the last one is for all things; the others are stuff.
    """

    def __init__(self, channels: int, rule: StuffRule) -> None:
        super().__init__()
        self.rule, hidden = rule, rule.channels
        norm = partial(nn.GroupNorm, rule.groups)
        self.branches = ModuleList[ModuleList[ConvNorm]](
            ModuleList[ConvNorm](
                ConvNorm(hidden if i else channels, hidden, 3, norm) for i in range(max(1, level))
            )
            for level in range(LEVELS)
        )
        self.logits = nn.Conv2d(hidden, rule.num_classes, 1)
        he_init_incoming(self.logits)

    def forward(self, pyramid: Pyramid) -> Tensor:
        """P2..P6 to class logits (B, S + 1, H/4, W/4); P6 is not used."""
        total: Tensor | None = None
        for level, units in enumerate(self.branches):
            x = pyramid[level]
            for unit in units:
                x = rectified(unit, x)
                if level:
                    x = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
            total = x if total is None else total + x
        logits: Tensor = self.logits(total)
        return logits

    def loss(self, logits: Tensor, targets: Sequence[Target]) -> Tensor:
        """The weighted loss of `logits` (B, S + 1, H/4, W/4)."""
        rule = self.rule
        return rule.loss_weight * semantic_loss(logits, targets, rule.average, IGNORE, STRIDE)
