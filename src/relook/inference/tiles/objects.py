"""Objects of one tile, in pixels of the whole image: masks as runs, nothing dense."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from ...ops.pasting import PASTES
from ...ops.runs import Runs, window_runs
from ...structures.detection import AnyDetections
from .grid import BORDER, Grid, Tile


@dataclass(frozen=True, slots=True, eq=False)
class TileObjects:
    """Objects of tile number `tile`, best first; N rows in all."""

    tile: int
    boxes: NDArray[np.float32]  # (N, 4), of the network
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: tuple[Runs, ...] | None  # of the whole image
    extents: NDArray[np.float64]  # (N, 4) x1, y1, x2, y2: tight around the masks, else the boxes
    is_cut: NDArray[np.bool_]  # touches an inner border of its tile

    def __len__(self) -> int:
        return len(self.scores)

    def rows(self, keep: NDArray[np.bool_]) -> TileObjects:
        """The objects where `keep` (N,) is true."""
        if keep.all():
            return self
        masks = None if self.masks is None else tuple(compress(self.masks, keep.tolist()))
        return TileObjects(
            self.tile,
            self.boxes[keep],
            self.scores[keep],
            self.labels[keep],
            masks,
            self.extents[keep],
            self.is_cut[keep],
        )


def tile_objects(
    detections: AnyDetections, number: int, tile: Tile, grid: Grid, *, score: float | None = None
) -> TileObjects:
    """The objects that `detections` of `tile` mean, those of at least `score`."""
    found = detections.arrays()
    scores = found.scores
    keep = (
        np.flatnonzero(scores >= np.float32(score)) if score is not None else np.arange(len(scores))
    )
    boxes = found.boxes[keep].astype(np.float64)
    shift = np.array([tile.left, tile.top, tile.left, tile.top], dtype=np.float64)
    masks: list[Runs] = []
    extents = boxes + shift
    if found.mask_probabilities is not None:
        paste = PASTES[found.paste]
        for place, row in enumerate(keep.tolist()):
            mask, left, top = paste(
                found.mask_probabilities[row], found.boxes[row], found.size, 0.5
            )
            extent = _extent(mask)
            if extent is not None:
                extents[place] = np.array(extent) + np.array([left, top, left, top]) + shift
            masks.append(window_runs(mask, left + tile.left, top + tile.top, grid.size[0]))
    return TileObjects(
        number,
        (boxes + shift).astype(np.float32),
        scores[keep],
        found.labels[keep],
        None if found.mask_probabilities is None else tuple(masks),
        extents,
        cut_by(extents, tile, grid),
    )


def cut_by(extents: NDArray[np.float64], tile: Tile, grid: Grid) -> NDArray[np.bool_]:
    """Flags (N,) of `extents` (N, 4) that end within `BORDER` pixels of an inner side of `tile`."""
    inner = np.array(grid.inner_sides(tile))
    near = np.concatenate(
        [
            extents[:, :2] < np.array(tile[:2]) + BORDER,
            extents[:, 2:] > np.array(tile[2:]) - BORDER,
        ],
        axis=1,
    )
    return np.asarray((near & inner).any(axis=1))


def _extent(mask: NDArray[np.bool_]) -> tuple[int, int, int, int] | None:
    """(x1, y1, x2, y2) around the pixels of a window; None where there are none."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1
