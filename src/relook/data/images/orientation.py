"""The eight orientations of EXIF and TIFF: pixels, sizes, windows and points, turned upright.

An image is stored in one frame, and seen in another one where its orientation is not 1.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...structures.detection import Size

TAG: Final = 0x0112  # of EXIF and TIFF
UPRIGHT: Final = 1

Window = tuple[int, int, int, int]  # top, left, height, width
Affine = tuple[float, float, float, float, float, float]  # a, b, c, d, e, f: x' = a x + b y + c


def known(value: object) -> int:
    """The orientation that a tag says, from 1 to 8; 1 for every other value."""
    return value if isinstance(value, int) and 1 <= value <= 8 else UPRIGHT


def upright(pixels: NDArray[Any], orientation: int) -> NDArray[Any]:
    """Turn stored `pixels` (H, W, ...) upright; a view, except that nothing is copied for 1."""
    if orientation >= 5:
        pixels = pixels.swapaxes(0, 1)
    rows = slice(None, None, -1) if orientation in {3, 4, 7, 8} else slice(None)
    columns = slice(None, None, -1) if orientation in {2, 3, 6, 7} else slice(None)
    return pixels[rows, columns]


def upright_size(size: Size, orientation: int) -> Size:
    """(height, width) once upright of an image stored with `size`; and the other way round."""
    return (size[1], size[0]) if orientation >= 5 else size


def stored_window(window: Window, stored: Size, orientation: int) -> Window:
    """The window of an image stored with (height, width) `stored` that becomes `window`."""
    top, left, height, width = window
    bottom, right = top + height, left + width
    tall, wide = upright_size(stored, orientation)
    if orientation in {3, 4, 7, 8}:
        top, bottom = tall - bottom, tall - top
    if orientation in {2, 3, 6, 7}:
        left, right = wide - right, wide - left
    if orientation >= 5:
        return left, top, right - left, bottom - top
    return top, left, bottom - top, right - left


def upright_points(points: NDArray[Any], stored: Size, orientation: int) -> NDArray[Any]:
    """Points (N, 2) x, y in pixels of the stored image, once upright."""
    x, y = points[:, 0], points[:, 1]
    if orientation >= 5:
        x, y = y, x
    tall, wide = upright_size(stored, orientation)
    if orientation in {3, 4, 7, 8}:
        y = tall - y
    if orientation in {2, 3, 6, 7}:
        x = wide - x
    return np.stack([x, y], axis=1)


def upright_affine(transform: Affine, stored: Size, orientation: int) -> Affine:
    """`transform` from stored pixels, made one from upright pixels."""
    corners = np.array([[0.0, 0.0], [stored[1], 0.0], [0.0, stored[0]]])
    turned = upright_points(corners, stored, orientation)
    a, b, c, d, e, f = transform
    there = np.array([[a * x + b * y + c, d * x + e * y + f] for x, y in corners])
    system = np.column_stack([turned, np.ones(3)])
    (a, d), (b, e), (c, f) = np.linalg.solve(system, there).tolist()
    return a, b, c, d, e, f
