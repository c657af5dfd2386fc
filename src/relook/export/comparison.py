"""Differences of the objects of an exported file from those of its model."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import counted
from ..structures.detection import Detections

NEAR = 0.5  # of the longer side of a box: corners this near can be those of the same object
TIE = 1e-3  # scores this near the least one may be above it in one way and not in the other


@dataclass(frozen=True, slots=True)
class Bound:
    """The largest differences that are allowed."""

    share: float  # of the objects, without a counterpart
    box: float  # pixels of the original image
    score: float
    mask_iou: float  # the least


EXACT = Bound(share=0, box=1e-2, score=1e-4, mask_iou=0.999)
"""Allowed of a file in 32 bits."""
HALF = Bound(share=0.05, box=4, score=0.05, mask_iou=0.97)
"""Allowed of a file whose weights are stored in 16 bits."""


@dataclass(frozen=True, slots=True)
class Difference:
    """Largest differences between objects of two ways, over some images."""

    objects: int = 0  # that were compared
    unmatched: int = 0  # objects of one way that the other one does not have
    box: float = 0.0  # pixels of the original image
    score: float = 0.0
    mask: float = 0.0  # of a probability
    mask_iou: float = 1.0  # of the masks of all objects of an image together, the least

    def joined(self, other: Difference) -> Difference:
        """The larger of each of two differences; objects are added."""
        return Difference(
            self.objects + other.objects,
            self.unmatched + other.unmatched,
            max(self.box, other.box),
            max(self.score, other.score),
            max(self.mask, other.mask),
            min(self.mask_iou, other.mask_iou),
        )

    def exceeds(self, bound: Bound) -> list[str]:
        """The differences that are larger than `bound` allows, in words."""
        over = []
        if self.unmatched > bound.share * self.objects:
            over.append(f"{counted(self.unmatched, 'object')} without a counterpart")
        for name, value, most in (
            ("boxes", self.box, bound.box),
            ("scores", self.score, bound.score),
        ):
            if not value <= most:
                over.append(f"{name} by {value:.2g}, and at most {most:g} is allowed")
        if not self.mask_iou >= bound.mask_iou:
            over.append(f"masks have IoU {self.mask_iou:.5f}, and {bound.mask_iou:g} is needed")
        return over

    def line(self) -> str:
        """The differences in one line."""
        found = f"{counted(self.objects, 'object')}, {self.unmatched} without a counterpart"
        return (
            f"{found}; largest differences: boxes {self.box:.1e} px, scores {self.score:.1e}, mask "
            f"probabilities {self.mask:.1e}; mask IoU {self.mask_iou:.5f}"
        )


def difference(ours: Detections, theirs: Detections, least: float) -> Difference:
    """The difference of the objects of one image; those near the score `least` may be missing."""
    rows, columns = _pairs(ours, theirs)
    missing = _missing(ours, rows, least) + _missing(theirs, columns, least)
    if not len(rows):
        return Difference(max(len(ours), len(theirs)), missing)
    box = (ours.boxes[rows] - theirs.boxes[columns]).abs().max()
    score = (ours.scores[rows] - theirs.scores[columns]).abs().max()
    mask, iou = 0.0, 1.0
    if ours.mask_probabilities is not None and theirs.mask_probabilities is not None:
        first, second = ours.mask_probabilities[rows], theirs.mask_probabilities[columns]
        mask = float((first - second).abs().max())
        union = ((first >= 0.5) | (second >= 0.5)).sum()
        iou = float(((first >= 0.5) & (second >= 0.5)).sum() / union.clamp(min=1))
        iou = 1.0 if not union else iou
    return Difference(max(len(ours), len(theirs)), missing, float(box), float(score), mask, iou)


def _pairs(ours: Detections, theirs: Detections) -> tuple[Tensor, Tensor]:
    """Rows of the same objects in both, each at most once: the nearest boxes of one class."""
    if not len(ours) or not len(theirs):
        return ours.labels[:0], theirs.labels[:0]
    apart = (ours.boxes[:, None] - theirs.boxes[None]).abs().amax(dim=2)
    apart = apart + (ours.scores[:, None] - theirs.scores[None]).abs()
    apart[ours.labels[:, None] != theirs.labels[None]] = torch.inf
    nearest, back = apart.argmin(dim=1), apart.argmin(dim=0)
    sides = (ours.boxes[:, 2:] - ours.boxes[:, :2]).amax(dim=1).clamp(min=1)
    rows = torch.arange(len(ours))
    kept = (back[nearest] == rows) & (apart[rows, nearest] <= NEAR * sides)
    return rows[kept], nearest[kept]


def _missing(found: Detections, rows: Tensor, least: float) -> int:
    """Objects without a counterpart, but those that rounding may put on either side of a limit."""
    alone = torch.ones(len(found), dtype=torch.bool)
    alone[rows] = False
    return int((alone & (found.scores > least + TIE)).sum())
