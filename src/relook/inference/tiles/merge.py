"""The objects of all tiles as those of one image.

An object that ends within `BORDER` pixels of an inner border of its tile is cut, any other whole.
Objects of one tile are never compared, for the network has told them apart there. Those of one
class in tiles that share pixels are merged so:

1. A cut object is left out when another tile sees all of it clear of that tile's own inner borders:
   what that tile found there counts, if it found anything.
2. Two whole objects are one when their intersection is more than half of the smaller; the one
   with the higher score is kept.
3. A cut object that is left is larger than what tiles share. It is left out when more than half
   of it is covered by whole ones of other tiles.
4. Two of the other cut ones are parts of one object when, of what both tiles see, their
   intersection is more than half of the smaller part. They are joined: all pixels of both, the
   higher score. An object can be joined of more than two, each of another tile.

With `agnostic`, as where objects of one tile of all classes suppress each other, objects of all
classes are merged by the same rule, and the class is that of the highest score.

Overlaps are those of masks. Models that find boxes only are merged by the same rule with the areas
of boxes in place of those of masks. The order of tiles and of what they found decides ties, so the
result does not depend on when, or by which process, a tile was predicted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...ops.runs import Runs, rectangle_runs
from .grid import Grid, Tile
from .objects import TileObjects, cut_by

SHARE: Final = 0.5  # of the smaller object, above which two are one

Box = NDArray[np.float64]  # (4,) x1, y1, x2, y2


@dataclass(frozen=True, slots=True, eq=False)
class Merged:
    """Objects of the whole image, the best first; M rows in all."""

    boxes: NDArray[np.float32]  # (M, 4)
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    masks: tuple[Runs, ...] | None
    tiles: NDArray[np.int64]  # (M,) how many tiles see the parts that it was joined of


class _Pair(NamedTuple):
    """Two objects of different tiles that share pixels, by their rows in the table of all."""

    first: int
    second: int
    shared: float  # pixels
    common: Tile  # what both tiles see


def merge_tiles(
    parts: Sequence[TileObjects], grid: Grid, *, has_masks: bool = True, agnostic: bool = False
) -> Merged:
    """Merge the objects that the tiles of `grid` have found, by the rule of this module.

    The order of `parts` does not matter; tiles that found nothing may be left out.
    """
    parts = [part for part in sorted(parts, key=lambda part: part.tile) if len(part)]
    table = _Table([part.rows(~_seen_elsewhere(part, grid)) for part in parts], grid, has_masks)
    pairs = list(table.pairs(agnostic=agnostic))
    kept, hidden = _whole(table, pairs)
    parents = _joined(table, pairs, hidden)
    groups: dict[int, list[int]] = {}
    for row in range(len(table)):
        if kept[row] or (table.is_cut[row] and not hidden[row]):
            groups.setdefault(parents[row], []).append(row)
    rows = sorted(groups.values(), key=lambda group: (-table.scores[group].max(), group[0]))
    return table.merged(rows)


class _Table:
    """The objects of all tiles one below the other."""

    def __init__(self, parts: Sequence[TileObjects], grid: Grid, has_masks: bool) -> None:
        self._grid = grid
        self._first: dict[int, int] = {}  # tile -> row of its first object
        self._count = {part.tile: len(part) for part in parts}
        count = 0
        for part in parts:
            self._first[part.tile] = count
            count += len(part)
        self.tile = [part.tile for part in parts for _ in range(len(part))]
        self.scores = _stacked([part.scores for part in parts], (0,), np.float32)
        self.labels = _stacked([part.labels for part in parts], (0,), np.int64)
        self.is_cut = _stacked([part.is_cut for part in parts], (0,), np.bool_)
        self._boxes = _stacked([part.boxes for part in parts], (0, 4), np.float32)
        self._extents = _stacked([part.extents for part in parts], (0, 4), np.float64)
        self._masks = [m for part in parts for m in part.masks or ()] if has_masks else None
        sides = self._extents[:, 2:] - self._extents[:, :2]
        self.areas = (
            sides.clip(0).prod(axis=1)
            if self._masks is None
            else np.array([mask.area for mask in self._masks], dtype=np.float64)
        )

    def __len__(self) -> int:
        return len(self.scores)

    def pairs(self, *, agnostic: bool = False) -> Iterator[_Pair]:
        """Objects of one class, or of any, in different tiles that share pixels, each pair once."""
        present = [(a, b) for a in self._first for b in self._grid.around(a) if a < b]
        for a, b in present:
            if b not in self._first:
                continue
            first, second = self._inside(a, b), self._inside(b, a)
            common = self._grid.tile(a).common(self._grid.tile(b))
            one, other = self._extents[first][:, None], self._extents[second][None]
            low, high = (
                np.maximum(one[..., :2], other[..., :2]),
                np.minimum(one[..., 2:], other[..., 2:]),
            )
            is_close = (high > low).all(axis=-1)
            if not agnostic:
                is_close &= self.labels[first][:, None] == self.labels[second][None]
            for i, j in np.argwhere(is_close).tolist():
                row, column = int(first[i]), int(second[j])
                shared = float((high[i, j] - low[i, j]).prod())
                if self._masks is not None:
                    shared = float(self._masks[row].shared(self._masks[column]))
                if shared > 0:
                    yield _Pair(row, column, shared, common)

    def _inside(self, tile: int, other: int) -> NDArray[np.int64]:
        """Rows of `tile` whose objects reach into the tile `other`."""
        start = self._first[tile]
        rows = np.arange(start, start + self._count[tile])
        left, top, right, bottom = self._grid.tile(other)
        x1, y1, x2, y2 = self._extents[rows].T
        is_inside = (x1 < right) & (x2 > left) & (y1 < bottom) & (y2 > top)
        return np.asarray(rows[is_inside])

    def area_in(self, row: int, part: Tile) -> float:
        """Pixels of an object that lie in `part`."""
        x1, y1, x2, y2 = self._extents[row]
        left, top, right, bottom = part
        if x1 >= left and y1 >= top and x2 <= right and y2 <= bottom:
            return float(self.areas[row])
        if self._masks is None:
            return float(
                max(min(x2, right) - max(x1, left), 0) * max(min(y2, bottom) - max(y1, top), 0)
            )
        left, right = max(left, int(x1)), min(right, int(np.ceil(x2)))
        if right <= left:
            return 0.0
        return float(
            self._masks[row].shared(rectangle_runs(left, top, right, bottom, self._grid.size[0]))
        )

    def _best(self, group: Sequence[int]) -> int:
        """The row with the highest score."""
        return max(group, key=lambda row: float(self.scores[row]))

    def merged(self, groups: Sequence[Sequence[int]]) -> Merged:
        """One object for each of `groups` of rows."""
        boxes = np.zeros((len(groups), 4), dtype=np.float32)
        masks: list[Runs] = []
        for number, group in enumerate(groups):
            boxes[number, :2] = self._boxes[group, :2].min(axis=0)
            boxes[number, 2:] = self._boxes[group, 2:].max(axis=0)
            if self._masks is not None:
                masks.append(Runs.union([self._masks[row] for row in group]))
        return Merged(
            boxes,
            np.array([self.scores[group].max() for group in groups], dtype=np.float32),
            np.array([self.labels[self._best(group)] for group in groups], dtype=np.int64),
            None if self._masks is None else tuple(masks),
            np.array([len(group) for group in groups], dtype=np.int64),
        )


def _seen_elsewhere(part: TileObjects, grid: Grid) -> NDArray[np.bool_]:
    """Cut objects of a tile that another tile sees clear of its own inner borders, as flags."""
    is_seen = np.zeros(len(part), dtype=bool)
    if part.is_cut.any():
        for number in grid.around(part.tile):
            tile = grid.tile(number)
            x1, y1, x2, y2 = part.extents.T
            is_inside = (
                (x1 >= tile.left) & (y1 >= tile.top) & (x2 <= tile.right) & (y2 <= tile.bottom)
            )
            is_seen |= is_inside & ~cut_by(part.extents, tile, grid)
    return is_seen & part.is_cut


def _whole(table: _Table, pairs: Sequence[_Pair]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Whole objects that are kept, and cut ones that whole ones stand for, as flags."""
    same: dict[int, list[int]] = {}  # whole -> whole ones that are the same object
    over: dict[int, list[tuple[int, float]]] = {}  # cut -> whole ones over it, pixels
    for pair in pairs:
        first_cut, second_cut = table.is_cut[pair.first], table.is_cut[pair.second]
        if first_cut and second_cut:
            continue
        if first_cut != second_cut:
            cut, whole = (pair.first, pair.second) if first_cut else (pair.second, pair.first)
            over.setdefault(cut, []).append((whole, pair.shared))
        elif pair.shared > SHARE * min(table.areas[pair.first], table.areas[pair.second]):
            same.setdefault(pair.first, []).append(pair.second)
            same.setdefault(pair.second, []).append(pair.first)
    kept = ~table.is_cut
    for row in np.argsort(-table.scores, kind="stable").tolist():
        if kept[row]:
            kept[same.get(row, [])] = False
    hidden = np.zeros(len(table), dtype=bool)
    for row, wholes in over.items():
        covered = sum(shared for whole, shared in wholes if kept[whole])
        most = max(shared for _, shared in wholes)
        hidden[row] = max(covered, most) > SHARE * table.areas[row]
    return kept, hidden


