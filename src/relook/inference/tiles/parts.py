"""Files with the objects of some tiles, by which processes hand them to each other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ...errors import DataError
from ...ops.runs import Runs
from ...runtime.files import replacing
from .objects import TileObjects


def save_parts(path: Path, parts: Sequence[TileObjects], error: DataError | None = None) -> None:
    """Write the objects of `parts`, or why a tile could not be read.

    Raises:
        RelookError: R02 when the file cannot be written.
    """
    masks = [mask for part in parts for mask in part.masks or ()]
    tables = {
        "tiles": np.array([part.tile for part in parts], dtype=np.int64),
        "counts": np.array([len(part) for part in parts], dtype=np.int64),
        "has_masks": np.array([part.masks is not None for part in parts], dtype=bool),
        "runs": np.array([len(mask.starts) for mask in masks], dtype=np.int64),
        "starts": np.concatenate([np.zeros(0, np.int64), *(mask.starts for mask in masks)]),
        "ends": np.concatenate([np.zeros(0, np.int64), *(mask.ends for mask in masks)]),
        "error": np.array(["", ""] if error is None else [error.code, error.message]),
    }
    for name, empty in _COLUMNS.items():
        tables[name] = np.concatenate([empty, *(getattr(part, name) for part in parts)])
    with replacing(path) as draft, draft.open("wb") as file:
        np.savez(file, allow_pickle=False, **tables)


def load_parts(path: Path) -> list[TileObjects]:
    """The objects that `save_parts` wrote.

    Raises:
        DataError: the one that was written.
    """
    with np.load(path, allow_pickle=False) as file:
        tables = {name: file[name] for name in file.files}
    code, message = tables["error"].tolist()
    if code:
        raise DataError(code, message)
    cuts = np.cumsum(tables["runs"])[:-1]
    starts, ends = np.split(tables["starts"], cuts), np.split(tables["ends"], cuts)
    masks = [Runs(*pair) for pair in zip(starts, ends, strict=True)]
    parts, first = [], 0
    for tile, count, has_masks in zip(
        tables["tiles"].tolist(),
        tables["counts"].tolist(),
        tables["has_masks"].tolist(),
        strict=True,
    ):
        rows = slice(first, first + count)
        first += count
        columns = {name: tables[name][rows] for name in _COLUMNS}
        parts.append(
            TileObjects(tile=tile, masks=tuple(masks[rows]) if has_masks else None, **columns)
        )
    return parts


_COLUMNS = {
    "boxes": np.zeros((0, 4), dtype=np.float32),
    "scores": np.zeros(0, dtype=np.float32),
    "labels": np.zeros(0, dtype=np.int64),
    "extents": np.zeros((0, 4), dtype=np.float64),
    "is_cut": np.zeros(0, dtype=bool),
}
