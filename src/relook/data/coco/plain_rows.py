"""Annotations without anything to note, checked thousands at a time on arrays.

Nearly all annotations of nearly all files are plain: a box in the image that agrees with polygons
in the image. The checks here are those of `AnnotationReader`; a row that does not pass all of them
by a clear margin is not plain, and is left to that reader, which has the words and the exceptions.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ...ops.rle import areas
from .annotations import AnnotationReader
from .box_agreement import SHARE, TOLERANCE
from .packed_polygons import PackedPolygons, packed
from .records import ObjectRecord
from .segmentation import MOST_OUTLINE

_STEP: Final = 8192  # rows that are looked at together
_KEYS: Final = itemgetter("image_id", "category_id", "bbox", "area", "segmentation")
_TYPES: Final = frozenset((int, int, list, kind, PackedPolygons) for kind in (int, float))
_NUMBERS: Final = frozenset({int, float})
_MARGIN: Final = 1.001  # by which sums that are rounded in another order must pass
_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]


class PlainRows:
    """Objects of the rows of "annotations" that are plain; they are looked at when asked for."""

    def __init__(self, rows: Sequence[Any], reader: AnnotationReader) -> None:
        self.rows, self.reader = rows, reader
        self.places = {key: place for place, key in enumerate(reader.images)}
        sizes = [(header.height, header.width) for header in reader.images.values()]
        self.sizes = np.array(sizes, np.float64).reshape(-1, 2)
        self.is_used = reader.with_masks and reader.leniency.boxes == "as-written"
        self.first = self.end = 0  # rows that were looked at
        self.records: list[ObjectRecord | None] = []

    def record(self, position: int) -> ObjectRecord | None:
        """The object of a row, counted as the reader does; None for one that is not plain."""
        if not self.is_used:
            return None
        if not self.first <= position < self.end:
            self.first = position
            self.records = self._records(position)
            self.end = position + len(self.records)
        record = self.records[position - self.first]
        if record is not None:
            self.reader.agreement.compared += 1
        return record

    def _records(self, first: int) -> list[ObjectRecord | None]:
        rows = self.rows[first : first + _STEP]
        records: list[ObjectRecord | None] = [None] * len(rows)
        found = [(number, *self._values(row)) for number, row in enumerate(rows)]
        candidates = [values for values in found if len(values) > 1]
        if not candidates:
            return records
        numbers, places, labels, written, given, masks = zip(*candidates, strict=True)
        try:
            boxes, areas = np.array(written, np.float64), np.array(given, np.float64)
        except OverflowError:  # an integer of hundreds of digits
            return records
        sizes = self.sizes[list(places)]
        with np.errstate(all="ignore"):  # NaN and infinities pass no comparison
            corners = np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], axis=1)
            usable, bounds = _looked_at(masks, sizes)
            plain = usable & _are_plain(boxes, corners, sizes) & _agree(corners, bounds)
            plain &= (areas > 0) & np.isfinite(areas)
        boxes_of = map(tuple, corners.tolist())
        for is_plain, number, label, box, area in zip(
            plain.tolist(), numbers, labels, boxes_of, areas.tolist(), strict=True
        ):
            if is_plain:
                row = rows[number]
                mask = row["segmentation"]
                records[number] = ObjectRecord(row["id"], label, box, mask, False, area)
        return records

    def _values(self, row: Any) -> tuple[Any, ...]:
        """Place of the image, label, box, area and mask of a row of the usual types; else ()."""
        try:
            image, category, box, area, mask = _KEYS(row)
        except (KeyError, TypeError):
            return ()
        if type(mask) is not PackedPolygons:
            mask = packed(mask)
        if (type(image), type(category), type(box), type(area), type(mask)) not in _TYPES:
            return ()
        place, label = self.places.get(image), self.reader.labels.get(category)
        if place is None or label is None or not _are_pairs(mask.lengths):
            return ()
        crowd = row.get("iscrowd")
        if crowd is not None and (type(crowd) is not int or crowd):
            return ()
        if len(box) != 4 or not _NUMBERS.issuperset(map(type, box)) or row.get("ignore"):
            return ()
        return place, label, box, area, mask


@lru_cache(maxsize=4096)
def _are_pairs(lengths: tuple[int, ...]) -> bool:
    """Return whether polygons of so many numbers have three points or more."""
    return all(length >= 6 and length % 2 == 0 for length in lengths)


def _are_plain(boxes: _Floats, corners: _Floats, sizes: _Floats) -> _Bools:
    """(N,) whether boxes x, y, width, height have no flaw and lie in their images."""
    height, width = sizes.T
    x1, y1, x2, y2 = corners.T
    is_large = (boxes[:, 2] >= 1) & (boxes[:, 3] >= 1)
    inside = is_large & (x1 >= 0) & (y1 >= 0) & (x2 <= width) & (y2 <= height)
    plain: _Bools = inside & (x1 < width) & (y1 < height)
    return plain


def _agree(corners: _Floats, bounds: _Floats) -> _Bools:
    """(N,) `agrees` of boxes and the bounds of their masks."""
    difference = np.abs(corners - bounds).max(axis=1)
    sides = (bounds[:, 2:] - bounds[:, :2]).max(axis=1)
    agree: _Bools = difference <= np.maximum(TOLERANCE, SHARE * sides)
    return agree


def _looked_at(masks: Sequence[PackedPolygons], sizes: _Floats) -> tuple[_Bools, _Floats]:
    """Whether all polygons of each mask lie in the image and cover a pixel, and their bounds."""
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
