"""Box head: class and box refinement of a RoI, and its losses (Cascade R-CNN, arXiv 1712.00726)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.conv_norm import ConvNorm, at_side, conv_layer, kernel_of
from ...layers.initialise import he_init, normal_init, xavier_init
from ...layers.linear import Linear, MapLinear
from ...layers.module_list import ModuleList
from ...layers.norm import norm_layers
from ...layers.rectified import rectified
from ...ops import boxes as box_ops
from ...runtime.distributed import loss_divisor
from ...structures.detection import Losses, Matched
from ...structures.rules.cascade import Deviations
from ...structures.rules.heads import BoxHeadRule

POOL_SIDE = 7
BOX = 4  # numbers of a box
DEFAULT = BoxHeadRule()


class BoxHead(nn.Module):
    """Convolutions and hidden layers, then class logits and box refinements of a RoI.

    `fuse` projects features of a mask head, if the box head takes any. By default `rule` has two
    hidden layers, no convolutions, and one box for all classes.
    """

    def __init__(
        self,
        channels: int,
        num_classes: int,
        hidden: int,
        fuse: nn.Module | None = None,
        rule: BoxHeadRule = DEFAULT,
    ) -> None:
        super().__init__()
        self.fuse = fuse
        norm = norm_layers(rule.norm)
        self.convs = ModuleList[nn.Conv2d | ConvNorm](
            conv_layer(channels, channels, 3, norm) for _ in range(rule.convs)
        )
        self.fc1 = MapLinear(channels, POOL_SIDE, hidden)
        self.fc2 = Linear(hidden, hidden) if rule.hidden_layers > 1 else None
        self.classify = nn.Linear(hidden, num_classes + 1)
        self.regress = nn.Linear(hidden, BOX * (num_classes if rule.boxes == "each_class" else 1))
        for conv in self.convs:
            he_init(kernel_of(conv))
        xavier_init(self.fc1)
        if self.fc2 is not None:
            xavier_init(self.fc2)
        normal_init(self.classify, 0.01)
        normal_init(self.regress, 0.001)

    def forward(self, pooled: Tensor, shown: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Pooled features (R, C, 7, 7) to class logits (R, K + 1) and deltas, float32.

        Deltas are (R, 4), or (R, 4 K) for a box of each class.

        `shown` (R, hidden, S, S) are a mask head's features of the same RoIs, added by `fuse`.
        """
        if self.fuse is not None and shown is not None:
            pooled = pooled + at_side(rectified(self.fuse, shown), POOL_SIDE)
        for conv in self.convs:
            pooled = rectified(conv, pooled)
        x = rectified(self.fc1, pooled)
        if self.fc2 is not None:
            x = rectified(self.fc2, x)
        return self.classify(x).float(), self.regress(x).float()


def own_deltas(deltas: Tensor, labels: Tensor) -> Tensor:
    """Deltas (R, 4) of each row's own class in `labels` (R,), of `deltas` (R, 4) or (R, 4 K).

    Rows of the background get those of the last class, which have no meaning.
    """
    if deltas.shape[1] == BOX:
        return deltas
    per_class = deltas.view(len(deltas), -1, BOX)
    rows = torch.arange(len(deltas), device=deltas.device)
    return per_class[rows, labels.clamp(max=per_class.shape[1] - 1)]


def box_loss(
    logits: Tensor, deltas: Tensor, matched: Matched, std: Deviations, beta: float = 1.0
) -> Losses:
    """``class``: cross-entropy; ``box``: smooth L1 of the positive rows. Both sums over R RoIs.

    `deltas` (R, 4) are of each row's own class. From an error of `beta` on, the loss is a line.
    Both are divided by the number of RoIs, positive or not. Without RoIs both are zero.
    """
    rows = loss_divisor(len(matched.rois), logits)
    positive = matched.is_positive
    goal = box_ops.encode(matched.rois.boxes[positive], matched.gt_boxes[positive], std)
    return {
        "class": F.cross_entropy(logits, matched.labels, reduction="sum") / rows,
        "box": F.smooth_l1_loss(deltas[positive], goal, reduction="sum", beta=beta) / rows,
    }
