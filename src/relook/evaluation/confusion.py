"""Confusion matrix of the classes and the background."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .pairing import ImagePairs

BACKGROUND = "background"
OTHERS = "other classes"


class MixUp(NamedTuple):
    """Objects of one class that were detected as another."""

    truth: str
    predicted: str
    times: int


@dataclass(frozen=True, slots=True, eq=False)
class Confusion:
    """Rows are the true classes and columns the predicted ones, both with the background last.

    The row of the background counts false detections, its column missed objects. A detection on an
    object that was found as another class already is no background: it is counted as a twin and is
    not in the matrix.
    """

    names: tuple[str, ...]  # K
    matrix: NDArray[np.int64]  # (K + 1, K + 1)
    twins: int = 0  # detections on objects that were found as another class already

    @classmethod
    def from_pairs(cls, images: Sequence[ImagePairs], categories: Mapping[int, str]) -> Confusion:
        """Count over all `images`; `categories` are names by id, in the order of the rows."""
        place = {key: row for row, key in enumerate(categories)}
        background = len(place)
        matrix = np.zeros((background + 1, background + 1), dtype=np.int64)
        for image in images:
            for detection, true_object, _ in image.pairs:
                matrix[place[true_object["category_id"]], place[detection["category_id"]]] += 1
            for missed in image.missed:
                matrix[place[missed.row["category_id"]], background] += 1
            for false in image.false:
                if not false.is_twin:
                    matrix[background, place[false.row["category_id"]]] += 1
        twins = sum(image.num_twins for image in images)
        return cls(tuple(categories.values()), matrix, twins)

    def labels(self) -> tuple[str, ...]:
        """Names of the rows and the columns: K classes and the background."""
        return (*self.names, BACKGROUND)

    def largest(self, limit: int) -> Confusion:
        """The `limit` classes with the most objects and detections, and all others as one class.

        Classes without either are left out. Where no more than `limit` classes remain, there is no
        class for the others.
        """
        sizes = (self.matrix.sum(axis=0) + self.matrix.sum(axis=1))[:-1]
        present = [row for row in np.argsort(-sizes, kind="stable").tolist() if sizes[row] > 0]
        kept, remaining = sorted(present[:limit]), present[limit:]
        groups = [[row] for row in kept] + ([remaining] if remaining else []) + [[len(self.names)]]
        matrix = np.array([[self.matrix[np.ix_(a, b)].sum() for b in groups] for a in groups])
        names = [self.names[row] for row in kept] + ([OTHERS] if remaining else [])
        return Confusion(tuple(names), matrix, self.twins)

    def mix_ups(self, limit: int) -> list[MixUp]:
        """The `limit` most frequent confusions of two classes, the most frequent first."""
        inner = self.matrix[:-1, :-1].copy()
        np.fill_diagonal(inner, 0)
        order = np.argsort(-inner, axis=None, kind="stable")[:limit]
        places = [divmod(int(place), len(self.names)) for place in order]
        return [
            MixUp(self.names[row], self.names[column], int(inner[row, column]))
            for row, column in places
            if inner[row, column] > 0
        ]
