"""Shapes of the objects of a result: windows of their masks, polygons, measurements."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...data.polygons import Polygon, mask_polygons, simplified
from ...ops.rle import decode_window
from ..results import Result

_NOT_IN_XML: Final = re.compile("[^\\t\\n\\r\\x20-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]")

Window = tuple[NDArray[np.bool_], int, int]  # (h, w) mask, and its x and y in the image


def object_windows(result: Result, rows: NDArray[np.bool_] | None = None) -> Iterator[Window]:
    """The mask of each object as a window (h, w) with its x and y; for boxes only, filled boxes.

    A filled box covers the pixels whose centre is inside. With `rows` (N,) only the objects of
    these rows are given.
    """
    chosen = range(len(result)) if rows is None else np.flatnonzero(rows).tolist()
    if result.masks is not None:
        for row in chosen:
            yield decode_window(result.masks[row])
        return
    height, width = result.size
    boxes = np.ceil(result.boxes.astype(np.float64) - 0.5).astype(int).tolist()
    for x1, y1, x2, y2 in (boxes[row] for row in chosen):
        left, right = sorted((min(max(x1, 0), width), min(max(x2, 0), width)))
        top, bottom = sorted((min(max(y1, 0), height), min(max(y2, 0), height)))
        yield np.ones((bottom - top, right - left), bool), left, top


def object_polygons(result: Result, tolerance: float = 0.0) -> Iterator[list[Polygon]]:
    """Polygons of each object along the edges of pixels, largest first; none for an empty mask.

    With a `tolerance` in pixels they have fewer corners (`data.polygons.simplified`).
    """
    for window, left, top in object_windows(result):
        yield [simplified(polygon, tolerance) for polygon in mask_polygons(window, left, top)]


def xml_text(text: str) -> str:
    """`text` without the characters that XML 1.0 does not have, such as control characters."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text)
