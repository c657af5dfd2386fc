"""Places for texts in a picture, where they hide neither objects nor each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

Rectangle = tuple[int, int, int, int]  # x1, y1, x2, y2 in pixels
Box = tuple[float, float, float, float]  # x1, y1, x2, y2 in pixels

MOST_HIDDEN: Final = 0.05  # share of an object that a text may lie on
_SAMPLES: Final = 100  # along the side of an object, at least, where it has so many pixels


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """The pixels of an object in a picture, sampled every `step` pixels from (`left`, `top`)."""

    inside: NDArray[np.bool_]
    left: float
    top: float
    step: float

    @classmethod
    def of(cls, window: NDArray[np.bool_], left: float, top: float, scale: float) -> Self:
        """The shape of a mask `window` at (`left`, `top`) of an image that is drawn `scale` times
        as large."""
        stride = max(1, int(math.sqrt(np.count_nonzero(window)) / _SAMPLES))
        return cls(window[::stride, ::stride], left * scale, top * scale, stride * scale)

    @classmethod
    def of_box(cls, box: NDArray[Any]) -> Self:
        """The shape of a whole box (x1, y1, x2, y2) in pixels of the picture."""
        x1, y1, x2, y2 = (float(value) for value in box)
        step = max(1.0, max(x2 - x1, y2 - y1) / _SAMPLES)
        size = (max(1, round((y2 - y1) / step)), max(1, round((x2 - x1) / step)))
        return cls(np.ones(size, dtype=bool), x1, y1, step)

    def hidden(self, plate: Rectangle) -> float:
        """The share of the object, in [0, 1], that `plate` lies on."""
        if plate[2] <= self.left or plate[3] <= self.top:
            return 0.0
        columns = self._samples(plate[0] - self.left, plate[2] - self.left)
        rows = self._samples(plate[1] - self.top, plate[3] - self.top)
        count = np.count_nonzero(self.inside[rows, columns])
        return float(count / np.count_nonzero(self.inside)) if count else 0.0

    def _samples(self, start: float, end: float) -> slice:
        """The samples of a span of pixels; those that it only touches belong to it."""
        return slice(max(0, math.floor(start / self.step)), max(0, math.ceil(end / self.step)))


def hides_too_much(plate: Rectangle, shapes: Sequence[Shape]) -> bool:
    """Return whether a text on `plate` lies on more than a twentieth of an object."""
    return any(shape.hidden(plate) > MOST_HIDDEN for shape in shapes)


def place(
    box: Box,
    size: tuple[int, int],
    canvas: tuple[int, int],
    placed: Sequence[Rectangle],
    shapes: Sequence[Shape] | None = None,
) -> tuple[int, int] | None:
    """Upper left corner for a text of `size`: the candidate that covers least, early ones first.

    Above the box, below it, inside it at the top, inside at the bottom, beside it, then one step
    farther away, where the colour still shows the object of the text. With `shapes`, those that
    hide too much of an object or of a text are no candidates, and there may be none.
    """
    width, height = size
    corners = np.array(_corners(box, width, height))
    farthest = np.maximum(np.subtract(canvas, size), 0)
    inside = np.clip(corners, 0, farthest).astype(np.int64)
    plates = np.hstack([inside, inside + size])
    others = np.array(placed, dtype=np.int64).reshape(-1, 4)
    own = np.array([box]).astype(np.int64)
    shared = _overlaps(plates, others).sum(axis=1)
    hidden = 3 * shared + _overlaps(plates, own)[:, 0] // 2
    moved = np.abs(inside - corners).sum(axis=1)
    costs = hidden + 0.02 * width * height * np.arange(len(corners)) + 2 * moved
    for row in np.argsort(costs, kind="stable"):
        x1, y1, x2, y2 = plates[row].tolist()
        if shapes is None or not (shared[row] or hides_too_much((x1, y1, x2, y2), shapes)):
            return x1, y1
    return None


def _corners(box: Box, width: int, height: int) -> list[tuple[float, float]]:
    x1, y1, x2, y2 = box
    return [
        (x1, y1 - height),
        (x1, y2),
        (x1, y1),
        (x1, y2 - height),
        (x2 - width, y1 - height),
        (x2 - width, y2),
        (x2, y1),
        (x1 - width, y1),
        (x1, y1 - 2 * height),
        (x1, y2 + height),
        (x2, y1 - height),
        (x2, y2),
        (x1 - width, y1 - height),
        (x1 - width, y2),
        (x1, y1 - 3 * height),
        (x1, y2 + 2 * height),
    ]


def free_corner(
    size: tuple[int, int], canvas: tuple[int, int], margin: int, boxes: NDArray[Any]
) -> tuple[int, int]:
    """Upper left corner for a plate of `size` in the corner of the picture where it lies on the
    least of `boxes` (N, 4); of equals the lower left, lower right, upper left, upper right."""
    left, top = margin, margin
    right, bottom = canvas[0] - size[0] - margin, canvas[1] - size[1] - margin
    corners = [(left, bottom), (right, bottom), (left, top), (right, top)]

    plates = np.hstack([corners, np.add(corners, size)])
    return corners[int(_overlaps(plates, boxes).sum(axis=1).argmin())]


def _overlaps(first: NDArray[Any], second: NDArray[Any]) -> NDArray[Any]:
    """`overlap` (N, M) of rectangles (N, 4) and (M, 4)."""
    low = np.maximum(first[:, None, :2], second[None, :, :2])
    high = np.minimum(first[:, None, 2:], second[None, :, 2:])
    shared: NDArray[Any] = np.maximum(high - low, 0).prod(axis=2)
    return shared


def overlap(a: Rectangle, b: Rectangle) -> int:
    """Pixels that two rectangles share."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    return max(width, 0) * max(height, 0)
