"""One row for each object: class, score, box, shape, intensities; in pixels and in units."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...data.region_properties import RegionProperties, region_properties
from ...errors import UsageError
from ..results import Result
from .shapes import Window, object_windows

PixelSize = tuple[float, float]  # (y, x) in micrometres
Columns = dict[str, list[Any]]
Samples = Callable[[int, int, int, int], NDArray[Any]]
"""Values (h, w, C) of the window at (top, left) of height h and width w, as the file has them."""

_LENGTHS = ("equivalent_diameter", "major_axis", "minor_axis", "perimeter")
_INTENSITY = re.compile(r"(mean|min|max|sum)_c\d+")
_SAME = 0.01  # share by which the sides of a pixel may differ for lengths to have a unit


def object_table(
    result: Result,
    *,
    pixel_size: PixelSize | None = None,
    samples: NDArray[Any] | Samples | None = None,
) -> Columns:
    """Columns of N values each, one for every object of `result`, in its order.

    ``image``, ``id`` (from 1), ``class``, ``class_id``, ``score``; the box ``x1 y1 x2 y2``;
    ``area`` in pixels, and the shape as scikit-image's regionprops defines it
    (`data.region_properties`): ``centroid_x``, ``centroid_y`` (the centre of the first pixel is
    0, 0), ``equivalent_diameter``, ``major_axis``, ``minor_axis``, ``orientation`` in radians,
    ``perimeter``, ``circularity``, ``solidity``; ``touches_border``, and ``tiles``, the
    number of tiles of a large image whose parts were joined to the object. With `pixel_size` (y, x)
    in micrometres there are ``area_um2``, ``centroid_x_um``, ``centroid_y_um``, and the lengths as
    ``..._um``, which are None where pixels are not square. With `samples`, the values of the file
    as (H, W, C) or by windows, there are ``mean_c0``, ``min_c0``, ``max_c0`` and ``sum_c0`` of
    channel 0, and so on. Objects of a model for boxes are measured as filled boxes. What is
    undefined is None.

    Raises:
        UsageError: U03 for samples of another size than the image, or a pixel size that is none.
    """
    if isinstance(samples, np.ndarray):
        if samples.ndim != 3 or samples.shape[:2] != result.size:
            raise UsageError(
                "U03", f"samples of shape {samples.shape} for an image of {result.size}"
            )
        samples = windows_of(samples)
    if pixel_size is not None and not all(0 < side < math.inf for side in pixel_size):
        raise UsageError("U03", f"pixel_size: expected two lengths in micrometres: {pixel_size}")
    rows = [
        _shape_row(window, result.size, pixel_size, samples) for window in object_windows(result)
    ]
    names = [name for row in rows for name in row] or _shape_row(
        (np.zeros((0, 0), bool), 0, 0), result.size, pixel_size, None
    )
    boxes = result.boxes.astype(np.float64)
    table: Columns = {
        "image": [result.source] * len(result),
        "id": list(range(1, len(result) + 1)),
        "class": result.names,
        "class_id": [result.classes[label].id for label in result.labels.tolist()],
        "score": result.scores.astype(np.float64).tolist(),
    }
    table |= {name: boxes[:, i].tolist() for i, name in enumerate(("x1", "y1", "x2", "y2"))}
    table |= {name: [row.get(name) for row in rows] for name in dict.fromkeys(names)}
    tiles = [1] * len(result) if result.tiles is None else result.tiles.tolist()
    return table | {"tiles": tiles}


def windows_of(values: NDArray[Any]) -> Samples:
    """Windows of values (H, W, C) that are in memory."""

    def window(top: int, left: int, height: int, width: int) -> NDArray[Any]:
        return values[top : top + height, left : left + width]

    return window


def _shape_row(
    window: Window,
    size: tuple[int, int],
    pixel_size: PixelSize | None,
    samples: Samples | None,
) -> dict[str, Any]:
    mask, left, top = window
    shape = region_properties(mask, left, top)
    row = {
        "area": shape.area,
        "centroid_x": _number(shape.centroid[0]),
        "centroid_y": _number(shape.centroid[1]),
        "equivalent_diameter": shape.equivalent_diameter,
        "major_axis": shape.major_axis,
        "minor_axis": shape.minor_axis,
        "orientation": shape.orientation,
        "perimeter": shape.perimeter,
        "circularity": _number(shape.circularity),
        "solidity": _number(shape.solidity),
        "touches_border": touches_border(window, size),
    }
    if pixel_size is not None:
        row |= _in_units(shape, pixel_size)
    if samples is not None and shape.area:
        row |= _intensities(samples(top, left, *mask.shape)[mask])
    return row


def is_intensity(column: str) -> bool:
    """Return whether a column of the table is of the values of the image, and not of the shape."""
    return _INTENSITY.fullmatch(column) is not None


def touches_border(window: Window, size: tuple[int, int]) -> bool:
    """Return whether an object has a pixel in the first or last row or column of its image."""
    mask, left, top = window
    if not mask.any():
        return False
    rows, columns = np.flatnonzero(mask.any(axis=1)) + top, np.flatnonzero(mask.any(axis=0)) + left
    return bool(
        rows[0] <= 0 or columns[0] <= 0 or rows[-1] >= size[0] - 1 or columns[-1] >= size[1] - 1
    )


def _in_units(shape: RegionProperties, pixel_size: PixelSize) -> Mapping[str, float | None]:
    height, width = pixel_size
    side = math.sqrt(height * width)
    is_square = abs(height - width) <= _SAME * side
    lengths = {
        f"{name}_um": getattr(shape, name) * side if is_square else None for name in _LENGTHS
    }
    return {
        "area_um2": shape.area * height * width,
        "centroid_x_um": _number(shape.centroid[0] * width),
        "centroid_y_um": _number(shape.centroid[1] * height),
        **lengths,
    }


def _intensities(values: NDArray[Any]) -> Mapping[str, float | None]:
    """Measures of the samples (P, C) of an object, for each channel from 0."""
    row: dict[str, float | None] = {}
    for channel, column in enumerate(values.T.astype(np.float64)):
        for name, reduce in (("mean", np.mean), ("min", np.min), ("max", np.max), ("sum", np.sum)):
            row[f"{name}_c{channel}"] = _number(float(reduce(column)))
    return row


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
