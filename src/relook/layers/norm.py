"""Normalisation layers of backbones."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from ..structures.rules.norms import NormRule

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


def norm_layers(rule: NormRule) -> Callable[[int], nn.Module] | None:
    """Factory of the layers of `rule`, channels -> normalisation; None without one."""
    match rule.kind:
        case "none":
            return None
        case "group":
            return partial(group_norm, number=rule.groups, eps=rule.eps)
        case "batch":
            return partial(nn.BatchNorm2d, eps=rule.eps)
        case "fixed_batch":
            return partial(FixedBatchNorm2d, eps=rule.eps)


def group_norm(channels: int, number: int | None = None, eps: float = 1e-5) -> nn.GroupNorm:
    """Group normalisation (https://arxiv.org/abs/1803.08494) with `number` groups, or at most 32.

    Without a number, narrow layers get fewer groups, so that each still has `GROUP_CHANNELS`
    channels to average.
    """
    if number is not None:
        return nn.GroupNorm(number, channels, eps)
    groups = max(1, min(32, channels // GROUP_CHANNELS))
    while channels % groups:
        groups -= 1
    return nn.GroupNorm(groups, channels, eps)
