"""Parts that are not relook's, each as short as it can be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relook.models.cascades.steps import (
    STRIDES,
    pool,
    pool_context,
)
from relook.models.heads.box import box_loss
from relook.models.heads.mask import MaskHead, own_class
from relook.ops.guided_roi_align import pool_guided
from relook.ops.masks import mask_targets
from relook.ops.matching import BACKGROUND, IGNORED
from relook.structures.detection import (
    Losses,
    Matched,
    Pyramid,
    Rois,
    Target,
)
from relook.structures.rules.cascade import Deviations


class BlurredConv(nn.Module):
    """A 3x3 convolution that blurs before it takes steps of two, against aliasing."""

    def __init__(self, channels: int, stride: int, groups: int, blur: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1, groups=groups, bias=False)
        self.stride, self.blur = stride, blur

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.stride == 1:
            return x
        x = F.avg_pool2d(x, 3, 1, 1) if self.blur else x
        return x[:, :, :: self.stride, :: self.stride]


class SqueezeConnector(nn.Module):
    """What is fed back is weighted channel by channel, by what the whole level looks like."""

    def __init__(self, channels: int, ratio: int = 4) -> None:
        super().__init__()
        self.shrink = nn.Conv2d(channels, channels // ratio, 1)
        self.grow = nn.Conv2d(channels // ratio, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        weights = self.grow(self.shrink(x.mean((2, 3), keepdim=True)).relu()).sigmoid()
        return x * weights


class MeanFusion(nn.Module):
    """Both looks count the same."""

    def __init__(self, channels: int) -> None:
        super().__init__()

    def blend(self, new: Tensor, old: Tensor) -> Tensor:
        return (new + old) / 2


class SumNeck(nn.Module):
    """P2 is a sum of all maps; the others are made of it by pooling."""

    def __init__(self, in_channels: Sequence[int], channels: int) -> None:
        super().__init__()
        self.laterals = nn.ModuleList(nn.Conv2d(c, channels, 1) for c in in_channels)

    def forward(self, maps: Pyramid) -> Pyramid:
        size = maps[0].shape[2:]
        level = sum(
            F.interpolate(lateral(x), size=size)
            for lateral, x in zip(self.laterals, maps, strict=True)
        )
        pyramid = [level]
        while len(pyramid) < 5:
            pyramid.append(F.max_pool2d(pyramid[-1], 2, 2))
        return pyramid


class Stem(nn.Module):
    """A backbone of one convolution a stage, which takes feedback by adding it."""

    def __init__(self, feedback_channels: int | None, feedback_stages: Sequence[bool]) -> None:
        super().__init__()
        self.out_channels = (8, 16, 24, 32)
        before = (3, 8, 16, 24)
        self.stages = nn.ModuleList(
            nn.Conv2d(a, b, 3, stride=4 if a == 3 else 2, padding=1)
            for a, b in zip(before, self.out_channels, strict=True)
        )
        self._takes = tuple(feedback_stages) if feedback_channels else (False,) * 4
        self.feedback = nn.ModuleList(
            nn.Conv2d(feedback_channels, c, 1) if taken and feedback_channels else nn.Identity()
            for c, taken in zip(self.out_channels, self._takes, strict=True)
        )

    def takes_feedback(self) -> Sequence[bool]:
        return self._takes

    def forward(self, pixels: Tensor, feedback: Sequence[Tensor | None] = (None,) * 4) -> Pyramid:
        maps, x = [], pixels
        for stage, project, shown in zip(self.stages, self.feedback, feedback, strict=True):
            x = stage(x).relu()
            x = x if shown is None else x + project(shown)
            maps.append(x)
        return maps


class ShapeGuidedAlign(nn.Module):
    """Shape-guided RoIAlign (DSC, arXiv 1911.11263) outside of DSC.

    A first look at the RoI guesses where in it the object is; a second one weights the features
    at every point by that guess, plus one, which keeps the background.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.shape = nn.Conv2d(channels, 1, 3, padding=1)
        nn.init.zeros_(self.shape.weight)

    def forward(self, pyramid: Pyramid, context: Tensor | None, rois: Rois, side: int) -> Tensor:
        guess = self.shape(pool(pyramid, context, rois, side)).sigmoid()
        weights = F.interpolate(guess, scale_factor=2, mode="bilinear", align_corners=False) + 1
        seen = pool_guided(pyramid, rois, side, STRIDES, weights, "of_samples")
        return seen if context is None else seen + pool_context(context, rois, side)


