"""Region proposal network (https://arxiv.org/abs/1506.01497) on a feature pyramid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.initialise import normal_init
from ...layers.module_list import ModuleList
from ...layers.rectified import rectified
from ...ops import boxes as box_ops
from ...ops.convention import V2, Convention
from ...ops.matching import Assigner, assign, draw
from ...ops.nms import suppress
from ...runtime.distributed import loss_divisor
from ...structures.detection import ImageBatch, Losses, Pyramid, Rois, Size, Target
from ...structures.rules.proposals import AnchorRule, ProposalRule
from .anchors import CellAnchors, base_anchors, grid_anchors, is_trainable

STD = (1.0, 1.0, 1.0, 1.0)
CROWD_SCORE = 0.5  # least objectness of proposals beyond the usual number


@dataclass(frozen=True, slots=True, eq=False)
class Scored:
    """Output of the network for every anchor; levels one after the other, finest first."""

    anchors: Tensor  # (A, 4), the same for every image
    logits: Tensor  # (B, A)
    deltas: Tensor  # (B, A, 4)
    level_sizes: tuple[Size, ...]  # (H_l, W_l)
    anchors_per_level: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class AnchorSample:
    """The anchors of one image that the losses are computed on."""

    positives: Tensor  # (P,) int64 rows of the anchors
    negatives: Tensor  # (Q,) int64
    gt_boxes: Tensor  # (P, 4) the object of each positive


class RPN(nn.Module):
    """Region proposal network: scores anchors at every position, and keeps the best.

    There are `convs` 3x3 convolutions before the scores. `anchors` is the rule of the anchors'
    shapes and of their training, in which `assign` matches them.
    `train` and `test` are the rules of proposals, by default 2000 and 1000, as in the COCO recipes.
    """

    def __init__(
        self,
        channels: int,
        *,
        strides: Sequence[int] = (4, 8, 16, 32, 64),
        convs: int = 1,
        anchors: AnchorRule | None = None,
        train: ProposalRule | None = None,
        test: ProposalRule | None = None,
        assign: Assigner = assign,
        cell_anchors: CellAnchors = base_anchors,
        convention: Convention = V2,
    ) -> None:
        super().__init__()
        self.anchors = anchors or AnchorRule()
        shapes = len(self.anchors.ratios)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)
        self.objectness = nn.Conv2d(channels, shapes, 1)
        self.deltas = nn.Conv2d(channels, 4 * shapes, 1)
        self.more = ModuleList[nn.Conv2d](
            nn.Conv2d(channels, channels, 3, padding=1) for _ in range(convs - 1)
        )
        for layer in (self.conv, self.objectness, self.deltas, *self.more):
            normal_init(layer, 0.01)
        self.strides = tuple(strides)
        self.train_rule = train or ProposalRule(2000, 2000)
        self.test_rule = test or ProposalRule()
        self.assign = assign
        self.cell_anchors, self.convention = cell_anchors, convention

    def forward(self, pyramid: Pyramid) -> Scored:
        """Objectness and box deltas of all anchors of P2..P6."""
        anchors, logits, deltas, sizes = [], [], [], []
        shape = (self.anchors.scale, self.anchors.ratios)
        for features, stride in zip(pyramid, self.strides, strict=True):
            size = (features.shape[2], features.shape[3])
            x = rectified(self.conv, features)
            for conv in self.more:
                x = rectified(conv, x)
            logits.append(self.objectness(x).permute(0, 2, 3, 1).flatten(1).float())
            moves = self.deltas(x).permute(0, 2, 3, 1)
            deltas.append(moves.reshape(len(x), -1, 4).float())
            steps = self._steps(pyramid, size, stride)
            anchors.append(grid_anchors(size, stride, *shape, x.device, self.cell_anchors, steps))
            sizes.append(size)
        return Scored(
            torch.cat(anchors),
            torch.cat(logits, dim=1),
            torch.cat(deltas, dim=1),
            tuple(sizes),
            tuple(a.shape[0] for a in anchors),
        )

    def _steps(self, pyramid: Pyramid, size: Size, stride: int) -> tuple[int, int]:
        """Pixels between the anchors of a map of `size` (H, W), down and across."""
        if self.convention.anchor_steps == "strides":
            return stride, stride
        height, width = (side * self.strides[0] for side in pyramid[0].shape[2:])
        return height // size[0], width // size[1]

    @torch.no_grad()
    def propose(
        self, scored: Scored, images: ImageBatch, rule: ProposalRule, *, crowd: int = 0
    ) -> tuple[Rois, Tensor]:
        """At most ``rule.proposals`` boxes per image, best first, and their scores (R,).

        With `crowd` there are at most `crowd`, from as many candidates on a level (`proposed`).
        """
        level = torch.cat(
            [
                torch.full((count,), i, device=scored.anchors.device)
                for i, count in enumerate(scored.anchors_per_level)
            ]
        )
        kept, kept_scores = [], []
        for logits, deltas, size in zip(scored.logits, scored.deltas, images.sizes, strict=True):
            scores = logits.sigmoid()
            candidates = max(rule.candidates, crowd)
            ranked = logits if self.convention.ranks == "logits" else scores
            rows = _best_per_level(ranked, scored.anchors_per_level, candidates)
            boxes = box_ops.decode(
                scored.anchors[rows],
                deltas[rows],
                STD,
                limits_shrinking=self.convention.limits_shrinking,
            )
            boxes = box_ops.clip(boxes, size, self.convention.pixel)
            wide = box_ops.are_wide(boxes, rule.min_bbox_size, rule.min_bbox_size_rule)
            boxes, rows = boxes[wide], rows[wide]
            apart = self.convention.apart_from
            keep, best = suppress(
                boxes,
                scores[rows],
                level[rows],
                rule.nms_iou,
                apart_from=apart,
                limit=max(rule.proposals, crowd),
            )
            chosen = proposed(best, rule.proposals, crowd)
            kept.append(boxes[keep[chosen]])
            kept_scores.append(best[chosen])
        return Rois.cat(kept), torch.cat(kept_scores)

    def loss(self, scored: Scored, images: ImageBatch, targets: Sequence[Target]) -> Losses:
        """``objectness`` (binary cross-entropy) and ``box`` (smooth L1 of the positives).

        Both are sums over the drawn anchors of the batch, divided by their number, in which an
        image without positives (or negatives) counts one. Images too small for any anchor add
        nothing.
        """
        objectness, box = self.sampled_losses(scored, self.sample(scored, images, targets))
        return {"objectness": objectness.sum(), "box": box.sum()}

    @torch.no_grad()
    def sample(
        self, scored: Scored, images: ImageBatch, targets: Sequence[Target]
    ) -> list[AnchorSample]:
        """A random sample of the trainable anchors of each image."""
        rule, drawn = self.anchors, []
        for size, padded, target in zip(images.sizes, images.padded_sizes, targets, strict=True):
            levels = zip(
                scored.anchors.split(scored.anchors_per_level),
                scored.level_sizes,
                self.strides,
                strict=True,
            )
            trainable = torch.cat(
                [
                    is_trainable(a, hw, stride, size if rule.inside else None, padded)
                    for a, hw, stride in levels
                ]
            )
            rows = trainable.nonzero().flatten()
            index = self.assign(
                scored.anchors[rows],
                target.boxes,
                rule.positive_iou,
                rule.negative_iou,
                rule.negative_iou,  # of low quality too
            )
            positives, negatives = draw(index, rule.per_image, rule.positive_fraction, target.seed)
            gt_boxes = target.boxes[index[positives]]
            drawn.append(AnchorSample(rows[positives], rows[negatives], gt_boxes))
        return drawn

    def sampled_losses(
        self, scored: Scored, samples: Sequence[AnchorSample]
    ) -> tuple[Tensor, Tensor]:
        """The losses of each level, (L,) objectness and (L,) box."""
        drawn_rows = sum(max(len(s.positives), 1) + max(len(s.negatives), 1) for s in samples)
        divisor = loss_divisor(drawn_rows, scored.logits)
        num_levels = len(scored.anchors_per_level)
        ends = torch.tensor(scored.anchors_per_level).cumsum(0).to(scored.anchors.device)
        objectness = scored.logits.new_zeros(num_levels)
        box = scored.logits.new_zeros(num_levels)
        for logits, deltas, drawn in zip(scored.logits, scored.deltas, samples, strict=True):
            rows = torch.cat([drawn.positives, drawn.negatives])
            is_object = torch.zeros_like(rows, dtype=logits.dtype)
            is_object[: len(drawn.positives)] = 1
            error = F.binary_cross_entropy_with_logits(logits[rows], is_object, reduction="none")
            level = torch.bucketize(rows, ends, right=True)
            objectness = objectness.index_add(0, level, error)
            goal = box_ops.encode(scored.anchors[drawn.positives], drawn.gt_boxes, STD)
            miss = F.smooth_l1_loss(
                deltas[drawn.positives], goal, beta=self.anchors.beta, reduction="none"
            )
            box = box.index_add(0, level[: len(drawn.positives)], miss.sum(dim=1))
        return objectness / divisor, box / divisor


def proposed(scores: Tensor, usual: int, crowd: int = 0) -> Tensor:
    """Rows (P,) of boxes with `scores` (R,), best first, that become proposals.

    These are the `usual` best ones, and with `crowd` at most that many in all. The added ones must
    have an objectness of `CROWD_SCORE`, so that an image with few objects gets no proposals of a
    kind that the cascade was not trained on.
    """
    scores = scores[: max(usual, crowd)]
    rows = torch.arange(scores.shape[0], device=scores.device)
    return rows[(rows < usual) | (scores >= CROWD_SCORE)]


def _best_per_level(scores: Tensor, counts: Sequence[int], limit: int) -> Tensor:
    """Rows of the `limit` best anchors of each level, best first within a level."""
    rows, start = [], 0
    for level in scores.split(list(counts)):
        count = level.shape[0]
        rows.append(level.topk(torch.sym_min(limit, count)).indices + start)
        start += count
    return torch.cat(rows)
