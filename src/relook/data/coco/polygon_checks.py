"""Polygons of thousands of annotations, checked on arrays: the checks of `checked_mask`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ...ops.rle import areas
from .packed_polygons import PackedPolygons
from .segmentation import MOST_OUTLINE

_MARGIN: Final = 1.001  # by which sums that are rounded in another order must pass
_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


@lru_cache(maxsize=4096)
def are_pairs(lengths: tuple[int, ...]) -> bool:
    """Return whether polygons of so many numbers have three points or more."""
    return all(length >= 6 and length % 2 == 0 for length in lengths)


def looked_at(masks: Sequence[PackedPolygons], sizes: _Floats) -> tuple[_Bools, _Floats]:
    """Flags (N,) of masks whose polygons all lie in the image and cover a pixel, and bounds (N, 4).

    Args:
        masks: N masks, at least one; `are_pairs` is true for all of them.
        sizes: (N, 2) height and width of their images.
    """
    parts_of = np.array([len(mask.lengths) for mask in masks])
    lengths = np.array([length for mask in masks for length in mask.lengths])
    points = np.frombuffer(b"".join(mask.numbers for mask in masks), np.float64).reshape(-1, 2)
    ends = (lengths // 2).cumsum()
    starts = ends - lengths // 2
    following = np.arange(1, len(points) + 1)
    following[ends - 1] = starts
    x, y = points.T
    next_x, next_y = points[following].T
    area = np.abs(np.add.reduceat(x * next_y - next_x * y, starts)) / 2
    outline = np.add.reduceat(np.abs(next_x - x) + np.abs(next_y - y), starts)
    low = np.minimum.reduceat(points, starts)
    high = np.maximum.reduceat(points, starts)
    owner = np.repeat(np.arange(len(masks)), parts_of)
    height, width = sizes[owner].T
    most = np.minimum(MOST_OUTLINE, 8 * (height + 1) * (width + 1))
    inside = (low >= 0).all(axis=1) & (high[:, 0] <= width) & (high[:, 1] <= height)
    inside &= outline * _MARGIN < most
    usable = inside & (area > 2 * outline * _MARGIN)
    doubtful = np.flatnonzero(inside & ~usable)
    usable[doubtful] = _cover(points, starts[doubtful], ends[doubtful], sizes[owner[doubtful]])
    first = parts_of.cumsum() - parts_of
    bounds = np.concatenate(
        [np.minimum.reduceat(low, first), np.maximum.reduceat(high, first)], axis=1
    )
    return np.logical_and.reduceat(usable, first), bounds


def _cover(
    points: _Floats, starts: NDArray[np.int64], ends: NDArray[np.int64], sizes: _Floats
) -> _Bools:
    """(N,) whether polygons, which are near their images, cover a pixel."""
    covered = np.zeros(len(starts), dtype=bool)
    groups: dict[tuple[int, int], list[int]] = defaultdict(list)
    for number, (height, width) in enumerate(sizes.astype(int).tolist()):
        groups[height, width].append(number)
    for (height, width), numbers in groups.items():
        polygons = [points[starts[n] : ends[n]].ravel().tolist() for n in numbers]
        covered[numbers] = areas(coco_mask.frPyObjects(polygons, height, width)) > 0
    return covered
