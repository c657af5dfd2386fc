"""Contours through the centres of pixels, as programs make of masks with OpenCV.

Their corners are numbers of the border pixels, which belong to the object. Read along edges, such a
contour loses half a pixel on every side: 10 to 20 % of the area of an object 15 pixels across.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...ops.runs import Runs
from ...structures.detection import Size
from .geometry import Outline, Pixels, UnusableShapeError, pixels

_NEAR: Final = 0.05  # pixels from a whole number, by rounding in a file
_FEWEST: Final = 8  # points of a contour that is told
_BEYOND: Final = 4096  # pixels outside of the image


def is_contour(outline: Outline) -> bool:
    """Return whether an outline goes from pixel to neighbouring pixel, diagonals among them."""
    if len(outline.rings) != 1 or len(outline.rings[0]) < _FEWEST:
        return False
    ring = outline.rings[0]
    whole = np.rint(ring)
    if np.abs(ring - whole).max() > _NEAR:
        return False
    steps = np.abs(np.roll(whole, -1, axis=0) - whole)
    straight, diagonal = (steps == 0).any(axis=1), steps[:, 0] == steps[:, 1]
    return bool((straight | diagonal).all() and (diagonal & ~straight).sum() >= 2)


def contour_pixels(outline: Outline, size: Size) -> Pixels:
    """The pixels of an outline through centres: those on it, and those inside.

    Pixels on the ring of a hole belong to the object too.

    Raises:
        UnusableShapeError: it is far outside of the image.
    """
    height, width = size
    rings = [np.rint(ring).astype(np.int64) for ring in outline.rings]
    points = np.concatenate(rings)
    if points.min() < -_BEYOND or points.max() > max(size) + _BEYOND:
        raise UnusableShapeError("has coordinates far outside of its image")
    left, top = np.clip(points.min(axis=0), 0, (width, height)).tolist()
    right, bottom = np.clip(points.max(axis=0) + 1, 0, (width, height)).tolist()
    if right <= left or bottom <= top:
        return Pixels(Runs.union([]), height)
    shape = bottom - top, right - left
    mask = _filled(rings[0], left, top, shape)
    for ring in rings[1:]:
        border = np.zeros(shape, np.uint8)
        cv2.polylines(border, [_shifted(ring, left, top)], isClosed=True, color=1)
        mask &= ~(_filled(ring, left, top, shape) & (border == 0))
    return pixels(mask, left, top, size)


def _filled(ring: NDArray[np.int64], left: int, top: int, shape: Size) -> NDArray[np.bool_]:
    drawn = np.zeros(shape, np.uint8)
    cv2.fillPoly(drawn, [_shifted(ring, left, top)], color=1)
    return np.asarray(drawn == 1)


def _shifted(ring: NDArray[np.int64], left: int, top: int) -> NDArray[np.int32]:
    return (ring - (left, top)).astype(np.int32).reshape(-1, 1, 2)
