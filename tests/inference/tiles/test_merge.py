"""Objects of tiles merged: discs with known places, cut at the borders of tiles as detectors do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from relook.inference.tiles.grid import BORDER, Grid
from relook.inference.tiles.merge import Merged, merge_tiles
from relook.inference.tiles.objects import TileObjects, cut_by
from relook.ops.runs import Runs, runs_window, window_runs

Disc = tuple[float, float, float]  # x, y, radius


def disc_mask(disc: Disc, size: tuple[int, int]) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[: size[0], : size[1]]
    return (columns + 0.5 - disc[0]) ** 2 + (rows + 0.5 - disc[1]) ** 2 <= disc[2] ** 2


def extent_of(mask: NDArray[np.bool_], left: int, top: int) -> list[int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return [left + columns[0], top + rows[0], left + columns[-1] + 1, top + rows[-1] + 1]


def found_in(
    grid: Grid,
    number: int,
    masks: Sequence[NDArray[np.bool_]],
    scores: Sequence[float] | None = None,
    labels: Sequence[int] | None = None,
    *,
    boxes_only: bool = False,
) -> TileObjects:
    """What a perfect detector finds in a tile: the part of each mask that lies in it."""
    tile = grid.tile(number)
    rows, runs, extents = [], [], []
    for row, mask in enumerate(masks):
        part = mask[tile.top : tile.bottom, tile.left : tile.right]
        if part.any():
            rows.append(row)
            runs.append(window_runs(part, tile.left, tile.top, grid.size[0]))
            extents.append(extent_of(part, tile.left, tile.top))
    boxes = np.array(extents, dtype=np.float64).reshape(-1, 4)
    return TileObjects(
        number,
        boxes.astype(np.float32),
        np.array([0.9 if scores is None else scores[row] for row in rows], dtype=np.float32),
        np.array([0 if labels is None else labels[row] for row in rows], dtype=np.int64),
        None if boxes_only else tuple(runs),
        boxes,
        cut_by(boxes, tile, grid),
    )


def dense(runs: Runs, size: tuple[int, int]) -> NDArray[np.bool_]:
    mask = np.zeros(size, dtype=bool)
    window, left, top = runs_window(runs, size[0])
    mask[top : top + window.shape[0], left : left + window.shape[1]] = window
    return mask


def check_equal(merged: Merged, masks: Sequence[NDArray[np.bool_]], size: tuple[int, int]) -> None:
    """Every mask is there once and whole, and nothing else."""
    assert merged.masks is not None
    found = sorted(dense(mask, size).tobytes() for mask in merged.masks)
    assert found == sorted(mask.tobytes() for mask in masks)


def test_discs_on_every_seam_and_corner_are_found_once_and_whole() -> None:
    grid = Grid((420, 500), 128, 36)
    places = sorted({x for tile in grid.tiles() for x in (tile.left, tile.right)})
    levels = sorted({y for tile in grid.tiles() for y in (tile.top, tile.bottom)})
    radius = (grid.overlap - 2 * BORDER) / 2
    discs = [(float(x), float(y), radius) for x in places for y in levels]
    discs = [d for i, d in enumerate(discs) if all(_apart(d, e) for e in discs[:i])]
    masks = [disc_mask(disc, grid.size) for disc in discs]
    assert sum(mask.any() for mask in masks) == len(masks) > 20
    merged = merge_tiles([found_in(grid, n, masks) for n in range(len(grid))], grid)
    check_equal(merged, masks, grid.size)


def _apart(one: Disc, other: Disc) -> bool:
    return (one[0] - other[0]) ** 2 + (one[1] - other[1]) ** 2 > (one[2] + other[2] + 1) ** 2


@settings(max_examples=60, deadline=None)
@given(
    st.integers(60, 220),
    st.integers(60, 220),
    st.integers(40, 90),
    st.floats(0.25, 0.5),
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1), st.floats(0.1, 1)), max_size=12),
    st.booleans(),
)
def test_any_discs_in_any_grid_are_found_once_and_whole(
    height: int,
    width: int,
    side: int,
    share: float,
    draws: list[tuple[float, float, float]],
    backwards: bool,
) -> None:
    grid = Grid((height, width), side, int(share * side))
    most = (grid.overlap - 2 * BORDER) / 2
    discs: list[Disc] = []
    for x, y, part in draws:
        disc = (x * width, y * height, max(1.5, part * most))
        if all(_apart(disc, other) for other in discs):
            discs.append(disc)
    masks = [mask for disc in discs if (mask := disc_mask(disc, grid.size)).any()]
    parts = [found_in(grid, n, masks) for n in range(len(grid))]
    merged = merge_tiles(parts[::-1] if backwards else parts, grid)
    check_equal(merged, masks, grid.size)


def test_an_object_larger_than_the_overlap_is_joined_of_its_parts() -> None:
    grid = Grid((80, 300), 80, 20)
    bar = np.zeros(grid.size, dtype=bool)
    bar[30:50, 15:280] = True  # across all tiles
    disc = disc_mask((30, 12, 6), grid.size)  # in one
    scores = [0.8, 0.9]
    parts = [found_in(grid, n, [bar, disc], scores) for n in range(len(grid))]
    merged = merge_tiles(parts, grid)
    check_equal(merged, [bar, disc], grid.size)
    assert merged.boxes.tolist() == [[24, 6, 36, 18], [15, 30, 280, 50]]
    assert merged.tiles.tolist() == [1, len(grid)] and len(grid) > 3


def test_a_cut_object_that_the_tile_with_more_around_it_has_not_found_is_left_out() -> None:
    grid = Grid((80, 140), 80, 20)
    disc = disc_mask((75.0, 40.0, 6.0), grid.size)
    assert len(merge_tiles([found_in(grid, 0, [disc])], grid).scores) == 0
    assert len(merge_tiles([found_in(grid, 1, [disc])], grid).scores) == 1


def test_of_two_whole_ones_the_one_with_the_higher_score_is_kept() -> None:
    grid = Grid((80, 130), 80, 30)
    small, large = (disc_mask((65.0, 40.0, r), grid.size) for r in (7.0, 9.0))
    parts = [found_in(grid, 0, [small], [0.6]), found_in(grid, 1, [large], [0.7])]
    check_equal(merge_tiles(parts, grid), [large], grid.size)
    parts = [found_in(grid, 0, [small], [0.8]), found_in(grid, 1, [large], [0.7])]
    check_equal(merge_tiles(parts, grid), [small], grid.size)


def test_objects_of_one_tile_or_of_two_classes_are_never_merged() -> None:
    grid = Grid((80, 130), 80, 30)
    small, large = (disc_mask((65.0, 40.0, r), grid.size) for r in (7.0, 9.0))
    merged = merge_tiles([found_in(grid, 0, [small, large])], grid)
    check_equal(merged, [small, large], grid.size)
    parts = [
        found_in(grid, 0, [small], labels=[1]),
        found_in(grid, 1, [large], labels=[2]),
    ]
    check_equal(merge_tiles(parts, grid), [small, large], grid.size)


def test_a_part_under_a_whole_object_goes_and_a_large_one_over_a_fragment_stays() -> None:
    grid = Grid((80, 200), 80, 20)
    bar = np.zeros(grid.size, dtype=bool)
    bar[30:50, 10:190] = True
    fragment = np.zeros(grid.size, dtype=bool)
    fragment[35:45, 100:110] = True  # found as an object of its own by the middle tile only
    parts = [found_in(grid, n, [bar]) for n in range(3)]
    parts[1] = found_in(grid, 1, [bar, fragment])
    check_equal(merge_tiles(parts, grid), [bar, fragment], grid.size)


def test_boxes_are_merged_by_the_same_rule() -> None:
    grid = Grid((80, 300), 80, 20)
    bar, disc = np.zeros(grid.size, dtype=bool), disc_mask((70.0, 65.0, 6.0), grid.size)
    bar[10:30, 15:280] = True
    parts = [found_in(grid, n, [bar, disc], boxes_only=True) for n in range(len(grid))]
    merged = merge_tiles(parts, grid, has_masks=False)
    assert merged.masks is None
    assert sorted(merged.boxes.tolist()) == [[15, 10, 280, 30], [64, 59, 76, 71]]


@pytest.mark.parametrize("has_masks", [True, False])
def test_nothing_is_merged_to_nothing(has_masks: bool) -> None:
    merged = merge_tiles([], Grid((500, 500), 100, 20), has_masks=has_masks)
    assert merged.boxes.shape == (0, 4) and merged.scores.shape == merged.labels.shape == (0,)
    assert merged.masks == (() if has_masks else None)


def test_the_work_of_merging_grows_with_the_objects_and_not_with_the_image() -> None:
    grid = Grid((20_000, 20_000), 427, 106)  # nearly all of it is empty
    window = disc_mask((10.0, 10.0, 9.5), (20, 20))
    lattice = 9_000 + np.arange(20) * 141
    parts = []
    for number, tile in enumerate(grid.tiles()):
        xs = lattice[(lattice >= tile.left) & (lattice + 20 <= tile.right)]
        ys = lattice[(lattice >= tile.top) & (lattice + 20 <= tile.bottom)]
        boxes = np.array([[x, y, x + 20, y + 20] for x in xs for y in ys], dtype=np.float64)
        boxes = boxes.reshape(-1, 4)
        runs = tuple(window_runs(window, int(x), int(y), 20_000) for x, y, *_ in boxes)
        scores = np.full(len(boxes), 0.9, dtype=np.float32)
        labels = np.zeros(len(boxes), dtype=np.int64)
        is_cut = cut_by(boxes, tile, grid)
        parts.append(
            TileObjects(number, boxes.astype(np.float32), scores, labels, runs, boxes, is_cut)
        )
    assert len(merge_tiles(parts, grid).scores) == 20**2


def test_with_agnostic_objects_of_several_classes_are_one() -> None:
    grid = Grid((80, 140), 80, 20)
    disc = disc_mask((70, 40, 6), grid.size)
    bar = np.zeros(grid.size, dtype=bool)
    bar[10:20, 15:120] = True
    masks = [disc, bar]
    parts = [
        found_in(grid, 0, masks, [0.9, 0.5], [0, 0]),
        found_in(grid, 1, masks, [0.8, 0.7], [1, 1]),
    ]
    assert len(merge_tiles(parts, grid).scores) == 4
    merged = merge_tiles(parts, grid, agnostic=True)
    check_equal(merged, masks, grid.size)
    assert merged.labels.tolist() == [0, 1]  # those of the higher scores, 0.9 and 0.7
