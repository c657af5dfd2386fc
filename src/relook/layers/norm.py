"""Normalisation layers of backbones."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

GROUP_CHANNELS = 16  # channels a group, where the width allows


class FixedBatchNorm2d(nn.BatchNorm2d):
    """Batch normalisation that always uses the stored statistics, in training too.

    Detectors are trained on few images at a time, so the recipes keep ImageNet's statistics;
    scale and shift are still learned. ``module.train()`` does not change this.
    """

    def forward(self, input: Tensor) -> Tensor:
        """Normalised input, same shape (B, C, H, W)."""
        return F.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
        )


def group_norm(channels: int) -> nn.GroupNorm:
    """Group normalisation (https://arxiv.org/abs/1803.08494) with at most 32 groups.

    Narrow layers get fewer groups, so that each still has `GROUP_CHANNELS` channels to average.
    """
    groups = max(1, min(32, channels // GROUP_CHANNELS))
    while channels % groups:
        groups -= 1
    return nn.GroupNorm(groups, channels)
