"""Arithmetic by plain loops over Python's floats, which have 64 bits: what relook is held to.

Maps are nested lists ``[channel][row][column]``. Nothing here knows relook, and nothing is fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

Plane = list[list[float]]
Map = list[Plane]


def conv(
    x: Map,
    weight: list[Map],
    bias: Sequence[float] | None = None,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    offset: Map | None = None,
) -> Map:
    """A convolution; with `offset`, pairs of (y, x) for each tap, a deformable one."""
    side = len(weight[0][0])
    reach = dilation * (side - 1)
    rows = (len(x[0]) + 2 * padding - reach - 1) // stride + 1
    columns = (len(x[0][0]) + 2 * padding - reach - 1) // stride + 1

    def one(kernel: Map, start: float, i: int, j: int) -> float:
        total = start
        for c, plane in enumerate(x):
            for r in range(side):
                for s in range(side):
                    y = i * stride - padding + r * dilation
                    z = j * stride - padding + s * dilation
                    if offset is None:
                        total += kernel[c][r][s] * at(plane, y, z)
                    else:
                        k = r * side + s
                        dy, dx = offset[2 * k][i][j], offset[2 * k + 1][i][j]
                        total += kernel[c][r][s] * between(plane, y + dy, z + dx)
        return total

    starts = bias or [0.0] * len(weight)
    return [
        [[one(kernel, start, i, j) for j in range(columns)] for i in range(rows)]
        for kernel, start in zip(weight, starts, strict=True)
    ]


def at(plane: Plane, y: int, x: int) -> float:
    """A cell; zero outside."""
    return plane[y][x] if 0 <= y < len(plane) and 0 <= x < len(plane[0]) else 0.0


def between(plane: Plane, y: float, x: float) -> float:
    """Bilinear interpolation of the four cells around a point; those outside are zero."""
    top, left = math.floor(y), math.floor(x)
    down, right = y - top, x - left
    return (
        (1 - down) * (1 - right) * at(plane, top, left)
        + (1 - down) * right * at(plane, top, left + 1)
        + down * (1 - right) * at(plane, top + 1, left)
        + down * right * at(plane, top + 1, left + 1)
    )


def near(plane: Plane, y: float, x: float) -> float:
    """The same as RoIAlign does it: the border goes on for one cell, and then all is zero."""
    rows, columns = len(plane), len(plane[0])
    if not (-1 <= y <= rows and -1 <= x <= columns):
        return 0.0
    return between(plane, min(max(y, 0.0), rows - 1.0), min(max(x, 0.0), columns - 1.0))


def sample_points(box: Sequence[float], side: int, stride: int) -> list[list[list[Any]]]:
    """Of each bin [row][column] of a RoI its sample points ``(y, x, v, u)``: where they lie in the
    map, and in the box from 0 to 1."""
    x1, y1, x2, y2 = (value / stride - 0.5 for value in box)
    down, across = math.ceil((y2 - y1) / side), math.ceil((x2 - x1) / side)

    def points(i: int, j: int) -> list[tuple[float, float, float, float]]:
        found = []
        for a in range(down):
            for b in range(across):
                v, u = (i + (a + 0.5) / down) / side, (j + (b + 0.5) / across) / side
                found.append((y1 + v * (y2 - y1), x1 + u * (x2 - x1), v, u))
        return found

    return [[points(i, j) for j in range(side)] for i in range(side)]


def roi_align(
    x: Map,
    box: Sequence[float],
    side: int,
    stride: int,
    weigh: Callable[[float, float], float] = lambda _v, _u: 1.0,
) -> Map:
    """Each bin is the mean over its sample points of the map, times ``weigh(v, u)`` there."""
    bins = sample_points(box, side, stride)
    return [
        [
            [
                sum(near(plane, y, z) * weigh(v, u) for y, z, v, u in points) / len(points)
                for points in row
            ]
            for row in bins
        ]
        for plane in x
    ]


def level(box: Sequence[float], levels: int) -> int:
    """The pyramid level of a RoI: one coarser for each doubling of its side from 112 pixels on."""
    side = math.sqrt((box[2] - box[0]) * (box[3] - box[1]))
    return min(max(math.floor(math.log2(side / 56 + 1e-6)), 0), levels - 1)


def mean(plane: Plane) -> float:
    """Of all cells."""
    return sum(map(sum, plane)) / (len(plane) * len(plane[0]))


def pooled_mean(plane: Plane, side: int) -> Plane:
    """Means of the parts that divide a plane into `side` x `side`, as adaptive pooling cuts it."""
    rows, columns = len(plane), len(plane[0])

    def part(i: int, length: int) -> range:
        return range(i * length // side, -(-(i + 1) * length // side))

    return [
        [
            mean([[plane[y][x] for x in part(j, columns)] for y in part(i, rows)])
            for j in range(side)
        ]
        for i in range(side)
    ]


def reflected(plane: Plane, y: int, x: int) -> float:
    """A cell, where the map goes on mirrored at its border cells."""
    y, x = abs(y), abs(x)
    rows, columns = len(plane), len(plane[0])
    y = 2 * (rows - 1) - y if y >= rows else y
    x = 2 * (columns - 1) - x if x >= columns else x
    return plane[y][x]


def cellwise(function: Callable[..., float], *maps: Map) -> Map:
    """`function` of the values that the maps have in each cell."""
    return [
        [
            [function(*cell) for cell in zip(*rows, strict=True)]
            for rows in zip(*planes, strict=True)
        ]
        for planes in zip(*maps, strict=True)
    ]


def plus(*maps: Map) -> Map:
    """Their sum, cell by cell."""
    return cellwise(lambda *values: sum(values), *maps)


def relu(x: Map) -> Map:
    """Without negative values."""
    return cellwise(lambda value: max(value, 0.0), x)


def sigmoid(value: float) -> float:
    """From 0 to 1."""
    return 1 / (1 + math.exp(-value))


def softmax(values: Sequence[float]) -> list[float]:
    """Positive, with the sum 1."""
    powers = [math.exp(value - max(values)) for value in values]
    return [power / sum(powers) for power in powers]


def linear(x: Sequence[float], weight: list[list[float]], bias: Sequence[float]) -> list[float]:
    """A row of products and a constant for each output."""
    return [
        start + sum(w * value for w, value in zip(row, x, strict=True))
        for row, start in zip(weight, bias, strict=True)
    ]


def difference(ours: Any, theirs: Any) -> float:
    """The largest difference of two nestings of numbers of one shape, nan if one has a nan."""
    if isinstance(ours, (list, tuple)):
        apart = [difference(a, b) for a, b in zip(ours, theirs, strict=True)]
        return math.nan if any(map(math.isnan, apart)) else max(apart, default=0.0)
    return float(abs(ours - theirs))
