"""Deeply Shape-guided Cascade (DSC, https://arxiv.org/abs/1911.11263).

In every iteration a class-agnostic mask of each RoI is predicted first and guides the box head:
box features are weighted by it (explicit guidance), and the mask head's features are added to them
(implicit guidance). The mask head of the next iteration takes these features too.

The order of rows never changes: row r is the same RoI from the proposals to its final mask,
because features go from iteration to iteration by row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Self

import torch
from torch import Tensor, nn

from ...layers.module_list import ModuleList
from ...ops import boxes as box_ops
from ...ops.convention import V2
from ...ops.frames import cut, enlarge
from ...ops.guided_roi_align import pool_guided
from ...ops.roi_align import pool_pyramid
from ...structures.detection import Detections, ImageBatch, Losses, Matched, Pyramid, Rois, Target
from ...structures.rules.cascade import SampleRule, SelectRule
from ...structures.rules.guidance import GuidanceRule, IterationRule, RowRule
from ...structures.rules.pixels import FuseRule
from ..heads import box as box_head
from ..heads import mask as mask_head
from ..heads.box import BoxHead
from ..heads.mask import MaskHead, own_class
from .guidance import GuidanceState, frames_of, mask_features_of
from .steps import (
    STRIDES,
    Learning,
    draw,
    match_all,
    pool,
    pool_context,
    refine,
    scores_by_stage,
    select,
    shared,
)


class ShapeGuidedCascade(nn.Module):
    """Iterations of mask, box and refinement; then one mask for every detection.

    Args:
        guidance_heads: One per iteration, of one class.
        box_heads: One per iteration.
        mask_head: Of all classes, for the final boxes.
        rules: One per iteration.
        num_classes: Foreground classes K.
        guidance: Rule of the guidance by shapes.
        rows: Rule of the RoIs in the iterations, and of their scores.
        fuse: The heads that take the semantic context, where there is one.
        sample: Rule of the RoIs of the losses.
        learning: Functions that match and draw RoIs, and losses of boxes and masks.
        select: Rule of the boxes that become detections.
    """

    def __init__(
        self,
        guidance_heads: Sequence[MaskHead],
        box_heads: Sequence[BoxHead],
        mask_head: MaskHead,
        rules: Sequence[IterationRule],
        num_classes: int,
        *,
        guidance: GuidanceRule | None = None,
        rows: RowRule | None = None,
        fuse: FuseRule | None = None,
        sample: SampleRule | None = None,
        learning: Learning | None = None,
        select: SelectRule | None = None,
    ) -> None:
        super().__init__()
        self.guidance_heads = ModuleList[MaskHead](guidance_heads)
        self.box_heads = ModuleList[BoxHead](box_heads)
        self.mask_head = mask_head
        self.rules, self.last_stage = tuple(rules), len(rules) - 1
        self.num_classes = num_classes
        self.guidance, self.rows = guidance or GuidanceRule(), rows or RowRule()
        self.ratios, self.scoring = self.guidance.ratios(len(rules)), self.rows.scoring(len(rules))
        self.fuse = fuse or FuseRule()
        self.sample = sample or SampleRule(match_low_quality=False)
        self.learning, self.select = learning or Learning(), select or SelectRule()
        self.convention, self.masks = V2, True

    def loss(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        proposals: Rois,
        images: ImageBatch,
        targets: Sequence[Target],
    ) -> Losses:
        """Losses ``stage0.guide``, ``stage0.class``, ``stage0.box``, ... and ``mask``."""
        sampled = draw(
            proposals,
            targets,
            iou=self.rules[0].iou,
            num_classes=self.num_classes,
            sample=self.sample,
            by=self.learning,
        )
        losses: Losses = {}
        rois, is_gt, matched, state = sampled.rois, sampled.is_gt, sampled, None
        for t, rule in enumerate(self.rules):
            if t:
                matched = self._match(rois, is_gt, targets, rule.iou)
            state, shapes = self._guide(t, pyramid, context, rois, state, images)
            logits, deltas = self._box(t, pyramid, context, rois, state, shapes)
            box = self.learning.box_loss(logits, deltas, matched, rule.std)
            losses[f"stage{t}.guide"] = rule.guide_weight * self._guide_loss(
                shapes, state, matched, targets
            )
            losses[f"stage{t}.class"] = rule.class_weight * box["class"]
            losses[f"stage{t}.box"] = rule.box_weight * box["box"]

            frozen = is_gt & self.rows.freeze_gt
            rois = self._refine(t, rois, deltas.detach(), state, images, frozen)
            if t == 0 and not self.rows.keep_gt:
                rows = (~is_gt).nonzero().flatten()
                rois, is_gt, state = rois[rows], is_gt[rows], state[rows]

        matched = self._match(rois, is_gt, targets, self.rows.mask_iou)
        rows = matched.is_positive.nonzero().flatten()
        assert state is not None
        logits = self._mask(pyramid, context, rois[rows], state[rows])
        losses["mask"] = self.learning.mask_loss(logits, matched[rows], targets)
        return losses

    def detect(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        proposals: Rois,
        images: ImageBatch,
        rule: SelectRule,
    ) -> list[Detections]:
        """Detections of each image, best first; masks are those of the last head only.

        Images are processed one by one, and their RoIs a few at a time.
        """
        detections = []
        for i, size in enumerate(images.original_sizes):
            image_proposals = proposals[(proposals.image_index == i).nonzero().flatten()]
            boxes, scores, state, stages = self._in_parts(pyramid, context, image_proposals, images)
            chosen = select(boxes, scores, images.scales[i], rule)
            # Boxes to the network's pixels and back, as in the reference.
            network_boxes = box_ops.scale(chosen.boxes, images.scales[i])
            rois = Rois(network_boxes, torch.full_like(chosen.labels, i))
            logits = self._mask(pyramid, context, rois, state[chosen.rows])
            masks = own_class(logits, chosen.labels).sigmoid()
            found = chosen.boxes, chosen.scores, chosen.labels, masks, size
            by_stage = scores_by_stage(chosen, stages)
            detections.append(Detections(*found, stage_scores=by_stage))
        return detections

    def score(
        self, pyramid: Pyramid, context: Tensor | None, proposals: Rois, images: ImageBatch
    ) -> tuple[Tensor, Tensor]:
        """Boxes (R, 4) after all iterations, and scores (R, K) of the classes."""
        boxes, scores, _, _ = self._in_parts(pyramid, context, proposals, images)
        return boxes, scores

    def mask_probabilities(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        rois: Rois,
        labels: Tensor,
        images: ImageBatch,
    ) -> Tensor:
        """Probabilities (R, M, M) of the masks of given boxes.

        All iterations run on them, for the features of the last one; refined boxes are not used.
        """
        _, _, state, _ = self._in_parts(pyramid, context, rois, images)
        return own_class(self._mask(pyramid, context, rois, state), labels).sigmoid()

    def first(self, stages: int) -> Self:
        """The first `stages`, for predicting: same heads, same tensors.

        Scores are averaged over the scoring stages among them, or are the last stage's without any.

        Raises:
            UsageError: U03 when there are fewer stages.
        """
        return shared(
            self,
            stages=stages,
            of=len(self.rules),
            rules=self.rules[:stages],
            guidance_heads=ModuleList[MaskHead](self.guidance_heads[:stages]),
            box_heads=ModuleList[BoxHead](self.box_heads[:stages]),
            scoring=tuple(t for t in self.scoring if t < stages) or (stages - 1,),
        )

    def _in_parts(
        self, pyramid: Pyramid, context: Tensor | None, rois: Rois, images: ImageBatch
    ) -> tuple[Tensor, Tensor, GuidanceState, list[Tensor]]:
        """Compute `_refined` for a few RoIs at a time; an exported model takes all at once."""
        if torch.compiler.is_exporting():
            return self._refined(pyramid, context, rois, images)
        rows = torch.arange(len(rois), device=rois.boxes.device).split(self.rows.at_a_time)
        parts = [self._refined(pyramid, context, rois[chunk], images) for chunk in rows]
        boxes, scores, states, logits = zip(*parts, strict=True)
        stages = [torch.cat(stage) for stage in zip(*logits, strict=True)]
        return torch.cat(boxes), torch.cat(scores), GuidanceState.cat(states), stages

    def _refined(
        self, pyramid: Pyramid, context: Tensor | None, rois: Rois, images: ImageBatch
    ) -> tuple[Tensor, Tensor, GuidanceState, list[Tensor]]:
        """Boxes (R, 4) after all iterations, scores (R, K), the state of the last iteration, and
        the logits (R, K + 1) of each iteration whose scores count."""
        state, all_logits = None, []
        for t in range(len(self.rules)):
            state, shapes = self._guide(t, pyramid, context, rois, state, images)
            logits, deltas = self._box(t, pyramid, context, rois, state, shapes)
            all_logits.append(logits)
            rois = self._refine(t, rois, deltas, state, images)
        assert state is not None
        scoring = [all_logits[t] for t in self.scoring]
        scores = (sum(scoring[1:], scoring[0]) / len(scoring)).softmax(dim=-1)
        return rois.boxes, scores[:, : self.num_classes], state, scoring

    def _guide(
        self,
        t: int,
        pyramid: Pyramid,
        context: Tensor | None,
        rois: Rois,
        before: GuidanceState | None,
        images: ImageBatch,
    ) -> tuple[GuidanceState, Tensor]:
        """Guidance of iteration `t` for each RoI, and the logits (R, 1, 2S, 2S) of its mask."""
        rule, head = self.guidance, self.guidance_heads[t]
        frames = frames_of(rois, self.ratios[t], images, rule)
        pooled = pool_pyramid(pyramid, frames, rule.side, STRIDES)
        if context is not None and self.fuse.masks:
            where = rois if rule.semantic_frame == "tight" else frames
            pooled = pooled + pool_context(context, where, rule.side)
        carried = mask_features_of(self.guidance_heads[:t], pooled, before, frames.boxes, rule)
        features = head.features(pooled, carried)
        return GuidanceState(features, frames.boxes), head.predict(features)

    def _box(
        self,
        t: int,
        pyramid: Pyramid,
        context: Tensor | None,
        rois: Rois,
        state: GuidanceState,
        shapes: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Class logits (R, K + 1) and deltas (R, 4) of box head `t`."""
        rule, side = self.guidance, box_head.POOL_SIDE
        guided = rule.initial or t > 0
        tight = t == self.last_stage and rule.last_box_frame == "tight"
        where = rois if tight else rois.with_boxes(state.frames)
        if rule.explicit and guided:
            weights = shapes.sigmoid() + (1 if rule.plus_one else 0)
            weights = weights.detach() if rule.detach else weights
            pooled = pool_guided(pyramid, where, side, STRIDES, weights, rule.product)
        else:
            pooled = pool_pyramid(pyramid, where, side, STRIDES)
        if context is not None and self.fuse.boxes:
            pooled = pooled + pool_context(context, rois, side)
        logits, deltas = self.box_heads[t](pooled, state.features if guided else None)
        return logits, deltas

    def _mask(
        self, pyramid: Pyramid, context: Tensor | None, rois: Rois, state: GuidanceState
    ) -> Tensor:
        """Logits (R, K, M, M) of the final masks."""
        shown = context if self.fuse.masks else None
        pooled = pool(pyramid, shown, rois, mask_head.POOL_SIDE)
        carried = mask_features_of(self.guidance_heads, pooled, state, rois.boxes, self.guidance)
        return self.mask_head.predict(self.mask_head.features(pooled, carried))

    def _refine(
        self,
        t: int,
        rois: Rois,
        deltas: Tensor,
        state: GuidanceState,
        images: ImageBatch,
        frozen: Tensor | None = None,
    ) -> Rois:
        """RoIs for the iteration after `t`; the `frozen` rows (R,) are not moved."""
        moved = refine(rois, deltas, self.rules[t].std, images)
        if self.guidance.clip_into_previous:
            ratio = self.ratios[t + 1] if t + 1 < len(self.rules) else 1.0
            frames = cut(frames_of(moved, ratio, images, self.guidance).boxes, state.frames)
            moved = moved.with_boxes(enlarge(frames, 1 / ratio))
        if frozen is None:
            return moved
        return rois.with_boxes(torch.where(frozen[:, None], rois.boxes, moved.boxes))

    def _guide_loss(
        self, shapes: Tensor, state: GuidanceState, matched: Matched, targets: Sequence[Target]
    ) -> Tensor:
        """Loss of the class-agnostic masks of positive RoIs."""
        rows = matched.is_positive.nonzero().flatten()
        positives = matched[rows]
        if self.guidance.target_frame == "enlarged":
            positives = replace(positives, rois=positives.rois.with_boxes(state.frames[rows]))
        positives = replace(positives, labels=torch.zeros_like(positives.labels))
        return self.learning.mask_loss(shapes[rows], positives, targets)

    def _match(self, rois: Rois, is_gt: Tensor, targets: Sequence[Target], iou: float) -> Matched:
        k, assign = self.num_classes, self.learning.assign
        return match_all(rois, is_gt, targets, iou=iou, num_classes=k, assign=assign)
