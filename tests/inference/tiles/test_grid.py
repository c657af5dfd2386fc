"""Grids of tiles over images of all sizes."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relook.inference.tiles.grid import Grid, Tile

grids = st.builds(
    lambda height, width, side, share: Grid((height, width), side, int(share * (side - 1))),
    st.integers(1, 300),
    st.integers(1, 300),
    st.integers(4, 90),
    st.floats(0, 0.7),
)


@given(grids)
def test_tiles_cover_the_image_and_overlap_as_they_must(grid: Grid) -> None:
    tiles = grid.tiles()
    assert len(tiles) == len(grid)
    seen = np.zeros(grid.size, dtype=bool)
    for tile in tiles:
        assert tile.size == grid.tile_size
        assert 0 <= tile.left < tile.right <= grid.size[1]
        assert 0 <= tile.top < tile.bottom <= grid.size[0]
        seen[tile.top : tile.bottom, tile.left : tile.right] = True
    assert seen.all()
    for starts, side in (
        (sorted({tile.left for tile in tiles}), grid.tile_size[1]),
        (sorted({tile.top for tile in tiles}), grid.tile_size[0]),
    ):
        assert all(b - a <= side - grid.overlap for a, b in pairwise(starts))


@given(grids)
def test_neighbours_are_those_that_share_pixels(grid: Grid) -> None:
    tiles = grid.tiles()
    if len(tiles) > 60:
        return
    for number, tile in enumerate(tiles):
        sharing = [
            other
            for other, box in enumerate(tiles)
            if other != number and min(tile.common(box).size) > 0
        ]
        assert grid.around(number) == sharing


def test_inner_sides_are_inside_of_the_image() -> None:
    grid = Grid((100, 100), 60, 20)
    assert grid.tiles() == [
        Tile(0, 0, 60, 60),
        Tile(40, 0, 100, 60),
        Tile(0, 40, 60, 100),
        Tile(40, 40, 100, 100),
    ]
    assert grid.inner_sides(grid.tile(0)) == (False, False, True, True)
    assert grid.inner_sides(grid.tile(3)) == (True, True, False, False)


def test_tiles_that_do_nothing_but_overlap_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot overlap"):
        Grid((100, 100), 20, 20)
