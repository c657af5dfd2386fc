"""Maps of ids as runs along their rows: hundreds of thousands of pixels become a few thousand."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Ids = NDArray[np.integer[Any]]


class Extent(NamedTuple):
    """Extent of an id in its map."""

    area: int  # pixels
    box: tuple[int, int, int, int]  # x, y, width, height in pixels


def id_runs(*maps: Ids) -> tuple[list[Ids], NDArray[np.int64]]:
    """Ids (N,) of each of `maps` (H, W) and lengths (N,) of the runs in which none of them changes.

    Runs follow the rows, one row after the other; each ends with its row at the latest. The maps
    have one size, which is not 0.
    """
    changes = np.zeros(maps[0].shape, dtype=bool)
    changes[:, 0] = True
    for ids in maps:
        changes[:, 1:] |= ids[:, 1:] != ids[:, :-1]
    starts = np.flatnonzero(changes)
    return [ids.ravel()[starts] for ids in maps], np.diff(starts, append=changes.size)


def id_extents(ids: Ids) -> dict[int, Extent]:
    """Id -> its pixels and the box around them, for all ids of a map (H, W), 0 among them."""
    (values,), lengths = id_runs(ids)
    names, row = np.unique(values, return_inverse=True)
    starts = lengths.cumsum() - lengths
    y, x = np.divmod(starts, ids.shape[1])
    low = np.full((2, len(names)), ids.size)
    high = np.zeros((2, len(names)), dtype=np.int64)
    for axis, first, end in ((0, x, x + lengths), (1, y, y + 1)):
        np.minimum.at(low[axis], row, first)
        np.maximum.at(high[axis], row, end)
    areas = sum_by(row, lengths, len(names))
    table = np.stack([areas, *low, *(high - low)], axis=1).tolist()
    return {
        name: Extent(area, (left, top, width, height))
        for name, (area, left, top, width, height) in zip(names.tolist(), table, strict=True)
    }


def sum_by(rows: Ids, numbers: NDArray[np.int64], size: int) -> NDArray[np.int64]:
    """Sum of the `numbers` (N,) that belong to each of `size` rows, (size,); exact below 2**53."""
    return np.bincount(rows, weights=numbers, minlength=size).astype(np.int64)