class PlainBoxHead(nn.Module):
    """One layer after a mean."""

    def __init__(self, channels: int, num_classes: int, hidden: int) -> None:
        super().__init__()
        self.fc = nn.Linear(channels, hidden)
        self.classify, self.regress = nn.Linear(hidden, num_classes + 1), nn.Linear(hidden, 4)

    def forward(self, pooled: Tensor, shown: Tensor | None = None) -> tuple[Tensor, Tensor]:
        x = self.fc(pooled.mean((2, 3))).relu()
        return self.classify(x), self.regress(x)


class ThinMaskHead(MaskHead):
    """A mask head with one convolution in place of four."""

    def __init__(
        self, channels: int, hidden: int, num_classes: int, carry: nn.Module | None
    ) -> None:
        super().__init__(channels, hidden, num_classes, carry)
        self.convs = type(self.convs)([self.convs[0]])


@dataclass
class RisingRule:
    """A stage that becomes stricter while it trains, by `step` each time it is asked."""

    iou_from: float
    std: tuple[float, float, float, float]
    loss_weight: float
    step: float = 0.001
    asked: int = 0

    @property
    def iou(self) -> float:
        self.asked += 1
        return min(0.8, self.iou_from + self.step * self.asked)


def rising_rules(rules: Sequence[RisingRule], step: float = 0.001) -> list[RisingRule]:
    """The stages of the configuration, each stricter with every step."""
    return [RisingRule(rule.iou, rule.std, rule.loss_weight, step) for rule in rules]


@dataclass(frozen=True)
class WassersteinAssigner:
    """Assigns by the normalised Wasserstein distance of boxes as Gaussians (arXiv 2110.13389).

    IoU of tiny boxes drops to nothing after a shift of a few pixels; this does not.
    """

    scale: float = 12.8  # pixels

    def __call__(
        self, boxes: Tensor, gt_boxes: Tensor, positive: float, negative: float, _: float | None
    ) -> Tensor:
        index = boxes.new_full((len(boxes),), BACKGROUND, dtype=torch.int64)
        if len(gt_boxes) == 0 or len(boxes) == 0:
            return index
        ours, theirs = _gaussians(gt_boxes), _gaussians(boxes)
        likeness = torch.exp(-torch.cdist(ours, theirs) / self.scale)  # (G, N)
        best, row = likeness.max(dim=0)
        index = torch.where(best >= negative, index.new_full((), IGNORED), index)
        return torch.where(best >= positive, row, index)


def _gaussians(boxes: Tensor) -> Tensor:
    """Centre and half sides (N, 4): the mean and the deviations of a box as a Gaussian."""
    first, last = boxes[:, :2], boxes[:, 2:]
    return torch.cat([(first + last) / 2, (last - first) / 2], dim=1)


class FirstRows:
    """A sampler without chance: the first positives, the first of the background."""

    def __call__(
        self, index: Tensor, quota: int, fraction: float, seed: int | None
    ) -> tuple[Tensor, Tensor]:
        positives = (index >= 0).nonzero().flatten()[: int(quota * fraction)]
        background = (index == BACKGROUND).nonzero().flatten()
        return positives, background[: quota - len(positives)]


@dataclass(frozen=True)
class FocalBoxLoss:
    """Focal loss of the classes (arXiv 1708.02002); boxes as everywhere."""

    gamma: float = 2.0

    def __call__(self, logits: Tensor, deltas: Tensor, matched: Matched, std: Deviations) -> Losses:
        log_likely = F.log_softmax(logits, dim=1).gather(1, matched.labels[:, None])[:, 0]
        focal = -((1 - log_likely.exp()) ** self.gamma) * log_likely
        boxes = box_loss(logits, deltas, matched, std)["box"]
        return {"class": focal.sum() / max(len(logits), 1), "box": boxes}


@dataclass(frozen=True)
class DiceLoss:
    """One minus the Dice coefficient of each mask and its object, cropped to the RoI."""

    smooth: float = 1.0

    def __call__(self, logits: Tensor, positives: Matched, targets: Sequence[Target]) -> Tensor:
        if len(positives.rois) == 0:
            return logits.sum() * 0
        side, per_image = logits.shape[-1], positives.rois.per_image
        goals = [
            mask_targets(target.masks, boxes, index, side)
            for target, boxes, index in zip(
                targets,
                per_image(positives.rois.boxes, len(targets)),
                per_image(positives.gt_index, len(targets)),
                strict=True,
            )
            if target.masks is not None and len(boxes)
        ]
        own, goal = own_class(logits, positives.labels).sigmoid(), torch.cat(goals).to(logits)
        both, shared = own.sum((1, 2)) + goal.sum((1, 2)), (own * goal).sum((1, 2))
        return (1 - (2 * shared + self.smooth) / (both + self.smooth)).mean()
