"""Semantic branch of HTC (https://arxiv.org/abs/1901.07518, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.initialise import he_init, he_init_incoming
from ...layers.module_list import ModuleList
from ...layers.rectified import rectified
from ...runtime.distributed import loss_divisor
from ...structures.detection import IGNORE, Pyramid, Target
from ...structures.rules.pixels import Average, SemanticRule

STRIDE = 8
_LEVEL = 1  # of the pyramid, the one with this stride
_NUM_LEVELS = 5


class SemanticHead(nn.Module):
    """Head that sums the pyramid at stride 8 and predicts a class per pixel, by its `rule`."""

    def __init__(self, channels: int, rule: SemanticRule) -> None:
        super().__init__()
        self.rule = rule
        self.laterals = ModuleList[nn.Conv2d](
            nn.Conv2d(channels, channels, 1) for _ in range(_NUM_LEVELS)
        )
        self.convs = ModuleList[nn.Conv2d](
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(4)
        )
        self.embed = nn.Conv2d(channels, channels, 1)
        self.logits = nn.Conv2d(channels, rule.num_classes, 1)
        for layer in (*self.laterals, *self.convs, self.embed):
            he_init(layer)
        he_init_incoming(self.logits)

    def forward(self, pyramid: Pyramid) -> tuple[Tensor, Tensor]:
        """P2..P6 to class logits (B, K', H/8, W/8) and the `context`."""
        x = self._features(pyramid)
        return self.logits(x), rectified(self.embed, x)

    def context(self, pyramid: Pyramid) -> Tensor:
        """The feature map (B, C, H/8, W/8) for a cascade."""
        return rectified(self.embed, self._features(pyramid))

    def loss(self, logits: Tensor, targets: Sequence[Target]) -> Tensor:
        """The weighted loss of `logits` (B, K', H/8, W/8)."""
        rule = self.rule
        return rule.loss_weight * semantic_loss(logits, targets, rule.average, rule.padding_label)

    def _features(self, pyramid: Pyramid) -> Tensor:
        size = pyramid[_LEVEL].shape[2:]
        x = rectified(self.laterals[_LEVEL], pyramid[_LEVEL])
        for i, (lateral, level) in enumerate(zip(self.laterals, pyramid, strict=True)):
            if i != _LEVEL:
                resized = F.interpolate(level, size=size, mode="bilinear", align_corners=True)
                x = x + rectified(lateral, resized)
        for conv in self.convs:
            x = rectified(conv, x)
        features: Tensor = x
        return features


def semantic_loss(
    logits: Tensor,
    targets: Sequence[Target],
    average: Average,
    padding_label: int = IGNORE,
    stride: int = STRIDE,
) -> Tensor:
    """Cross-entropy of `logits` (B, K', h, w) against the targets' maps, sampled at `stride`.

    ``valid`` averages over labelled pixels, ``all`` divides by the ignored ones too. Targets
    without a map are ignored, and pixels outside of a map are of class `padding_label`; without
    labelled pixels the loss is zero.
    """
    height, width = logits.shape[2:]
    labels = logits.new_full((len(logits), height, width), IGNORE, dtype=torch.int64)
    for canvas, target in zip(labels, targets, strict=True):
        if target.semantic is not None:
            canvas.fill_(padding_label)
            sampled = target.semantic[::stride, ::stride]
            canvas[: sampled.shape[0], : sampled.shape[1]] = sampled
    total = F.cross_entropy(logits.float(), labels, ignore_index=IGNORE, reduction="sum")
    counted = labels.numel() if average == "all" else int((labels != IGNORE).sum())
    return total / loss_divisor(counted, logits)
