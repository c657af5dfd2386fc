"""Semantic branch of HTC (https://arxiv.org/abs/1901.07518, section 3.3)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.initialise import he_init, he_init_incoming
from ...layers.module_list import ModuleList
from ...runtime.distributed import loss_divisor
from ...structures.detection import IGNORE, Pyramid, Target

Average = Literal["valid", "all"]
STRIDE = 8
_LEVEL = 1  # of the pyramid, the one with this stride
_NUM_LEVELS = 5


class SemanticHead(nn.Module):
    """Sums the pyramid at stride 8 and predicts a class per pixel.

    `loss_weight` is the factor of its loss, `average` over which pixels that is averaged, and
    `padding_label` the class of what lies beside an image; 255 is none.
    """

    def __init__(
        self,
        channels: int,
        num_classes: int,
        *,
        loss_weight: float = 0.2,
        average: Average = "valid",
        padding_label: int = IGNORE,
    ) -> None:
        super().__init__()
        self.loss_weight = loss_weight
        self.average: Average = average
        self.padding_label = padding_label
        self.laterals = ModuleList[nn.Conv2d](
            nn.Conv2d(channels, channels, 1) for _ in range(_NUM_LEVELS)
        )
        self.convs = ModuleList[nn.Conv2d](
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(4)
        )
        self.embed = nn.Conv2d(channels, channels, 1)
        self.logits = nn.Conv2d(channels, num_classes, 1)
        for layer in (*self.laterals, *self.convs, self.embed):
            he_init(layer)
        he_init_incoming(self.logits)

    def forward(self, pyramid: Pyramid) -> tuple[Tensor, Tensor]:
        """P2..P6 to class logits (B, K', H/8, W/8) and the `context`."""
        x = self._features(pyramid)
        return self.logits(x), self.embed(x).relu()

    def context(self, pyramid: Pyramid) -> Tensor:
        """The feature map (B, C, H/8, W/8) that a cascade is shown."""
        context: Tensor = self.embed(self._features(pyramid)).relu()
        return context

    def loss(self, logits: Tensor, targets: Sequence[Target]) -> Tensor:
        """The weighted loss of `logits` (B, K', H/8, W/8)."""
        loss = semantic_loss(logits, targets, self.average, self.padding_label)
        return self.loss_weight * loss

    def _features(self, pyramid: Pyramid) -> Tensor:
        size = pyramid[_LEVEL].shape[2:]
        x = self.laterals[_LEVEL](pyramid[_LEVEL]).relu()
        for i, (lateral, level) in enumerate(zip(self.laterals, pyramid, strict=True)):
            if i != _LEVEL:
                resized = F.interpolate(level, size=size, mode="bilinear", align_corners=True)
                x = x + lateral(resized).relu()
        for conv in self.convs:
            x = conv(x).relu()
        features: Tensor = x
        return features


def semantic_loss(
    logits: Tensor,
    targets: Sequence[Target],
    average: Average,
    padding_label: int = IGNORE,
    stride: int = STRIDE,
) -> Tensor:
    """Cross-entropy of `logits` (B, K', h, w) against the targets' maps, seen at `stride`.

    ``valid`` averages over labelled pixels, ``all`` divides by the ignored ones too. Targets
    without a map are ignored, and what lies outside of a map is of class `padding_label`; with
    nothing labelled the loss is zero.
    """
    height, width = logits.shape[2:]
    labels = logits.new_full((len(logits), height, width), IGNORE, dtype=torch.int64)
    for canvas, target in zip(labels, targets, strict=True):
        if target.semantic is not None:
            canvas.fill_(padding_label)
            seen = target.semantic[::stride, ::stride]
            canvas[: seen.shape[0], : seen.shape[1]] = seen
    total = F.cross_entropy(logits.float(), labels, ignore_index=IGNORE, reduction="sum")
    counted = labels.numel() if average == "all" else int((labels != IGNORE).sum())
    return total / loss_divisor(counted, logits)
