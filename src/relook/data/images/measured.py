"""Bounds of intensities measured on the images of a data set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import UsageError
from ...structures.rules.reading import Reading
from .intensities import limits_of
from .opening import open_image

_MOST_IMAGES: Final = 200  # spread evenly over the set
_MOST_VALUES: Final = 40_000  # pixels of each


def stored_reading(reading: Reading, paths: Sequence[Path], name: str) -> Reading:
    """The reading that a model trained on the images of `paths` stores: nothing is left open.

    ``data`` becomes the bounds that are measured: percentiles of the pixels of up to 200 images,
    for each channel. `name` is that of the data set, for messages.

    Raises:
        DataError: D01 or D02 for an image that cannot be read.
        UsageError: U04 for images that have other numbers of channels.
    """
    if reading.scale != "data":
        return reading.explicit()
    step = -(-len(paths) // _MOST_IMAGES)
    plain = replace(reading, intensities="auto")
    samples = [_sample(path, plain) for path in paths[::step]]
    counts = {sample.shape[1] for sample in samples}
    if len(counts) > 1:
        raise UsageError(
            "U04",
            f"intensities: data, but the images of {name} have {sorted(counts)} "
            "channels, so that one rule does not fit them. Choose with --channels.",
        )
    limits = limits_of(np.concatenate(samples)[:, None], replace(plain, intensities="percentiles"))
    pairs = tuple((float(low), float(high)) for low, high in limits)
    if any(not low < high for low, high in pairs):
        raise UsageError(
            "U04",
            f"intensities: data, but a channel of the images of {name} has one value "
            "only. Choose others with --channels.",
        )
    return replace(reading, intensities="bounds", percentiles=None, bounds=pairs).explicit()


def _sample(source: Path, reading: Reading) -> NDArray[Any]:
    """Values (N, C) of the chosen channels of an image, spread evenly over it."""
    with open_image(source, reading) as image:
        height, width = image.size
        values = image.native_window(0, 0, height, width)[:, :, list(image.channels)]
    flat = values.reshape(-1, values.shape[2])
    kept: NDArray[Any] = flat[:: max(len(flat) // _MOST_VALUES, 1)].astype(np.float64)
    return kept
