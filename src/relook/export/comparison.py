"""Differences of the objects of an exported file from those of its model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import counted
from ..structures.detection import AnyDetections, DetectionArrays

Rows = NDArray[np.int64]

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


def difference(first: AnyDetections, second: AnyDetections, least: float) -> Difference:
    """The difference of the objects of one image; those near the score `least` may be missing."""
    ours, theirs = first.arrays(), second.arrays()
    rows, columns = _pairs(ours, theirs)
    missing = _missing(ours, rows, least) + _missing(theirs, columns, least)
    if not len(rows):
        return Difference(max(len(ours), len(theirs)), missing)
    box = np.abs(ours.boxes[rows] - theirs.boxes[columns]).max()
    score = np.abs(ours.scores[rows] - theirs.scores[columns]).max()
    mask, iou = 0.0, 1.0
    if ours.mask_probabilities is not None and theirs.mask_probabilities is not None:
        one, other = ours.mask_probabilities[rows], theirs.mask_probabilities[columns]
        mask = float(np.abs(one - other).max())
        union = int(((one >= 0.5) | (other >= 0.5)).sum())
        iou = float(((one >= 0.5) & (other >= 0.5)).sum() / union) if union else 1.0
    return Difference(max(len(ours), len(theirs)), missing, float(box), float(score), mask, iou)


def _pairs(ours: DetectionArrays, theirs: DetectionArrays) -> tuple[Rows, Rows]:
    """Rows of the same objects in both, each at most once: the nearest boxes of one class."""
    if not len(ours) or not len(theirs):
        return ours.labels[:0], theirs.labels[:0]
    apart = np.abs(ours.boxes[:, None] - theirs.boxes[None]).max(axis=2)
    apart = apart + np.abs(ours.scores[:, None] - theirs.scores[None])
    apart[ours.labels[:, None] != theirs.labels[None]] = np.inf
    nearest, back = apart.argmin(axis=1), apart.argmin(axis=0)
    sides = (ours.boxes[:, 2:] - ours.boxes[:, :2]).max(axis=1).clip(1)
    rows = np.arange(len(ours))
    kept = (back[nearest] == rows) & (apart[rows, nearest] <= NEAR * sides)
    return rows[kept], nearest[kept]


def _missing(found: DetectionArrays, rows: Rows, least: float) -> int:
    """Objects without a counterpart, but those that rounding may put on either side of a limit."""
    alone = np.ones(len(found), dtype=bool)
    alone[rows] = False
    return int((alone & (found.scores > least + TIE)).sum())
