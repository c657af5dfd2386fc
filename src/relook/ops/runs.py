"""Masks as runs down the columns of an image: intersections and unions without dense arrays.

A pixel at (row, column) of an image of `height` has the number ``column * height + row``, and a
mask is the sorted, disjoint runs of the numbers of its pixels. That is COCO's run-length code
before it is written down, so a mask costs what its outline costs, however large its image is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..structures.detection import Size

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True, eq=False)
class Runs:
    """Sorted, disjoint runs of pixel numbers, each from its start to before its end."""

    starts: Numbers  # (R,)
    ends: Numbers  # (R,)

    @classmethod
    def of_lengths(cls, lengths: Numbers) -> Runs:
        """Runs of the lengths of background, foreground, background, ... that COCO counts."""
        ends = lengths.cumsum()
        starts, stops = ends[: len(ends) // 2 * 2 : 2], ends[1::2]
        filled = stops > starts
        return cls(starts[filled], stops[filled])

    @classmethod
    def of_ranges(cls, starts: Numbers, ends: Numbers) -> Runs:
        """Runs of ranges (N,) in any order, which may overlap, touch or be empty."""
        filled = ends > starts
        starts, ends = starts[filled], ends[filled]
        if not len(starts):
            return cls(starts, ends)
        order = np.argsort(starts, kind="stable")
        starts, reach = starts[order], np.maximum.accumulate(ends[order])
        first = np.concatenate([[True], starts[1:] > reach[:-1]])
        last = np.concatenate([first[1:], [True]])
        return cls(starts[first], reach[last])

    @classmethod
    def union(cls, masks: Sequence[Runs]) -> Runs:
        """The pixels of any of `masks`."""
        empty = np.zeros(0, np.int64)
        return cls.of_ranges(
            np.concatenate([empty, *(mask.starts for mask in masks)]),
            np.concatenate([empty, *(mask.ends for mask in masks)]),
        )

    def lengths(self, pixels: int) -> Numbers:
        """Inverse of `of_lengths` for an image of so many pixels: they sum to these."""
        changes = np.stack([self.starts, self.ends], axis=1).ravel()
        return np.diff(np.concatenate([[0], changes[changes < pixels], [pixels]]))

    def paint(self, pixels: NDArray[Any], value: int) -> None:
        """Set the pixels of the mask to `value` in `pixels`, which has them by number."""
        for start, end in zip(self.starts.tolist(), self.ends.tolist(), strict=True):
            pixels[start:end] = value

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int((self.ends - self.starts).sum())

    def shared(self, other: Runs) -> int:
        """Number of pixels that both masks have."""
        few, many = (self, other) if len(self.starts) <= len(other.starts) else (other, self)
        if not len(few.starts):
            return 0
        before = np.concatenate([[0], np.cumsum(many.ends - many.starts)])
        return int((_covered(many, before, few.ends) - _covered(many, before, few.starts)).sum())

    def iou(self, other: Runs) -> float:
        """Shared pixels over the pixels of either mask; 0 where both are empty."""
        shared = self.shared(other)
        either = self.area + other.area - shared
        return shared / either if either else 0.0

    def bounds(self, height: int) -> tuple[int, int, int, int]:
        """The box x1, y1, x2, y2 around the pixels in an image of `height`; zeros for none."""
        if not len(self.starts):
            return 0, 0, 0, 0
        (first, top), (last, low) = np.divmod(self.starts, height), np.divmod(self.ends - 1, height)
        y1, y2 = int(top.min()), int(low.max()) + 1
        if (first != last).any():  # a run over the end of a column
            y1, y2 = 0, height
        return int(first[0]), y1, int(last[-1]) + 1, y2


def _covered(mask: Runs, before: Numbers, numbers: Numbers) -> Numbers:
    """Pixels of `mask` that come before each of `numbers`; `before` is that of its runs."""
    row = np.searchsorted(mask.starts, numbers, side="right") - 1
    inside = np.minimum(numbers, mask.ends[row]) - mask.starts[row]
    return np.where(row < 0, 0, before[row] + inside)


def window_runs(window: NDArray[np.bool_], left: int, top: int, height: int) -> Runs:
    """The runs of a mask that is `window` (h, w) at (left, top) of an image of `height`, else 0."""
    framed = np.zeros((window.shape[1], window.shape[0] + 2), dtype=bool)
    framed[:, 1:-1] = window.T
    turns = np.flatnonzero(framed[:, 1:] != framed[:, :-1])  # where a run starts, where it ends
    column, row = np.divmod(turns, window.shape[0] + 1)
    changes = (left + column) * height + top + row
    # A run down to the last row and one from the first row of the next column are one.
    apart = np.flatnonzero(changes[1:-1:2] == changes[2::2]) * 2 + 1
    changes = np.delete(changes, [*apart, *(apart + 1)]).astype(np.int64)
    return Runs(changes[0::2], changes[1::2])


def rectangle_runs(left: int, top: int, right: int, bottom: int, height: int) -> Runs:
    """The runs of all pixels from (left, top) to before (right, bottom), one for each column."""
    first = np.arange(left, right, dtype=np.int64) * height
    return Runs(first + top, first + bottom)


def runs_window(runs: Runs, height: int) -> tuple[NDArray[np.bool_], int, int]:
    """The window (h, w) of a mask in an image of `height`, and the window's x and y.

    The window has no empty border, and no pixels at all when the mask is empty.
    """
    if not len(runs.starts):
        return np.zeros((0, 0), dtype=bool), 0, 0
    pieces = cut_at_columns(runs, height)
    column, first = np.divmod(pieces.starts, height)
    left, right = int(column[0]), int(column[-1]) + 1
    last = first + (pieces.ends - pieces.starts)
    top, bottom = int(first.min()), int(last.max())
    stride = bottom - top + 1
    steps = np.zeros((right - left) * stride, dtype=np.int8)
    place = (column - left) * stride - top
    steps[place + first] = 1
    steps[place + last] -= 1
    columns = np.cumsum(steps, dtype=np.int8).reshape(right - left, stride)[:, :-1]
    return np.ascontiguousarray(columns.astype(bool).T), left, top


def part_of(runs: Runs, height: int, top: int, left: int, size: Size) -> NDArray[np.bool_]:
    """Part of a mask in an image of `height`, in a window of (height, width) `size` at (top, left).

    Only the window is in memory.
    """
    tall, wide = size
    steps = np.zeros((wide, tall + 1), dtype=np.int8)
    if len(runs.starts):
        pieces = cut_at_columns(runs, height)
        column, first = np.divmod(pieces.starts, height)
        last = first + (pieces.ends - pieces.starts)
        start, end = (first - top).clip(0, tall), (last - top).clip(0, tall)
        inside = (column >= left) & (column < left + wide) & (end > start)
        steps[column[inside] - left, start[inside]] = 1
        steps[column[inside] - left, end[inside]] -= 1  # 0 where the next run starts at once
    return np.ascontiguousarray(np.cumsum(steps, axis=1, dtype=np.int8)[:, :-1].astype(bool).T)


def cut_at_columns(runs: Runs, height: int) -> Runs:
    """The same pixels as runs of which none goes on in the next column."""
    first, last = runs.starts // height, (runs.ends - 1) // height
    counts = last - first + 1
    if int(counts.max()) == 1:
        return runs
    row = np.repeat(np.arange(len(counts)), counts)
    column = first[row] + np.arange(len(row)) - (np.cumsum(counts) - counts)[row]
    starts = np.maximum(runs.starts[row], column * height)
    return Runs(starts, np.minimum(runs.ends[row], (column + 1) * height))
