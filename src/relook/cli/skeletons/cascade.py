"""A cascade of your own: from proposals to losses and detections.

`relook.models.cascades.protocol.Cascade` says what a detector asks of a cascade, and
`relook.models.cascades.steps` has what cascades are made of.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from relook.models.cascades.steps import draw, pool, refine, select
from relook.models.heads.box import BoxHead, box_loss
from relook.ops.convention import V2
from relook.structures.detection import (
    Detections,
    ImageBatch,
    Losses,
    Pyramid,
    Rois,
    Target,
)
from relook.structures.rules.cascade import SampleRule, SelectRule, StageRule


class NewPart(nn.Module):
    """One stage, and boxes alone.

    Args:
        channels: Channels of the pyramid.
        num_classes: Classes K of objects, without background.
        hidden: Width of the box head. It is yours: give it as ``args: {hidden: 256}``.
    """

    convention, select, masks = V2, SelectRule(score_threshold=0.05), False

    def __init__(self, channels: int, num_classes: int, hidden: int = 128) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.head = BoxHead(channels, num_classes, hidden)
        self.rule = StageRule(iou=0.5, std=(0.1, 0.1, 0.2, 0.2), loss_weight=1.0)

    def loss(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        proposals: Rois,
        images: ImageBatch,
        targets: Sequence[Target],
    ) -> Losses:
        """Named losses; the training loss is their plain sum."""
        rule = SampleRule(64)
        matched = draw(
            proposals, targets, iou=self.rule.iou, num_classes=self.num_classes, sample=rule
        )
        logits, deltas = self.head(pool(pyramid, context, matched.rois, 7))
        return box_loss(logits, deltas, matched, self.rule.std)

    def score(
        self, pyramid: Pyramid, context: Tensor | None, proposals: Rois, images: ImageBatch
    ) -> tuple[Tensor, Tensor]:
        """Boxes (R, 4) in pixels of the network input, and scores (R, K) of the classes."""
        logits, deltas = self.head(pool(pyramid, context, proposals, 7))
        moved = refine(proposals, deltas, self.rule.std, images)
        return moved.boxes, logits.softmax(dim=1)[:, :-1]

    def detect(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        proposals: Rois,
        images: ImageBatch,
        rule: SelectRule,
    ) -> list[Detections]:
        """Detections of each image, best first."""
        boxes, scores = self.score(pyramid, context, proposals, images)
        of_images = zip(
            proposals.per_image(boxes, len(images)),
            proposals.per_image(scores, len(images)),
            images.scales,
            images.original_sizes,
            strict=True,
        )
        found = []
        for own_boxes, own_scores, scale, size in of_images:
            chosen = select(own_boxes, own_scores, scale, rule)
            found.append(Detections(chosen.boxes, chosen.scores, chosen.labels, None, size))
        return found

    def mask_probabilities(self, *_: object) -> Tensor:
        """Masks of detections; there are none here."""
        raise NotImplementedError("this cascade has no masks")
