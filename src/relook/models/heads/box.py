"""Box head: class and box refinement of a RoI, and its losses (Cascade R-CNN, arXiv 1712.00726)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.conv_norm import at_side
from ...layers.initialise import normal_init, xavier_init
from ...layers.linear import Linear
from ...ops import boxes as box_ops
from ...runtime.distributed import loss_divisor
from ...structures.detection import Losses, Matched
from ...structures.rules.cascade import Deviations

POOL_SIDE = 7


class BoxHead(nn.Module):
    """Two hidden layers, then class logits and one class-agnostic box refinement per RoI.

    `fuse` projects features of a mask head, if the box head takes any.
    """

    def __init__(
        self, channels: int, num_classes: int, hidden: int, fuse: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.fuse = fuse
        self.fc1 = Linear(channels * POOL_SIDE**2, hidden)
        self.fc2 = Linear(hidden, hidden)
        self.classify = nn.Linear(hidden, num_classes + 1)
        self.regress = nn.Linear(hidden, 4)
        xavier_init(self.fc1)
        xavier_init(self.fc2)
        normal_init(self.classify, 0.01)
        normal_init(self.regress, 0.001)

    def forward(self, pooled: Tensor, shown: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Pooled features (R, C, 7, 7) to class logits (R, K + 1) and deltas (R, 4), float32.

        `shown` (R, hidden, S, S) are a mask head's features of the same RoIs, added by `fuse`.
        """
        if self.fuse is not None and shown is not None:
            pooled = pooled + at_side(self.fuse(shown).relu(), POOL_SIDE)
        x = self.fc2(self.fc1(pooled.flatten(1)).relu()).relu()
        return self.classify(x).float(), self.regress(x).float()


def box_loss(logits: Tensor, deltas: Tensor, matched: Matched, std: Deviations) -> Losses:
    """``class``: cross-entropy; ``box``: smooth L1 of the positive rows. Both sums over R RoIs.

    Both are divided by the number of RoIs, positive or not. Without RoIs both are zero.
    """
    rows = loss_divisor(len(matched.rois), logits)
    positive = matched.is_positive
    goal = box_ops.encode(matched.rois.boxes[positive], matched.gt_boxes[positive], std)
    return {
        "class": F.cross_entropy(logits, matched.labels, reduction="sum") / rows,
        "box": F.smooth_l1_loss(deltas[positive], goal, reduction="sum") / rows,
    }
