"""Counting of objects: F1 and count error at a score threshold, and the best threshold.

Matches are those of COCO at IoU 0.5, objects of all sizes, up to the limit of detections of a
class in an image: in order of score, each detection gets the free object with the highest IoU. A
detection that lies on a crowd region is neither right nor wrong and is not counted. Detections of
lower score never change the matches of higher ones, so every threshold is a prefix of one and the
same matching.

At threshold t the detections with a score of t or more count. Precision, recall and F1 are pooled
over images and classes. The count error is the mean over all images, also those without objects,
of the sum over classes of |D - G|, with D detections that count and G objects without crowd
regions. The count bias is the mean of D - G. The error in percent is the sum of |D - G| over the
number of objects.

The best threshold is the one with the highest F1; of several, the highest. It has four decimals,
and its numbers are those at exactly this value. It is chosen on the images it is reported on, so
that its numbers are slightly optimistic.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

IOU = 0.5
_DECIMALS = 4


@dataclass(frozen=True, slots=True)
class Counting:
    """Quality of counting at one score threshold; nan where there is nothing to divide by.

    The first four numbers are in [0, 1], the errors are in objects.
    """

    threshold: float
    f1: float
    precision: float
    recall: float
    count_error: float  # mean of an image
    count_bias: float  # mean of an image; above zero for too many detections
    count_error_percent: float  # of the number of objects

    def numbers(self) -> dict[str, float]:
        """The numbers by name."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class CountingCurve:
    """The counted detections and the objects of one matching; a cell is a class in an image.

    D detections of any order, C cells.
    """

    scores: NDArray[np.float64]  # (D,)
    is_right: NDArray[np.bool_]  # (D,) whether it has an object of its own
    cells: NDArray[np.int64]  # (D,) in [0, C)
    objects: NDArray[np.int64]  # (C,) objects without crowd regions
    num_images: int

    def at(self, threshold: float) -> Counting:
        """The numbers for detections with a score of `threshold` or more."""
        is_counted = self.scores >= threshold
        counts = np.bincount(self.cells[is_counted], minlength=len(self.objects))
        num_right = int(self.is_right[is_counted].sum())
        num_found, num_objects = int(counts.sum()), int(self.objects.sum())
        error = int(np.abs(counts - self.objects).sum())
        return Counting(
            threshold=float(threshold),
            f1=_ratio(2 * num_right, num_found + num_objects),
            precision=_ratio(num_right, num_found),
            recall=_ratio(num_right, num_objects),
            count_error=_ratio(error, self.num_images),
            count_bias=_ratio(num_found - num_objects, self.num_images),
            count_error_percent=_ratio(100 * error, num_objects),
        )

    def best(self) -> Counting | None:
        """The numbers at the threshold of four decimals with the highest F1, of several the
        highest; None when no detection has an object."""
        if not self.is_right.any():
            return None
        thresholds = np.unique(_rounded_down(self.scores))
        num_right, num_found = self.counts(thresholds)
        f1 = 2 * num_right / (num_found + self.objects.sum())
        return self.at(float(thresholds[f1 == f1.max()][-1]))

    def counts(
        self, thresholds: NDArray[np.float64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Number of right detections, and of all, from each of T `thresholds` on."""
        num_right = _counts_from(thresholds, self.scores[self.is_right])
        return num_right, _counts_from(thresholds, self.scores)


def _rounded_down(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The highest number of four decimals that is not above each score."""
    scale = 10**_DECIMALS
    steps = np.round(scores * scale)  # not floor: 0.0003 * 10000 is below 3
    lower: NDArray[np.float64] = np.where(steps / scale > scores, steps - 1, steps) / scale
    return lower


def _counts_from(thresholds: NDArray[np.float64], scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Number of scores that are as high as each threshold, or higher."""
    return len(scores) - np.searchsorted(np.sort(scores), thresholds, side="left")


def _ratio(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
