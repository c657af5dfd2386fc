"""benchmarks/tiles.py: what is compared with what."""

from __future__ import annotations

import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from relook.inference.tiles.grid import Grid
from relook.inference.tiles.objects import TileObjects, cut_by
from relook.inference.tiles.rule import Tiling
from relook.ops.runs import Runs, rectangle_runs

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import tiles

HEIGHT = 100


def square(left: int, top: int, side: int = 10) -> Runs:
    return rectangle_runs(left, top, left + side, top + side, HEIGHT)


def test_each_object_is_found_once() -> None:
    truth = [square(0, 0), square(30, 30), square(60, 60)]
    masks = [square(0, 1), square(0, 0), square(30, 32), square(80, 0)]
    found = tiles.Objects(masks, np.array([0.9, 0.8, 0.7, 0.6], dtype=np.float32))
    assert tiles.f1(found, truth) == 2 * 2 / (3 + 4)
    assert tiles.f1(tiles.Objects([], np.zeros(0, np.float32)), truth) == 0


def test_the_grid_has_whole_steps_so_that_others_can_use_it() -> None:
    grid = tiles.even_grid((1280, 1280), Tiling("auto", (960, 640)))
    lefts = sorted({tile.left for tile in grid.tiles()})
    assert len({b - a for a, b in pairwise(lefts)}) == 1
    assert lefts[-1] + grid.side == 1280 and 427 <= grid.side < 440


def parts() -> tuple[list[TileObjects], Grid]:
    """Two tiles: one object that both see, and a smaller one inside of it, seen by the second."""
    grid = Grid((100, 140), 100, 60)
    found = []
    for number, squares in ((0, [(60, 20, 20)]), (1, [(60, 20, 20), (62, 22, 8)])):
        boxes = np.array([[x, y, x + s, y + s] for x, y, s in squares], dtype=np.float64)
        found.append(
            TileObjects(
                number,
                boxes.astype(np.float32),
                np.linspace(0.9, 0.8, len(squares), dtype=np.float32) - number * 0.05,
                np.zeros(len(squares), np.int64),
                tuple(square(x, y, s) for x, y, s in squares),
                boxes,
                cut_by(boxes, grid.tile(number), grid),
            )
        )
    return found, grid


def test_suppression_is_by_what_it_says() -> None:
    found, _ = parts()
    assert [m.area for m in tiles.by_masks(found, "iou").masks] == [400, 64]
    assert [m.area for m in tiles.by_masks(found, "smaller").masks] == [400]


def test_supervision_is_given_the_detections_of_the_tile_it_shows() -> None:
    pytest.importorskip("supervision")
    found, grid = parts()
    picture = np.random.default_rng(0).integers(0, 256, (100, 140, 3), dtype=np.uint8)
    assert [m.area for m in tiles.by_supervision(picture, found, grid).masks] == [400, 64]
    assert tiles.by_sahi(found, (100, 140)) is None  # it is no part of the environment
