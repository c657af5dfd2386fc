"""Intervals of a row's numbers, over images and seeds, and of its gain over another row."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...runtime.files import replacing
from .weighted_precision import Resampled, interval

_SEED = 0
Values = NDArray[np.float64]  # (1 + B,): of all images, and of B resamples


class Estimate(NamedTuple):
    """A mean over seeds in points, and the interval that holds 95 % of its resamples."""

    value: float
    low: float
    high: float


def estimate(seeds: Sequence[Values]) -> Estimate | None:
    """The mean of `seeds`, in [0, 1], as points; None if it is not defined.

    A resample draws images, the same for all seeds, and seeds, both with replacement.
    """
    return _estimate(_means(seeds, 0)) if len(seeds) else None


def gain(seeds: Sequence[Values], baseline: Sequence[Values]) -> Estimate | None:
    """The mean of `seeds` minus that of `baseline`, as points; None if it is not defined.

    A resample has the same images for both, and draws the seeds of each independently.
    """
    if not len(seeds) or not len(baseline):
        return None
    return _estimate(_means(seeds, 0) - _means(baseline, 1))


def _means(seeds: Sequence[Values], stream: int) -> Values:
    values = np.stack(seeds)
    count, columns = values.shape
    drawn = np.random.default_rng([_SEED, stream]).integers(count, size=(count, columns))
    drawn[:, 0] = np.arange(count)  # all seeds, without resampling
    means: Values = values[drawn, np.arange(columns)].mean(axis=0)
    return means


def _estimate(means: Values) -> Estimate | None:
    value, (low, high) = float(means[0]), interval(means[1:])
    if not math.isfinite(value) or math.isnan(low):
        return None
    return Estimate(100 * value, 100 * low, 100 * high)


def save_resampled(path: Path, resampled: Resampled) -> None:
    """Write `resampled` to one file, as a whole or not at all.

    Raises:
        RelookError: R02 when it cannot be written.
    """
    arrays = {
        f"{kind}/{name}": values.astype(np.float32)
        for kind, measures in resampled.items()
        for name, values in measures.items()
    }
    with replacing(path) as draft, draft.open("wb") as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type, unused-ignore]


def load_resampled(path: Path) -> Resampled:
    """Read a file of `save_resampled`.

    Raises:
        DataError: D03 when it is damaged.
    """
    resampled: dict[str, dict[str, Values]] = {}
    try:
        with path.open("rb") as source, np.load(source, allow_pickle=False) as file:
            for key in file.files:
                kind, _, name = key.partition("/")
                resampled.setdefault(kind, {})[name] = file[key].astype(np.float64)
    except Exception as error:  # noqa: BLE001 - on damaged bytes, numpy raises anything
        raise DataError(
            "D03",
            f"{path} is damaged ({error!s:.200}). Delete it and numbers.json beside it, and the "
            "model is scored again with --resume.",
        ) from None
    return resampled
