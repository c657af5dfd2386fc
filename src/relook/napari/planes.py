"""From an image layer to the one image that a model is given, and the size of its pixels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import UsageError
from ..inference.writers.table import PixelSize

_MICROMETRES: Final = {
    "angstrom": 1e-4,
    "nanometer": 1e-3,
    "nm": 1e-3,
    "micrometer": 1.0,
    "micron": 1.0,
    "um": 1.0,
    "µm": 1.0,  # micro sign
    "μm": 1.0,  # Greek mu
    "millimeter": 1e3,
    "mm": 1e3,
    "centimeter": 1e4,
    "cm": 1e4,
    "meter": 1e6,
    "m": 1e6,
}
_NO_UNIT: Final = ("", "pixel", "px", "dimensionless")


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """The image that is taken of a layer."""

    values: NDArray[Any]  # (H, W), or (H, W, C)
    index: tuple[int, ...]  # position along each axis before the last two
    words: tuple[str, ...]  # what was chosen, where there was a choice

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.values.shape[0], self.values.shape[1]


def plane_of(
    data: Any,
    position: Sequence[float],
    *,
    name: str = "the layer",
    is_rgb: bool = False,
    is_multiscale: bool = False,
    channel_axis: int | None = None,
) -> Plane:
    """The plane of a layer at `position`, which has one number for each axis of its data.

    The last two axes are rows and columns; `is_rgb` says that samples follow them, of which alpha
    is left out. Of a pyramid (`is_multiscale`) the full resolution is taken. All positions along
    `channel_axis` become channels. `data` is an array, or anything that is sliced like one; only
    the plane is read.

    Raises:
        UsageError: U03 for a channel axis that is not before rows and columns, U04 for a position
            outside of the data.
    """
    words = []
    if is_multiscale:
        words.append(f"full resolution of {len(data)}")
        data = data[0]
    shape = tuple(int(side) for side in (data.shape[:-1] if is_rgb else data.shape))
    leading = shape[:-2]
    if channel_axis is not None and not 0 <= channel_axis < len(leading):
        raise UsageError(
            "U03",
            f"{name} has {len(shape)} axes, and the last two are rows and columns: axis "
            f"{channel_axis} cannot be its channels. Choose an axis before them, or none.",
        )
    index = tuple(
        0 if axis == channel_axis else _place(position[axis], axis, length, name)
        for axis, length in enumerate(leading)
    )
    chosen = [
        f"{place} of {length} along axis {axis}"
        for axis, (place, length) in enumerate(zip(index, leading, strict=True))
        if axis != channel_axis and length > 1
    ]
    if chosen:
        words.append(f"the current plane ({', '.join(chosen)})")
    where = (slice(None) if axis == channel_axis else at for axis, at in enumerate(index))
    values = np.asarray(data[tuple(where)])
    if channel_axis is not None:
        values = np.moveaxis(values, 0, 2)
        words.append(f"channels along axis {channel_axis} ({leading[channel_axis]})")
    if is_rgb and values.shape[-1] == 4:
        values = values[..., :3]
        words.append("alpha left out")
    return Plane(values, index, tuple(words))


def _place(position: float, axis: int, length: int, name: str) -> int:
    if not -0.5 <= position <= length - 0.5:
        raise UsageError(
            "U04",
            f"the slider of axis {axis} is at {position:g}, and {name} has planes 0 to "
            f"{length - 1} there. Move the slider into the layer.",
        )
    return min(max(round(position), 0), length - 1)


def check_view(displayed: Sequence[int], ndim: int) -> None:
    """Check that the viewer shows rows and columns, so that its current plane is an image.

    `displayed` are the axes that are shown, of `ndim` in the viewer.

    Raises:
        UsageError: U04 for a view in 3D, or along other axes.
    """
    if len(displayed) != 2:
        raise UsageError(
            "U04", "the viewer shows 3D, where no plane is the current one. Switch it to 2D."
        )
    if sorted(displayed) != [ndim - 2, ndim - 1]:
        raise UsageError(
            "U04",
            f"the viewer shows axes {displayed[0]} and {displayed[1]}, and models see the last two "
            f"({ndim - 2} and {ndim - 1}). Roll the axes back.",
        )


def pixel_size_of(
    scale: Sequence[float], units: Sequence[str], unit: str | None = None
) -> tuple[PixelSize | None, str]:
    """The (height, width) of a pixel in micrometres, and where it is from; None where unknown.

    `scale` and `units` are those of a layer, whose last two axes count; `unit` is that of a scale
    bar, for a layer whose own unit is the pixel.
    """
    height, width = (abs(float(side)) for side in scale[-2:])
    own = [str(name) for name in units[-2:]]
    source = "the layer"
    if len(own) < 2 or any(name in _NO_UNIT for name in own):
        if unit is None or unit in _NO_UNIT:
            return None, "pixel size unknown: the scale of the layer has no unit"
        own, source = [unit, unit], "the unit that was given"
    factors = [_MICROMETRES.get(name) for name in own]
    if factors[0] is None or factors[1] is None:
        return None, f"pixel size unknown: {' and '.join(sorted(set(own)))} is no known length"
    size = height * factors[0], width * factors[1]
    if not all(0 < side < math.inf for side in size):
        return None, f"pixel size unknown: the scale of the layer is {height:g}, {width:g}"
    return size, f"pixels of {size[0]:.4g} x {size[1]:.4g} µm (height x width), by {source}"


def placement(
    index: Sequence[int],
    *,
    scale: Sequence[float],
    translate: Sequence[float],
    rotate: NDArray[np.float64],
    channel_axis: int | None = None,
) -> dict[str, Any]:
    """`axes`, `scale`, `translate` and `rotate` of a labels layer on a plane of an image layer.

    The layer has `axes` axes: those of the image, each of length 1 before the last two, so that
    the labels are seen on their own plane only. Where the first axis is that of the channels, it
    is left out, and the labels are seen on all channels.
    """
    count = len(scale)
    step = np.zeros(count)
    step[: len(index)] = index
    offset = np.asarray(rotate) @ (step * np.asarray(scale, np.float64))
    first = 1 if channel_axis == 0 else 0
    return {
        "axes": count - first,
        "scale": np.asarray(scale)[first:],
        "translate": (np.asarray(translate) + offset)[first:],
        "rotate": np.asarray(rotate)[first:, first:],
    }
