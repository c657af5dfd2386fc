"""Polygons as arrays: which of them cross themselves, and which have spikes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

_PAIRS: Final = 2_000_000  # of edges that are compared at a time
_LONGEST: Final = 1500  # points up to which a polygon is looked at
_SHARP: Final = 0.99  # cosine of the angle of a spike: 8 degrees
_LONG: Final = 0.1  # of the outline: the shorter side of a spike
_LEAST: Final = 3.0  # pixels of a spike


class Polygons(NamedTuple):
    """Polygons in one array."""

    points: NDArray[np.float64]  # (P, 2)
    starts: NDArray[np.int64]  # (N,) of the first point of each
    lengths: NDArray[np.int64]  # (N,) points of each


def polygons_of(parts: Sequence[Sequence[float]]) -> Polygons:
    """Polygons ``[x1, y1, x2, ...]`` in one array; a last point that is the first is left out."""
    parts = [part[:-2] if len(part) > 6 and part[:2] == part[-2:] else part for part in parts]
    lengths = np.array([len(part) // 2 for part in parts], np.int64)
    numbers = np.fromiter(chain.from_iterable(parts), np.float64, int(lengths.sum()) * 2)
    starts = np.concatenate([[0], lengths.cumsum()[:-1]]) if parts else lengths
    return Polygons(numbers.reshape(-1, 2), starts.astype(np.int64), lengths)


def crossing(polygons: Polygons) -> NDArray[np.bool_]:
    """(N,) whether the outline of each polygon crosses itself.

    Outlines that only touch themselves do not. Polygons of more than 1500 points are not looked at.
    """
    found = np.zeros(len(polygons.lengths), dtype=bool)
    for chosen, points in _grouped(polygons):
        found[chosen] = _crosses(points)
    return found


def spiky(polygons: Polygons) -> NDArray[np.bool_]:
    """(N,) whether each polygon has a spike: a corner below 8 degrees with two long sides."""
    points, starts, lengths = polygons
    if not len(lengths):
        return np.zeros(0, dtype=bool)
    following = np.arange(len(points)) + 1
    last = starts + lengths - 1
    following[last] = starts
    edges = points[following] - points
    sides = np.hypot(edges[:, 0], edges[:, 1])
    before = np.empty(len(points), np.int64)
    before[following] = np.arange(len(points))
    outline = np.add.reduceat(sides, starts)
    least = np.maximum(outline * _LONG, _LEAST).repeat(lengths)
    product = -(edges * edges[before]).sum(axis=1)
    shorter = np.minimum(sides, sides[before])
    is_spike = (product > _SHARP * sides * sides[before]) & (shorter > least)
    return np.logical_or.reduceat(is_spike, starts)


def _grouped(polygons: Polygons) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """(positions, points (G, n, 2)) of polygons with the same number of points."""
    order = polygons.lengths.argsort(kind="stable")
    lengths = polygons.lengths[order]
    ends = np.flatnonzero(np.diff(lengths, append=-1)) + 1
    start = 0
    for end in ends.tolist():
        count = int(lengths[start])
        step = max(1, _PAIRS // max(count * count, 1))
        for first in range(start, end if 4 <= count <= _LONGEST else start, step):
            chosen = order[first : min(first + step, end)]
            places = polygons.starts[chosen][:, None] + np.arange(count)
            yield chosen, polygons.points[places]
        start = end


def _crosses(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(G,) whether two edges of polygons (G, n, 2) cross, at other places than their ends."""
    count = points.shape[1]
    first, second = np.triu_indices(count, 2)
    keep = (first > 0) | (second < count - 1)  # the last edge is a neighbour of the first
    first, second = first[keep], second[keep]
    following = np.roll(points, -1, axis=1)
    a, b = points[:, first], following[:, first]
    c, d = points[:, second], following[:, second]
    sides = [_side(a, b, c), _side(a, b, d), _side(c, d, a), _side(c, d, b)]
    crossed = (sides[0] * sides[1] < 0) & (sides[2] * sides[3] < 0)
    return np.asarray(crossed.any(axis=1))


def _side(
    a: NDArray[np.float64], b: NDArray[np.float64], c: NDArray[np.float64]
) -> NDArray[np.float64]:
    """On which side of the line from a to b each c is."""
    return np.asarray(
        (b[..., 0] - a[..., 0]) * (c[..., 1] - a[..., 1])
        - (b[..., 1] - a[..., 1]) * (c[..., 0] - a[..., 0])
    )
