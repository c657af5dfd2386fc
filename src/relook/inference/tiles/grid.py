"""The grid of tiles over an image: square windows that overlap and together cover all of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

from ...structures.detection import Size

BORDER: Final = 2
"""Pixels: an object that ends so close to an inner border of its tile counts as cut by it."""


class Tile(NamedTuple):
    """A window of an image, in pixels: from (left, top) to before (right, bottom)."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def size(self) -> Size:
        """(height, width)."""
        return self.bottom - self.top, self.right - self.left

    def common(self, other: Tile) -> Tile:
        """The part that lies in both; empty (right <= left or bottom <= top) where none does."""
        return Tile(
            max(self.left, other.left),
            max(self.top, other.top),
            min(self.right, other.right),
            min(self.bottom, other.bottom),
        )


@dataclass(frozen=True)
class Grid:
    """Tiles of `side` pixels over an image of `size`, neighbours sharing at least `overlap`.

    All tiles have one size: `side`, or the image's own where that is smaller. They are spread
    evenly, and numbered row by row.
    """

    size: Size  # (height, width) of the image
    side: int
    overlap: int

    def __post_init__(self) -> None:
        if not 0 <= self.overlap < self.side:
            raise ValueError(f"tiles of {self.side} pixels cannot overlap by {self.overlap}")

    @property
    def tile_size(self) -> Size:
        """(height, width) of every tile."""
        return min(self.side, self.size[0]), min(self.side, self.size[1])

    @cached_property
    def _starts(self) -> tuple[list[int], list[int]]:
        """First row of pixels of each row of tiles, and first column of each column of them."""
        height, width = self.size
        return _starts(height, self.side, self.overlap), _starts(width, self.side, self.overlap)

    def __len__(self) -> int:
        rows, columns = self._starts
        return len(rows) * len(columns)

    def tiles(self) -> list[Tile]:
        """All tiles, in the order of their numbers."""
        return [self.tile(number) for number in range(len(self))]

    def tile(self, number: int) -> Tile:
        """Tile number `number`."""
        rows, columns = self._starts
        height, width = self.tile_size
        row, column = divmod(number, len(columns))
        left, top = columns[column], rows[row]
        return Tile(left, top, left + width, top + height)

    def around(self, number: int) -> list[int]:
        """Numbers of the other tiles that share pixels with tile `number`, in order."""
        rows, columns = self._starts
        height, width = self.tile_size
        row, column = divmod(number, len(columns))
        across = _reach(columns, column, width)
        down = _reach(rows, row, height)
        others = (r * len(columns) + c for r in down for c in across)
        return [other for other in others if other != number]

    def inner_sides(self, tile: Tile) -> tuple[bool, bool, bool, bool]:
        """Sides of `tile` (left, top, right, bottom) that are inside of the image, as flags."""
        height, width = self.size
        return tile.left > 0, tile.top > 0, tile.right < width, tile.bottom < height


def _count(length: int, side: int, overlap: int) -> int:
    return 1 if length <= side else -(-(length - overlap) // (side - overlap))


def _starts(length: int, side: int, overlap: int) -> list[int]:
    """Starts of tiles along `length` pixels: the first at 0, the last so that it ends there."""
    count = _count(length, side, overlap)
    return (
        [0] if count == 1 else [number * (length - side) // (count - 1) for number in range(count)]
    )


def _reach(starts: list[int], place: int, side: int) -> list[int]:
    """Places of the tiles along one axis that share pixels with that at `place`, itself too."""
    first = last = place
    while first > 0 and starts[first - 1] + side > starts[place]:
        first -= 1
    while last + 1 < len(starts) and starts[last + 1] < starts[place] + side:
        last += 1
    return list(range(first, last + 1))
