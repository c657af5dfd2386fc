"""Annotations without anything to note, checked thousands at a time on arrays.

Nearly all annotations of nearly all files are plain: a box in the image that agrees with polygons
in the image. The checks here are those of `AnnotationReader`; a row that does not pass all of them
by a clear margin is not plain, and is left to that reader, which has the words and the exceptions.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from .annotations import AnnotationReader
from .box_agreement import SHARE, TOLERANCE
from .packed_polygons import PackedPolygons, packed
from .polygon_checks import are_pairs, looked_at
from .records import ObjectRecord

_STEP: Final = 8192  # rows that are looked at together
_KEYS: Final = itemgetter("image_id", "category_id", "bbox", "area", "segmentation")
_TYPES: Final = frozenset((int, int, list, kind, PackedPolygons) for kind in (int, float))
_NUMBERS: Final = frozenset({int, float})
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
        self.first = 0  # the first row of `records`
        self.records: list[ObjectRecord | None] = []

    def record(self, position: int) -> ObjectRecord | None:
        """The object of a row, counted as the reader does; None for one that is not plain."""
        if not self.is_used:
            return None
        if not 0 <= position - self.first < len(self.records):
            self.first, self.records = position, self._records(position)
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
            usable, bounds = looked_at(masks, sizes)
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
        if place is None or label is None or not are_pairs(mask.lengths):
            return ()
        crowd = row.get("iscrowd")
        if crowd is not None and (type(crowd) is not int or crowd):
            return ()
        if len(box) != 4 or not _NUMBERS.issuperset(map(type, box)) or row.get("ignore"):
            return ()
        return place, label, box, area, mask


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
