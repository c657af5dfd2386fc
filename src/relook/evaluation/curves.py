"""Curves behind the numbers: precision over recall, and F1 over the score threshold.

Precision is COCO's: at each recall the highest precision at this recall or a higher one, and 0
where the recall is not reached; the mean of a curve is the average precision. F1 is that of
`evaluation.counting`: pooled over images and classes at IoU 0.5.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .counting import CountingCurve
from .evaluator import Evaluator

LEVELS = ("0.50", "0.75", "0.50:0.95")  # IoU thresholds of the precision curves
THRESHOLDS = np.linspace(0, 1, 101)  # scores of the F1 curve

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Curves:
    """Precision of K classes at R recalls, and F1 at T score thresholds; all in [0, 1].

    The value is nan where the ground truth has no object of the class, and where there is nothing
    to divide by.
    """

    classes: tuple[int, ...]  # K category ids
    recalls: Values  # (R,)
    class_precision: Values  # (3, K, R), the first axis as LEVELS
    thresholds: Values  # (T,)
    found_precision: Values  # (T,) share of the detections that is right
    found_recall: Values  # (T,) share of the objects that is found
    f1: Values  # (T,)

    @classmethod
    def from_evaluator(cls, evaluator: Evaluator, counting: CountingCurve) -> Curves:
        """The curves of an `evaluator` that has accumulated, and of its matching `counting`."""
        params = evaluator.params
        # Axes: threshold, recall, class; all sizes, the highest limit of detections.
        precision: Values = evaluator.precision[:, :, :, 0, -1]
        precision = np.where(precision > -1, precision, np.nan).transpose(0, 2, 1)
        levels = params.iouThrs.tolist()
        right, counted = counting.counts(THRESHOLDS)
        objects = np.full(len(THRESHOLDS), counting.objects.sum())
        return cls(
            classes=tuple(params.catIds),
            recalls=np.asarray(params.recThrs),
            class_precision=np.stack(
                [precision[levels.index(0.5)], precision[levels.index(0.75)], precision.mean(0)]
            ),
            thresholds=THRESHOLDS,
            found_precision=_ratio(right, counted),
            found_recall=_ratio(right, objects),
            f1=_ratio(2 * right, counted + objects),
        )

    @property
    def precision(self) -> Values:
        """Mean (3, R) over the classes that have objects; nan if none has."""
        has_objects = ~np.isnan(self.class_precision[0, :, 0])
        if not has_objects.any():
            return np.full((len(LEVELS), len(self.recalls)), np.nan)
        mean: Values = self.class_precision[:, has_objects].mean(axis=1)
        return mean

    def of_classes(self) -> Iterator[tuple[int, Values]]:
        """Category id and precision (3, R) of every class that has objects."""
        for row, key in enumerate(self.classes):
            if not np.isnan(self.class_precision[0, row, 0]):
                yield key, self.class_precision[:, row]


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> Values:
    result = np.full(len(part), np.nan)
    np.divide(part, whole, out=result, where=whole > 0)
    return result
