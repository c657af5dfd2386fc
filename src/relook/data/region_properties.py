"""Measurements of one object from its mask, by the definitions of scikit-image's regionprops.

A pixel counts as a point in moments and axes, and as a square in areas. Lengths are in pixels,
angles in radians.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], np.uint8)
_CODES = np.array([[10, 2, 10], [2, 1, 2], [10, 2, 10]], np.uint8)  # a pixel and its neighbours
_TOLERANCE = 1e-10  # by which rounding may put a centre outside of the convex hull


def _weights() -> NDArray[np.float64]:
    """Length that a border pixel adds to the perimeter, by the code of its neighbourhood.

    K. Benkrid, D. Crookes: Design and FPGA implementation of a perimeter estimator, 2000.
    """
    weights = np.zeros(50)
    weights[[5, 7, 15, 17, 25, 27]] = 1
    weights[[21, 33]] = math.sqrt(2)
    weights[[13, 23]] = (1 + math.sqrt(2)) / 2
    return weights


_WEIGHTS = _weights()


@dataclass(frozen=True, slots=True)
class RegionProperties:
    """Measurements of one object; all zero or NaN where there is no pixel."""

    area: int
    centroid: tuple[float, float]
    """(x, y) of the mean of the pixels, where a pixel is at its centre: the first at (0, 0)."""
    major_axis: float
    """Length of the major axis of the ellipse with the same second moments."""
    minor_axis: float
    orientation: float
    """Angle from the y axis to the major axis, from -pi/2 to pi/2, counter-clockwise."""
    perimeter: float
    """Length of the line through the centres of the border pixels."""
    convex_area: int
    """Pixels whose centre is in the convex hull of the pixels."""

    @property
    def equivalent_diameter(self) -> float:
        """Diameter of the disc of the same area."""
        return math.sqrt(4 * self.area / math.pi)

    @property
    def circularity(self) -> float:
        """``4 pi area / perimeter**2``: 1 for a disc, less for others; NaN without a perimeter.

        Small objects may have more than 1, since the perimeter is an estimate.
        """
        return 4 * math.pi * self.area / self.perimeter**2 if self.perimeter else math.nan

    @property
    def solidity(self) -> float:
        """Share of the convex hull that is object; NaN where there is no pixel."""
        return self.area / self.convex_area if self.convex_area else math.nan


def region_properties(mask: NDArray[np.bool_], left: int = 0, top: int = 0) -> RegionProperties:
    """Measure a mask (H, W) whose first pixel is at (`left`, `top`) of the image."""
    rows, columns = np.nonzero(mask)
    area = len(rows)
    if not area:
        return RegionProperties(0, (math.nan, math.nan), 0.0, 0.0, 0.0, 0.0, 0)
    y, x = float(rows.mean()), float(columns.mean())
    dy, dx = rows - y, columns - x
    yy, xx, xy = float(dy @ dy) / area, float(dx @ dx) / area, float(dx @ dy) / area
    middle, spread = (xx + yy) / 2, math.hypot((xx - yy) / 2, xy)
    return RegionProperties(
        area=area,
        centroid=(x + left, y + top),
        major_axis=4 * math.sqrt(middle + spread),
        minor_axis=4 * math.sqrt(max(middle - spread, 0.0)),
        orientation=_orientation(xx, yy, xy),
        perimeter=_perimeter(mask),
        convex_area=_convex_area(mask),
    )


def _orientation(xx: float, yy: float, xy: float) -> float:
    if xx == yy:
        return -math.pi / 4 if xy < 0 else math.pi / 4
    return 0.5 * math.atan2(2 * xy, yy - xx)


def _perimeter(mask: NDArray[np.bool_]) -> float:
    framed = np.pad(mask, 2).astype(np.uint8)
    border = framed - cv2.erode(framed, _CROSS)
    codes = cv2.filter2D(border, cv2.CV_8U, _CODES, borderType=cv2.BORDER_CONSTANT)
    return float(_WEIGHTS @ np.bincount(codes.ravel(), minlength=50)[:50])


def _convex_area(mask: NDArray[np.bool_]) -> int:
    """Pixels in the hull of the middles of all pixel edges, borders included."""
    rows, columns = np.nonzero(mask)
    first, last = _ends(rows, columns)
    points = [(x + dx, y + dy) for x, y in (*first, *last) for dx, dy in _MIDDLES]
    hull = cv2.convexHull(np.array(points, np.float32))[:, 0].astype(np.float64)
    x0, y0 = hull.T[:, :, None]
    dx, dy = (np.roll(hull, -1, axis=0) - hull).T[:, :, None]
    y = np.arange(mask.shape[0])
    # The hull runs clockwise: a falling edge bounds a row on the right, a rising one on the left.
    with np.errstate(divide="ignore", invalid="ignore"):
        bound = x0 + (dx * (y - y0) + _TOLERANCE) / dy
    right = np.where(dy > 0, bound, np.inf).min(axis=0)
    left = np.where(dy < 0, bound, -np.inf).max(axis=0)
    is_row = ((dy != 0) | (dx * (y - y0) >= -_TOLERANCE)).all(axis=0)
    counts = np.floor(right) - np.ceil(left) + 1
    return int(np.where(is_row, counts, 0).clip(min=0).sum())


_MIDDLES = ((-0.5, 0.0), (0.5, 0.0), (0.0, -0.5), (0.0, 0.5))


def _ends(
    rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """First and last pixel (x, y) of each row: the hull needs no others."""
    starts = np.flatnonzero(np.diff(rows, prepend=-1))
    ends = np.append(starts[1:], len(rows)) - 1
    first = list(zip(columns[starts].tolist(), rows[starts].tolist(), strict=True))
    last = list(zip(columns[ends].tolist(), rows[ends].tolist(), strict=True))
    return first, last
