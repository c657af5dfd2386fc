"""Polygons of masks along the edges of pixels, and masks of such polygons.

A contour through the centres of the border pixels loses half a pixel on every side, which is 5 to
12 % of the area of a small object. Here a pixel is the square from (x, y) to (x + 1, y + 1), so
that the area of the polygons is the number of pixels, and `polygons_mask` gives the mask back.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Ring = NDArray[np.int32]  # (K, 2) corners x, y; the last one is joined to the first


@dataclass(frozen=True, slots=True, eq=False)
class Polygon:
    """One connected part of a mask: its outer ring, and the rings of its holes.

    The outer ring runs clockwise as an image is seen (y down), holes the other way round.
    """

    exterior: Ring
    holes: tuple[Ring, ...] = ()

    @property
    def area(self) -> float:
        """Pixels inside the outer ring and outside of the holes."""
        return signed_area(self.exterior) + sum(signed_area(hole) for hole in self.holes)


def signed_area(ring: NDArray[np.int32] | NDArray[np.float64]) -> float:
    """Area of a ring (K, 2), positive where it runs clockwise as an image is seen."""
    x, y = ring[:, 0].astype(np.float64), ring[:, 1].astype(np.float64)
    return float((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() / 2)


def mask_polygons(mask: NDArray[np.bool_], left: int = 0, top: int = 0) -> list[Polygon]:
    """Polygons of a mask (H, W) whose first pixel is at (`left`, `top`), largest first.

    Pixels that touch at a corner only belong to different parts, and no ring touches itself: the
    polygons are simple features in the sense of OGC.
    """
    corners, is_start = _corners(mask)
    if not len(corners):
        return []
    parts, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    exteriors: list[Ring | None] = [None] * parts
    holes: list[list[Ring]] = [[] for _ in range(parts)]
    offset = np.array([left, top], np.int32)
    for ring in _rings(corners, is_start):
        (x0, y0), (x1, _) = corners[ring[0]], corners[ring[1]]
        x = min(x0, x1)  # the first edge is horizontal; the object is above or below it
        is_below = bool(y0 < mask.shape[0] and mask[y0, x])
        part = labels[y0 if is_below else y0 - 1, x]
        points = corners[ring] if (x1 > x0) == is_below else corners[ring[::-1]]
        for simple in _simple_rings(points):
            if signed_area(simple) > 0:
                exteriors[part] = simple + offset
            else:
                holes[part].append(simple + offset)
    polygons = [
        Polygon(exterior, tuple(rings))
        for exterior, rings in zip(exteriors, holes, strict=True)
        if exterior is not None
    ]
    return sorted(polygons, key=lambda polygon: -polygon.area)


def polygons_mask(polygons: list[Polygon], size: tuple[int, int]) -> NDArray[np.bool_]:
    """The mask (H, W) of polygons whose corners are corners of pixels.

    Exact inverse of `mask_polygons`. What lies outside of the image is left out.
    """
    height, width = size
    crossings = np.zeros((height, width + 1), np.int32)  # parity of vertical edges left of a pixel
    for ring in (ring for polygon in polygons for ring in (polygon.exterior, *polygon.holes)):
        for (x0, y0), (x1, y1) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            if x0 == x1:
                low, high = sorted((int(y0), int(y1)))
                crossings[max(low, 0) : max(high, 0), min(max(int(x0), 0), width)] += 1
    return np.asarray(crossings[:, :-1].cumsum(axis=1) % 2 == 1)


def simplified(polygon: Polygon, tolerance: float) -> Polygon:
    """The polygon with fewer corners, none farther than `tolerance` pixels from the old outline.

    Douglas-Peucker on every ring (`cv2.approxPolyDP`); holes that shrink to a line are left out,
    and an outer ring that would is kept as it is. With a tolerance of 0 nothing changes.
    """
    if tolerance == 0:
        return polygon
    exterior = _reduced(polygon.exterior, tolerance)
    holes = tuple(_reduced(hole, tolerance) for hole in polygon.holes)
    return Polygon(
        exterior if len(exterior) > 2 else polygon.exterior,
        tuple(hole for hole in holes if len(hole) > 2),
    )


def without_holes(polygon: Polygon) -> Ring:
    """One ring (K, 2) that runs into each hole and back along the same line.

    For formats that have no holes: filled by either rule it is the polygon.
    """
    ring = polygon.exterior
    for hole in polygon.holes:
        ring = _joined(ring, hole)
    return ring


def single_ring(polygons: list[Polygon]) -> Ring:
    """One ring for all parts of an object, joined by lines that run there and back.

    For formats with one ring an object.
    """
    first, *others = map(without_holes, polygons)
    for ring in others:
        first = _joined(first, ring)
    return first


def _joined(ring: Ring, other: Ring) -> Ring:
    """`ring` with a way from its nearest corner to that of `other`, around it, and back."""
    distances = np.abs(ring[:, None] - other).sum(axis=-1)
    start, end = np.unravel_index(int(distances.argmin()), distances.shape)
    around = np.roll(other, -int(end), axis=0)
    return np.concatenate([ring[: start + 1], around, around[:1], ring[start:]])


def _reduced(ring: Ring, tolerance: float) -> Ring:
    points = cv2.approxPolyDP(ring.reshape(-1, 1, 2), tolerance, closed=True)
    return np.asarray(points, np.int32).reshape(-1, 2)


def _simple_rings(ring: Ring) -> list[Ring]:
    """`ring` cut where it meets itself at a corner, into rings that do not."""
    points = [(x, y) for x, y in ring.tolist()]
    if len(set(points)) == len(points):
        return [ring]
    rings: list[Ring] = []
    path: list[tuple[int, int]] = []
    for point in points:
        if point in path:
            start = path.index(point)
            rings.append(np.array(path[start:], np.int32))
            del path[start:]
        path.append(point)
    return [*rings, np.array(path, np.int32)]


def _corners(mask: NDArray[np.bool_]) -> tuple[Ring, NDArray[np.bool_]]:
    """Corners (K, 2) where the outline of a mask turns, and which of them begin an edge below.

    Where two pixels touch at a corner only, the corner stands there twice, once for each pixel.
    Corners are sorted by row, then by column; of a double one the first ends the horizontal edge
    on its left.
    """
    framed = np.zeros((mask.shape[0] + 2, mask.shape[1] + 2), np.uint8)
    framed[1:-1, 1:-1] = mask
    a, b = framed[:-1, :-1], framed[:-1, 1:]  # above: left, right
    c, d = framed[1:, :-1], framed[1:, 1:]  # below: left, right
    code = a | b << 1 | c << 2 | d << 3
    falling, rising = code == 0b1001, code == 0b0110  # only a and d; only b and c
    single = np.isin(code, (1, 2, 4, 8, 7, 11, 13, 14))
    times = single.astype(np.int8) + 2 * (falling | rising)
    rows, columns = np.nonzero(times)
    repeats = times[rows, columns]
    rows, columns = rows.repeat(repeats), columns.repeat(repeats)
    kinds = code[rows, columns]
    first = np.ones(len(rows), bool)
    first[1:] = (rows[1:] != rows[:-1]) | (columns[1:] != columns[:-1])
    # Does the vertical edge of this corner go down? One pixel set, or all but one, tell it by the
    # lower row; of a double corner the first ends the edge on the left: with a and d it goes up.
    lower = ((kinds >> 2) & 1) != ((kinds >> 3) & 1)
    down = np.where(kinds == 0b1001, ~first, np.where(kinds == 0b0110, first, lower))
    return np.stack([columns, rows], axis=1).astype(np.int32), down


def _rings(corners: Ring, down: NDArray[np.bool_]) -> list[NDArray[np.int64]]:
    """Corners of each closed outline in order; each starts with a horizontal edge."""
    count = len(corners)
    beside = np.arange(count) ^ 1  # sorted by row and column: pairs are horizontal edges
    order = np.lexsort((down, corners[:, 1], corners[:, 0]))  # of a double one, the upper edge's
    above = np.empty(count, np.int64)
    above[order[0::2]], above[order[1::2]] = order[1::2], order[0::2]
    horizontal, vertical = beside.tolist(), above.tolist()
    is_done = bytearray(count)
    rings = []
    for start in range(count):
        if is_done[start]:
            continue
        ring, corner = [], start
        while not is_done[corner]:
            across = horizontal[corner]
            is_done[corner] = is_done[across] = 1
            ring += [corner, across]
            corner = vertical[across]
        rings.append(np.array(ring))
    return rings
