"""Hybrid task cascade (https://arxiv.org/abs/1901.07518) and, with its switches off, Cascade
(Mask) R-CNN (https://arxiv.org/abs/1712.00726); with one stage, Faster and Mask R-CNN."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn

from ...errors import UsageError
from ...layers.module_list import ModuleList
from ...ops import boxes as box_ops
from ...ops.convention import V2, Convention
from ...runtime.memory import return_freed
from ...structures.detection import Detections, ImageBatch, Losses, Matched, Pyramid, Rois, Target
from ...structures.rules.cascade import HybridRule, SampleRule, SelectRule, StageRule
from ...structures.rules.pixels import FuseRule
from ..heads import box as box_head
from ..heads import mask as mask_head
from ..heads.box import BoxHead
from ..heads.mask import MaskHead, own_class
from .steps import (
    Learning,
    Pool,
    Selected,
    draw,
    pool,
    refine,
    refine_each_class,
    scores_by_stage,
    select,
    shared,
)


class HybridTaskCascade(nn.Module):
    """Stages of boxes and masks; each refines the boxes of the stage before.

    Args:
        box_heads: One per stage.
        mask_heads: One per stage, or none for a box-only cascade.
        rules: One per stage.
        num_classes: Foreground classes K.
        hybrid: Rule of the cooperation of boxes and masks.
        fuse: The heads that take the semantic context, where there is one.
        extract: Function that pools the features of a RoI; by default RoIAlign from the level that
            fits its area, plus the context.
        sample: Rule of the RoIs of the losses.
        learning: Functions that match and draw RoIs, and losses of boxes and masks.
        select: Rule of the boxes that become detections.
        convention: Numerics of boxes, crops and masks on the grid of pixels.
    """

    def __init__(
        self,
        box_heads: Sequence[BoxHead],
        mask_heads: Sequence[MaskHead],
        rules: Sequence[StageRule],
        num_classes: int,
        *,
        hybrid: HybridRule | None = None,
        fuse: FuseRule | None = None,
        extract: Pool | None = None,
        sample: SampleRule | None = None,
        learning: Learning | None = None,
        select: SelectRule | None = None,
        convention: Convention = V2,
    ) -> None:
        super().__init__()
        self.box_heads = ModuleList[BoxHead](box_heads)
        self.mask_heads = ModuleList[MaskHead](mask_heads)
        self.rules = tuple(rules)
        self.num_classes = num_classes
        self.hybrid, self.fuse = hybrid or HybridRule(), fuse or FuseRule()
        self.extract = extract
        self.sample, self.learning = sample or SampleRule(), learning or Learning()
        self.select = select or SelectRule()
        self.convention = convention

    @property
    def masks(self) -> bool:
        """Return whether detections have masks."""
        return len(self.mask_heads) > 0

    def loss(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        proposals: Rois,
        images: ImageBatch,
        targets: Sequence[Target],
    ) -> Losses:
        """Losses of all stages, named ``stage0.class``, ``stage0.box``, ``stage0.mask``, ...

        Raises:
            UsageError: U04 for a convention that can only predict.
        """
        if not self.convention.trainable:
            raise UsageError(
                "U04", "numerics v1 can only predict; build the detector with v2 to train it."
            )
        losses: Losses = {}
        rois = proposals
        for i, rule in enumerate(self.rules):
            matched = self._draw(rois, targets, rule)
            logits, deltas = self._box(i, pyramid, context, matched.rois)
            deltas = box_head.own_deltas(deltas, matched.labels)
            stage = self.learning.box_loss(logits, deltas, matched, rule.std)

            # The objects' own boxes are RoIs of this stage only, and are not refined.
            lent = matched.is_gt
            rois = refine(
                matched.rois[~lent], deltas[~lent].detach(), rule.std, images, self.convention
            )
            if self.masks:
                if self.hybrid.interleaved:
                    matched = self._draw(rois, targets, rule)
                positives = matched[matched.is_positive.nonzero().flatten()]
                masks = self._masks(i, pyramid, context, positives.rois)
                stage["mask"] = self.learning.mask_loss(masks, positives, targets)

            losses |= {f"stage{i}.{name}": rule.loss_weight * x for name, x in stage.items()}
        return losses

    def detect(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        proposals: Rois,
        images: ImageBatch,
        rule: SelectRule,
    ) -> list[Detections]:
        """Detections of each image, best first.

        Class logits are averaged over the stages, boxes are those of the last stage, and mask
        probabilities are averaged over the mask heads on these boxes.
        """
        boxes, scores, logits = self._scored(pyramid, context, proposals, images)
        number = len(images)
        chosen = [
            select(own_boxes, own_scores, scale, rule, self.convention)
            for own_boxes, own_scores, scale in zip(
                proposals.per_image(boxes, number),
                proposals.per_image(scores, number),
                images.scales,
                strict=True,
            )
        ]
        by_image = zip(*(proposals.per_image(x, number) for x in logits), strict=True)
        stages = [scores_by_stage(*pair) for pair in zip(chosen, by_image, strict=True)]
        masks = self._detect_masks(pyramid, context, chosen, images)
        return [
            Detections(
                c.boxes,
                c.scores,
                c.labels,
                own_masks,
                size,
                self.convention.paste,
                stage_scores=own_stages,
            )
            for c, own_masks, size, own_stages in zip(
                chosen, masks, images.original_sizes, stages, strict=True
            )
        ]

    def score(
        self, pyramid: Pyramid, context: Tensor | None, proposals: Rois, images: ImageBatch
    ) -> tuple[Tensor, Tensor]:
        """Boxes (R, 4) after all stages, and scores (R, K) of the classes.

        Boxes are (R, K, 4) where the one stage has a box of each class.
        """
        boxes, scores, _ = self._scored(pyramid, context, proposals, images)
        return boxes, scores

    def _scored(
        self, pyramid: Pyramid, context: Tensor | None, proposals: Rois, images: ImageBatch
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """As `score`, and the logits (R, K + 1) of each stage."""
        rois, all_logits = proposals, []
        boxes = rois.boxes
        for i, rule in enumerate(self.rules):
            logits, deltas = self._box(i, pyramid, context, rois)
            all_logits.append(logits)
            if deltas.shape[1] != box_head.BOX:
                boxes = refine_each_class(rois, deltas, rule.std, images, self.convention)
            else:
                rois = refine(rois, deltas, rule.std, images, self.convention)
                boxes = rois.boxes
        # Summed and divided, in this order, as the reference does.
        scores = (sum(all_logits[1:], all_logits[0]) / len(all_logits)).softmax(dim=-1)
        return boxes, scores[:, : self.num_classes], all_logits

    def first(self, stages: int) -> Self:
        """The first `stages`, for predicting: same heads, same tensors.

        Raises:
            UsageError: U03 when there are fewer stages.
        """
        return shared(
            self,
            stages=stages,
            of=len(self.rules),
            rules=self.rules[:stages],
            box_heads=ModuleList[BoxHead](self.box_heads[:stages]),
            mask_heads=ModuleList[MaskHead](self.mask_heads[:stages]),
        )

    def _detect_masks(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        chosen: Sequence[Selected],
        images: ImageBatch,
    ) -> Sequence[Tensor | None]:
        """Probabilities (N, M, M) of each image's detections, None for a box-only cascade."""
        if not self.masks:
            return [None] * len(chosen)
        pixel = self.convention.pixel
        rois = Rois.cat(
            [box_ops.scale(c.boxes, by, pixel) for c, by in zip(chosen, images.scales, strict=True)]
        )
        labels = torch.cat([c.labels for c in chosen])
        probabilities = self.mask_probabilities(pyramid, context, rois, labels, images)
        return rois.per_image(probabilities, len(images))

    def mask_probabilities(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        rois: Rois,
        labels: Tensor,
        images: ImageBatch,
    ) -> Tensor:
        """Probabilities (R, M, M) of each RoI's mask, for the class in `labels` (R,)."""
        pooled = self._pool(
            pyramid, context if self.fuse.masks else None, rois, mask_head.POOL_SIDE
        )
        return_freed()  # by the boxes
        carried, maps = None, []
        for head in self.mask_heads:
            features = head.features(pooled, carried)
            carried = features if self.hybrid.mask_flow else None
            maps.append(own_class(head.predict(features), labels).sigmoid())
        if self.hybrid.mask_average == "last":
            return maps[-1]
        return sum(maps[1:], maps[0]) / len(maps)

    def _box(
        self, i: int, pyramid: Pyramid, context: Tensor | None, rois: Rois
    ) -> tuple[Tensor, Tensor]:
        """Class logits (R, K + 1) and deltas (R, 4) of box head `i`."""
        pooled = self._pool(pyramid, context if self.fuse.boxes else None, rois, box_head.POOL_SIDE)
        logits, deltas = self.box_heads[i](pooled)
        return logits, deltas

    def _masks(self, i: int, pyramid: Pyramid, context: Tensor | None, rois: Rois) -> Tensor:
        """Logits (R, K, M, M) of mask head `i`, fed by the features of heads 0 to i - 1."""
        pooled = self._pool(
            pyramid, context if self.fuse.masks else None, rois, mask_head.POOL_SIDE
        )
        carried = None
        for head in self.mask_heads[:i] if self.hybrid.mask_flow else ():
            carried = head.features(pooled, carried)
        head = self.mask_heads[i]
        return head.predict(head.features(pooled, carried))

    def _pool(self, pyramid: Pyramid, context: Tensor | None, rois: Rois, side: int) -> Tensor:
        if self.extract is not None:
            return self.extract(pyramid, context, rois, side)
        convention = self.convention
        return pool(pyramid, context, rois, side, convention.align, convention.level)

    def _draw(self, rois: Rois, targets: Sequence[Target], rule: StageRule) -> Matched:
        k, sample = self.num_classes, self.sample
        return draw(rois, targets, iou=rule.iou, num_classes=k, sample=sample, by=self.learning)
