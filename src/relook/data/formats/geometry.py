"""Shapes of annotation tools, and the pixels of each as runs.

All coordinates are along the edges of pixels: pixel (0, 0) is the square from 0, 0 to 1, 1. A pixel
belongs to a shape if its centre is inside. Outlines whose corners are corners of pixels therefore
give exactly the pixels that they enclose. No mask of the whole image is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from ...ops.runs import Runs, window_runs
from ...structures.detection import Size

Points = NDArray[np.float64]  # (K, 2) x, y in pixels

_MOST_CROSSINGS: Final = 5_000_000  # of the columns of an image by the edges of one shape
_FARTHEST: Final = 2.0**40  # pixels; beyond it, coordinates have no fractions worth anything
_SMALLEST: Final = 1e-6  # pixels, of a radius


class UnusableShapeError(ValueError):
    """A shape that no image can have; the message is the end of a sentence about the object."""


@dataclass(frozen=True, slots=True, eq=False)
class Outline:
    """Closed rings (K, 2); what is inside of an odd number of them belongs to the shape.

    So the first ring may be an outline and the others its holes.
    """

    rings: tuple[Points, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Rectangle:
    """A box (4, 2) by its corners in their order, drawn around an object."""

    corners: Points


@dataclass(frozen=True, slots=True)
class Ellipse:
    """An ellipse around (x, y), whose first radius is turned by `angle`, clockwise as seen.

    Raises:
        UnusableShapeError: it is larger than any image, or elsewhere.
    """

    x: float
    y: float
    first: float  # radius
    second: float  # radius
    angle: float = 0.0  # radians

    def __post_init__(self) -> None:
        numbers = (self.x, self.y, self.first, self.second, self.angle)
        if not all(abs(number) < _FARTHEST for number in numbers):  # also false for NaN
            raise UnusableShapeError("has coordinates that no image has")


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """Pixels of an image of `height`, as runs down its columns."""

    runs: Runs
    height: int


Shape = Outline | Rectangle | Ellipse | Pixels


def points_of(values: Sequence[Sequence[float]] | Points) -> Points:
    """Points (K, 2) of a tool, rounded to a millionth of a pixel.

    Raises:
        UnusableShapeError: there are coordinates that are not finite, or far outside of any image.
    """
    points = np.asarray(values, np.float64).reshape(-1, 2)
    if not (np.abs(points) < _FARTHEST).all():  # also true for NaN
        raise UnusableShapeError("has coordinates that no image has")
    return points.round(6)


def pixels(mask: NDArray[np.bool_], left: int, top: int, size: Size) -> Pixels:
    """The pixels of a mask (h, w) at column `left` and row `top` of an image; others are cut."""
    height, width = size
    x, y = max(left, 0), max(top, 0)
    inside = mask[y - top : max(height - top, 0), x - left : max(width - left, 0)]
    return Pixels(window_runs(inside, x, y, height) if inside.size else Runs.union([]), height)


def rectangle(
    left: float, top: float, right: float, bottom: float, turn: float = 0.0, at: str = "centre"
) -> Rectangle:
    """A box turned by `turn` degrees, clockwise as seen, around its centre or its ``"corner"``."""
    corners = np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float64)
    pivot = corners[0] if at == "corner" else np.array([left + right, top + bottom]) / 2
    if turn:
        cosine, sine = math.cos(math.radians(turn)), math.sin(math.radians(turn))
        corners = (corners - pivot) @ np.array([[cosine, sine], [-sine, cosine]]) + pivot
    return Rectangle(points_of(corners))


def bounds_of(shape: Shape) -> tuple[float, float, float, float]:
    """(x1, y1, x2, y2) around a shape in pixels; nowhere for one without pixels."""
    if isinstance(shape, Pixels):
        if not len(shape.runs.starts):
            return math.inf, math.inf, -math.inf, -math.inf
        return shape.runs.bounds(shape.height)
    if isinstance(shape, Ellipse):
        cosine, sine = math.cos(shape.angle), math.sin(shape.angle)
        wide = math.hypot(shape.first * cosine, shape.second * sine)
        tall = math.hypot(shape.first * sine, shape.second * cosine)
        return shape.x - wide, shape.y - tall, shape.x + wide, shape.y + tall
    points = shape.corners if isinstance(shape, Rectangle) else np.concatenate(shape.rings)
    (x1, y1), (x2, y2) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    return x1, y1, x2, y2


def shape_runs(shape: Shape, size: Size) -> Runs:
    """The pixels of a shape in an image of (height, width), as runs down the columns.

    Raises:
        UnusableShapeError: the outline is too long for any object.
    """
    if isinstance(shape, Pixels):
        return shape.runs
    if isinstance(shape, Ellipse):
        return _ellipse_runs(shape, size)
    rings = (shape.corners,) if isinstance(shape, Rectangle) else shape.rings
    return _outline_runs(rings, size)


def joined_runs(shapes: Sequence[Shape], size: Size) -> Runs:
    """The pixels of all `shapes` together; raises as `shape_runs`."""
    return Runs.union([shape_runs(shape, size) for shape in shapes])


def _outline_runs(rings: Sequence[Points], size: Size) -> Runs:
    """Pixels whose centre is inside an odd number of rings."""
    height, width = size
    start = np.concatenate(rings)
    end = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    swap = start[:, :1] > end[:, :1]  # a line that is run both ways then cancels out exactly
    start, end = np.where(swap, end, start), np.where(swap, start, end)
    first, last = (np.clip(np.ceil(edge[:, 0] - 0.5), 0, width) for edge in (start, end))
    counts = (last - first).astype(np.int64)
    total = int(counts.sum())
    if total > _MOST_CROSSINGS:
        raise UnusableShapeError("has an outline that is longer than that of any object")
    edge = np.repeat(np.arange(len(counts)), counts)
    column = first[edge] + np.arange(total) - (np.cumsum(counts) - counts)[edge]
    (x0, y0), (x1, y1) = start[edge].T, end[edge].T
    y = y0 + (column + 0.5 - x0) * ((y1 - y0) / np.where(x1 > x0, x1 - x0, 1.0))
    row = np.clip(np.ceil(y - 0.5), 0, height)
    turns = np.sort(column.astype(np.int64) * (height + 1) + row.astype(np.int64))
    column, row = np.divmod(turns, height + 1)
    changes = column * height + row
    return Runs.of_ranges(changes[0::2], changes[1::2])


def _ellipse_runs(shape: Ellipse, size: Size) -> Runs:
    height, width = size
    if min(shape.first, shape.second) < _SMALLEST:
        return Runs.union([])
    x1, _, x2, _ = bounds_of(shape)
    low, high = max(math.ceil(x1 - 0.5), 0), min(math.ceil(x2 - 0.5), width)
    column = np.arange(low, max(low, high), dtype=np.int64)
    # In the frame of the ellipse, p = u cos + v sin and q = v cos - u sin; (p/a)^2 + (q/b)^2 = 1
    # is a quadratic equation in v for each column.
    u = column + 0.5 - shape.x
    cosine, sine = math.cos(shape.angle), math.sin(shape.angle)
    a, b = 1 / shape.first**2, 1 / shape.second**2
    square = a * sine**2 + b * cosine**2
    linear = 2 * u * sine * cosine * (a - b)
    constant = u**2 * (a * cosine**2 + b * sine**2) - 1
    root = np.sqrt(np.maximum(linear**2 - 4 * square * constant, 0.0))
    middle = shape.y - linear / (2 * square)
    top, bottom = (
        np.clip(np.ceil(middle + side * root / (2 * square) - 0.5), 0, height).astype(np.int64)
        for side in (-1, 1)
    )
    return Runs.of_ranges(column * height + top, column * height + bottom)
