"""Objects that overlap or touch others of their image."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ..ops.runs import Numbers, Runs, cut_at_columns

_ROWS: Final = 1024  # objects that are compared with all others at a time
_PAIRS: Final = 2_000_000  # of runs that are compared at a time


def highest_overlaps(
    outlines: Any, *, own_area: bool = False, labels: Sequence[int] | None = None
) -> NDArray[np.float64]:
    """The highest overlap (G,) in [0, 1] of each object of one image with another; 0 without one.

    `outlines` are boxes (G, 4) of x, y, width, height, or G run-length codes. The overlap is the
    IoU, or with `own_area` the intersection over the area of the object itself. With `labels`, only
    objects of one label are compared.
    """
    count = len(outlines)
    highest = np.zeros(count)
    kinds = None if labels is None else np.array(labels)
    for start in range(0, count, _ROWS):
        own = outlines[start : start + _ROWS]
        # For pycocotools, the overlap with a crowd region is the share of the object's area in it.
        pairs = np.array(coco_mask.iou(own, outlines, [own_area] * count))
        pairs = np.nan_to_num(pairs).clip(0, 1)  # 0 for objects without area; rounding
        rows = np.arange(len(own))
        pairs[rows, start + rows] = 0
        if kinds is not None:
            pairs[kinds[start : start + len(own), None] != kinds] = 0
        highest[start : start + len(own)] = pairs.max(axis=1)
    return highest


def touching(masks: Sequence[Runs], height: int) -> NDArray[np.bool_]:
    """Flags (N,) of masks with a pixel in common or beside one of another mask, corners included.

    It is computed on runs: an image of any size costs what the outlines in it cost.
    """
    is_touching = np.zeros(len(masks), dtype=bool)
    runs, owner = _columns(masks, height)
    if len(owner) == 0:
        return is_touching
    reach = np.maximum.accumulate(runs.ends)
    column, first = np.divmod(runs.starts, height)
    last = first + (runs.ends - runs.starts)
    for shift in (0, 1):
        base = (column + shift) * height
        low, high = base + np.maximum(first - 1, 0), base + np.minimum(last + 1, height)
        begin = np.searchsorted(reach, low, side="right")
        end = np.searchsorted(runs.starts, high, side="left")
        for a, b in _in_ranges(begin, np.maximum(end, begin)):
            meets = (runs.ends[b] > low[a]) & (owner[a] != owner[b])
            is_touching[owner[a[meets]]] = True
            is_touching[owner[b[meets]]] = True
    return is_touching


def _columns(masks: Sequence[Runs], height: int) -> tuple[Runs, Numbers]:
    """All runs of all masks, none longer than a column, by their start; and the mask of each."""
    pieces = [cut_at_columns(mask, height) if len(mask.starts) else mask for mask in masks]
    if not pieces:
        empty = np.zeros(0, dtype=np.int64)
        return Runs(empty, empty), empty
    starts = np.concatenate([piece.starts for piece in pieces])
    ends = np.concatenate([piece.ends for piece in pieces])
    owner = np.repeat(np.arange(len(pieces)), [len(piece.starts) for piece in pieces])
    order = np.argsort(starts, kind="stable")
    return Runs(starts[order], ends[order]), owner[order]


def _in_ranges(begin: Numbers, end: Numbers) -> Iterator[tuple[Numbers, Numbers]]:
    """Pairs (a, b) with begin[a] <= b < end[a], some millions at a time."""
    counts = end - begin
    before = np.concatenate([[0], np.cumsum(counts)])
    start = 0
    while start < len(counts):
        stop = int(np.searchsorted(before, before[start] + _PAIRS, side="right")) - 1
        stop = min(max(stop, start + 1), len(counts))
        a = np.repeat(np.arange(start, stop), counts[start:stop])
        b = begin[a] + np.arange(len(a)) - (before[a] - before[start])
        yield a, b
        start = stop