def _joined(table: _Table, pairs: Sequence[_Pair], hidden: NDArray[np.bool_]) -> list[int]:
    """For each row the first row of the object that it is a part of; itself where it is alone.

    The best overlaps come first, and no object has two parts of one tile.
    """
    overlaps = []
    for pair in pairs:
        if not (table.is_cut[pair.first] and table.is_cut[pair.second]):
            continue
        if hidden[pair.first] or hidden[pair.second]:
            continue
        seen = min(table.area_in(pair.first, pair.common), table.area_in(pair.second, pair.common))
        if pair.shared > SHARE * seen:
            overlaps.append((-pair.shared / seen, pair.first, pair.second))
    parents = list(range(len(table)))
    tiles: dict[int, set[int]] = {}

    def root(row: int) -> int:
        while parents[row] != row:
            row = parents[row]
        return row

    for _, first, second in sorted(overlaps):
        one, other = sorted((root(first), root(second)))
        mine = tiles.setdefault(one, {table.tile[one]})
        theirs = tiles.setdefault(other, {table.tile[other]})
        if one != other and not mine & theirs:
            parents[other] = one
            mine |= theirs
    return [root(row) for row in range(len(table))]


def _stacked(arrays: Sequence[NDArray[Any]], empty: tuple[int, ...], kind: type) -> NDArray[Any]:
    return np.concatenate(arrays) if arrays else np.zeros(empty, dtype=kind)
