"""From repetitions to the numbers that are reported: ratios, rates, growth, agreement."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import median, quantiles
from typing import Any

from torch import Tensor

from relook.structures.detection import Detections

SAME_BOX = 1.0  # pixels; detections of one class nearer than this are taken for the same one


@dataclass(frozen=True, slots=True)
class Spread:
    """A median and the quartiles around it, which say how much of it is noise."""

    median: float
    low: float
    high: float


def spread(values: Sequence[float]) -> Spread:
    """Median and quartiles of at least one value; of fewer than three, the extremes."""
    if len(values) < 3:
        return Spread(median(values), min(values), max(values))
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Spread(middle, low, high)


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Spread:
    """Spread of ours over theirs, round by round: only what ran in one round is compared."""
    return spread([a / b for a, b in zip(ours, theirs, strict=True)])


def floor_seconds(multiply_adds: int, rates: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Seconds that the multiply-adds take at each kind of product's rate, and at the ``best``.

    `rates` holds multiply-adds a second by kind, one mapping a round; a kind counts with its
    median over the rounds.
    """
    seconds = {kind: multiply_adds / median(rate[kind] for rate in rates) for kind in rates[0]}
    return {**seconds, "best": min(seconds.values())}


@dataclass(frozen=True, slots=True)
class Growth:
    """Exponents of time against size: 1 is linear."""

    overall: float  # the slope of the line through all points in log-log, least squares
    at_the_end: float  # between the two largest sizes, where fixed costs hide least

    @property
    def worst(self) -> float:
        """The larger of the two."""
        return max(self.overall, self.at_the_end)


def growth(sizes: Sequence[float], seconds: Sequence[float]) -> Growth:
    """How `seconds` grow with `sizes`, which ascend; at least two of them."""
    xs, ys = [math.log(x) for x in sizes], [math.log(y) for y in seconds]
    x_mean, y_mean = sum(xs) / len(xs), sum(ys) / len(ys)
    steep = sum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    overall = steep / sum((x - x_mean) ** 2 for x in xs)
    return Growth(overall, (ys[-1] - ys[-2]) / (xs[-1] - xs[-2]))


def agreement(ours: Detections, theirs: Detections) -> dict[str, Any]:
    """How two lists of detections of one image differ once they are matched one to one.

    ``counts`` of both, how many are ``matched`` (of one class, no corner more than `SAME_BOX`
    apart, the nearest first come), and the largest differences of matched ones in ``box``
    (pixels), ``score`` and ``mask`` (probability; None for box-only models).
    """
    pairs = _pairs(ours, theirs)
    ours_rows, theirs_rows = [a for a, _ in pairs], [b for _, b in pairs]

    def largest(a: Tensor | None, b: Tensor | None) -> float | None:
        if a is None or b is None:
            return None
        apart = (a[ours_rows] - b[theirs_rows]).abs()
        return float(apart.max()) if apart.numel() else 0.0

    return {
        "counts": [len(ours), len(theirs)],
        "matched": len(pairs),
        "box": largest(ours.boxes, theirs.boxes),
        "score": largest(ours.scores, theirs.scores),
        "mask": largest(ours.mask_probabilities, theirs.mask_probabilities),
    }


def _pairs(ours: Detections, theirs: Detections) -> list[tuple[int, int]]:
    if not len(ours) or not len(theirs):
        return []
    apart = (ours.boxes[:, None] - theirs.boxes[None]).abs().amax(dim=2)
    apart[ours.labels[:, None] != theirs.labels[None]] = math.inf
    pairs = []
    for row in range(len(ours)):
        best = int(apart[row].argmin())
        if apart[row, best] <= SAME_BOX:
            pairs.append((row, best))
            apart[:, best] = math.inf
    return pairs
