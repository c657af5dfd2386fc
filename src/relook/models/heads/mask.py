"""Mask head: a 28x28 mask per RoI and class, and its loss (Mask R-CNN, arXiv 1703.06870)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.conv_norm import ConvNorm, at_side, conv_layer, kernel_of
from ...layers.initialise import he_init, he_init_incoming
from ...layers.module_list import ModuleList
from ...layers.norm import norm_layers
from ...layers.rectified import Doubling, Rectifying, rectified
from ...ops.masks import mask_targets
from ...runtime.distributed import loss_divisor
from ...structures.detection import Matched, Target
from ...structures.rules.norms import NO_NORM, NormRule

POOL_SIDE = 14


class MaskHead(nn.Module):
    """Four convolutions, one upsampling, one logit map per class.

    `features` and `predict` are separate, so that a cascade can use features without computing
    the logits. `carry` projects the features of the stage before; `norm` is that after each
    convolution.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        num_classes: int,
        carry: nn.Module | None = None,
        norm: NormRule = NO_NORM,
    ) -> None:
        super().__init__()
        self.carry = carry
        layers = norm_layers(norm)
        self.convs = ModuleList[nn.Conv2d | ConvNorm](
            conv_layer(channels if i == 0 else hidden, hidden, 3, layers) for i in range(4)
        )
        self.upsample = nn.ConvTranspose2d(hidden, hidden, 2, stride=2)
        self.logits = nn.Conv2d(hidden, num_classes, 1)
        for conv in self.convs:
            he_init(kernel_of(conv))
        he_init(self.upsample)
        he_init_incoming(self.logits)

    def features(self, pooled: Tensor, carried: Tensor | None = None) -> Tensor:
        """Pooled features (R, C, S, S), plus those of the previous stage, to (R, hidden, S, S).

        The previous features may have another side than S.
        """
        x = pooled
        if self.carry is not None and carried is not None:
            x = x + at_side(rectified(self.carry, carried), x.shape[-1])
        for conv in self.convs:
            x = rectified(conv, x)
        return x

    def predict(self, features: Tensor) -> Tensor:
        """Features (R, hidden, S, S) to mask logits (R, K, 2S, 2S), float32."""
        upsample, last = self.upsample, self.logits
        if isinstance(upsample, Doubling) and isinstance(last, Rectifying) and last.is_pointwise:
            return upsample.rectified_then(features, last).float()
        logits: Tensor = last(rectified(upsample, features))
        return logits.float()


def carry_conv(hidden: int, channels: int) -> nn.Conv2d:
    """Projection of mask features (R, hidden, S, S) for the next stage's head, as in HTC."""
    conv = nn.Conv2d(hidden, channels, 1)
    he_init(conv)
    return conv


def own_class(logits: Tensor, labels: Tensor) -> Tensor:
    """The map (R, M, M) of each row's own class out of `logits` (R, K, M, M)."""
    return logits[torch.arange(logits.shape[0], device=logits.device), labels]


def mask_loss(logits: Tensor, positives: Matched, targets: Sequence[Target]) -> Tensor:
    """Binary cross-entropy of each positive's own class against its object, cropped to the RoI.

    `logits` (P, K, M, M) belong to the rows of `positives`, all of which are positive. The mean
    is over all cells of the batch; without rows it is zero.

    Raises:
        ValueError: a target has no masks.
    """
    side = logits.shape[-1]
    cells = loss_divisor(len(positives.rois) * side**2, logits)
    if len(positives.rois) == 0:
        return logits.sum() * 0
    per_image = positives.rois.per_image
    goals = []
    for target, boxes, index in zip(
        targets,
        per_image(positives.rois.boxes, len(targets)),
        per_image(positives.gt_index, len(targets)),
        strict=True,
    ):
        if target.masks is None:
            raise ValueError("a mask loss needs targets with masks; these have boxes only")
        if len(boxes):
            goals.append(mask_targets(target.masks, boxes, index, side))
    class_logits = own_class(logits, positives.labels)
    goal = torch.cat(goals).to(class_logits)
    return F.binary_cross_entropy_with_logits(class_logits, goal, reduction="sum") / cells
