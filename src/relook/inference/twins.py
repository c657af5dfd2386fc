"""Objects that are found twice, as two classes: how many there are, for people."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..errors import counted
from .results import Result

IOU: Final = 0.5  # of boxes, from which two objects of different classes are one
MANY: Final = 0.1  # share of the objects that is worth a line


def count_twins(boxes: NDArray[np.float32], labels: NDArray[np.int64]) -> int:
    """Number of `boxes` (N, 4), the best first, that overlap a better one of another class by an
    IoU of at least `IOU`; `labels` (N,).
    """
    if len(np.unique(labels)) < 2:
        return 0
    order = np.argsort(boxes[:, 0], kind="stable")
    left, top, right, bottom = boxes[order].astype(np.float64).T
    areas, kinds = (right - left) * (bottom - top), labels[order]
    is_twin = np.zeros(len(boxes), dtype=bool)
    ends = np.searchsorted(left, right, side="left")  # no box from there on reaches this one
    for row, end in enumerate(ends.tolist()):
        others = slice(row + 1, max(end, row + 1))
        width = np.minimum(right[others], right[row]) - left[others]
        height = np.minimum(bottom[others], bottom[row]) - np.maximum(top[others], top[row])
        shared = width.clip(0) * height.clip(0)
        is_one = shared >= IOU * (areas[others] + areas[row] - shared)
        is_one &= (kinds[others] != kinds[row]) & (shared > 0)
        for other in order[others][is_one].tolist():
            is_twin[max(other, int(order[row]))] = True
    return int(is_twin.sum())


class Twins:
    """Counts objects that are found as two classes, over some images.

    Args:
        score: Objects below it are not counted.
    """

    def __init__(self, score: float = 0.0) -> None:
        self._score, self._objects, self._twins = score, 0, 0

    def add(self, outcome: object) -> None:
        """Count the objects of a result; anything else has none."""
        if not isinstance(outcome, Result):
            return
        shown = outcome.scores >= self._score
        self._objects += int(shown.sum())
        self._twins += count_twins(outcome.boxes[shown], outcome.labels[shown])

    def lines(self) -> list[str]:
        """A line where twins are many."""
        if self._twins <= MANY * self._objects:
            return []
        return [
            f"twins: {self._twins} of {counted(self._objects, 'object')} lie on one that was found "
            "as another class with a higher score; --agnostic keeps the better of the two"
        ]
