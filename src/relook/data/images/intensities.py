"""Values of any type as 8-bit pixels: the one mapping of training, prediction and evaluation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...structures.rules.reading import PERCENTILES, Reading

MOST_SAMPLED: Final = 4_000_000  # pixels that percentiles are taken of

Limits = NDArray[np.float64]  # (C, 2): the values of each channel that become 0 and 255


def is_mapped(dtype: np.dtype[Any], reading: Reading) -> bool:
    """Return whether values of this type are mapped; 8 bits are not, unless asked for."""
    return reading.scale != "auto" or dtype not in (np.uint8, np.bool_)


def sampled(values: NDArray[Any]) -> NDArray[Any]:
    """Every k-th row and column of `values` (H, W, C): at most about `MOST_SAMPLED` pixels."""
    step = int(np.ceil(np.sqrt(max(values.shape[0] * values.shape[1] / MOST_SAMPLED, 1))))
    return values[::step, ::step]


def limits_of(sample: NDArray[Any], reading: Reading, nodata: float | None = None) -> Limits:
    """The values of each channel of `sample` (H, W, C) that become 0 and 255.

    Values that are not finite, or are `nodata`, do not count. Where both percentiles are one
    value, as with few bright objects on an even ground, the lowest and the highest value stand in
    for them.

    Raises:
        ValueError: bounds for another number of channels.
    """
    count = sample.shape[2]
    if reading.scale == "bounds" and reading.bounds is not None:
        pairs = np.array(reading.bounds, dtype=np.float64)
        if len(pairs) not in (1, count):
            raise ValueError(f"{len(pairs)} pairs of bounds for {count} channels")
        return np.broadcast_to(pairs, (count, 2))
    return np.array([_percentiles(sample[:, :, c], reading, nodata) for c in range(count)])


def extremes(blocks: Iterable[NDArray[Any]], nodata: float | None = None) -> Limits:
    """The lowest and the highest value of each channel of all `blocks` (H, W, C).

    Values that are not finite, or are `nodata`, do not count; 0 and 0 where there are no others.
    """
    table = np.array(
        [[_ends(block[:, :, c], nodata) for c in range(block.shape[2])] for block in blocks]
    )
    limits = np.stack([table[..., 0].min(axis=0), table[..., 1].max(axis=0)], axis=1)
    return np.where(np.isfinite(limits), limits, 0.0)


def mapped(values: NDArray[Any], limits: Limits, nodata: float | None = None) -> NDArray[np.uint8]:
    """`values` (H, W, C) as 0 to 255, linear between `limits`; a channel without range is 0."""
    result = np.empty(values.shape, dtype=np.uint8)
    for channel, (low, high) in enumerate(limits):
        result[:, :, channel] = _channel(values[:, :, channel], float(low), float(high))
    if nodata is not None:
        result[values == nodata] = 0
    return result


def count_invalid(values: NDArray[Any]) -> int:
    """Number of values that are NaN or infinite."""
    if values.dtype.kind != "f":
        return 0
    return int(values.size - np.count_nonzero(np.isfinite(values)))


def _measured(values: NDArray[Any], nodata: float | None) -> NDArray[Any]:
    """The values that count."""
    if values.dtype.kind == "f":
        values = values[np.isfinite(values)]
    return values if nodata is None else values[values != nodata]


def _ends(values: NDArray[Any], nodata: float | None) -> tuple[float, float]:
    """The lowest and the highest value that counts; infinity and its opposite without any."""
    values = _measured(values, nodata)
    return (float(values.min()), float(values.max())) if values.size else (np.inf, -np.inf)


def _percentiles(
    values: NDArray[Any], reading: Reading, nodata: float | None
) -> tuple[float, float]:
    values = _measured(values, nodata)
    if not values.size:
        return 0.0, 0.0
    wide = values.ravel().astype(np.float64)
    low, high = np.percentile(wide, reading.percentiles or PERCENTILES).tolist()
    if low == high:
        low, high = float(wide.min()), float(wide.max())
    return low, high


def _channel(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    if not low < high:
        return np.zeros(values.shape, dtype=np.uint8)
    if values.dtype.kind in "ui" and values.dtype.itemsize <= 2:
        return _by_table(values, low, high)
    return _scaled(values, low, high)


def _by_table(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    """The same as `_scaled`, computed once for each value that there can be."""
    kind = np.iinfo(values.dtype)
    table = _scaled(np.arange(kind.min, kind.max + 1, dtype=np.int64), low, high)
    unsigned = values.astype(np.int64) - kind.min if kind.min else values
    return np.asarray(table[unsigned])


def _scaled(values: NDArray[Any], low: float, high: float) -> NDArray[np.uint8]:
    with np.errstate(all="ignore"):  # values near the largest float overflow into the ends
        half = high / 2 - low / 2
        share = (values.astype(np.float64) / 2 - low / 2) / half
        levels = np.nan_to_num(np.rint(share.clip(0, 1) * 255), nan=0.0)
    return np.asarray(levels, dtype=np.uint8)
