"""Detections of a tile in pixels of the whole image."""

from __future__ import annotations

import numpy as np
import torch

from relook.inference.tiles.grid import Grid
from relook.inference.tiles.objects import cut_by, tile_objects
from relook.ops.runs import runs_window
from relook.structures.detection import Detections

GRID = Grid((100, 100), 60, 20)


def detections(*, masks: bool = True) -> Detections:
    boxes = torch.tensor([[10.0, 20, 30, 40], [50, 5, 60, 15], [20.0, 20, 20, 20]])
    probabilities = torch.ones(3, 28, 28) if masks else None
    scores = torch.tensor([0.9, 0.6, 0.3])
    return Detections(boxes, scores, torch.tensor([1, 0, 1]), probabilities, (60, 60))


def test_masks_and_boxes_are_moved_to_the_place_of_the_tile() -> None:
    tile = GRID.tile(1)
    assert (tile.left, tile.top) == (40, 0)
    found = tile_objects(detections(), 1, tile, GRID)
    assert found.tile == 1 and len(found) == 3 and found.masks is not None
    assert found.boxes[:2].tolist() == [[50, 20, 70, 40], [90, 5, 100, 15]]
    window, left, top = runs_window(found.masks[0], 100)
    assert window.all() and window.shape == (20, 20) and (left, top) == (50, 20)
    assert found.extents[0].tolist() == [50, 20, 70, 40]
    assert found.masks[2].area == 0  # a box without area
    assert found.is_cut.tolist() == [False, False, False]  # the right side is that of the image


def test_an_object_at_an_inner_border_is_cut() -> None:
    found = tile_objects(detections(), 0, GRID.tile(0), GRID)
    assert found.is_cut.tolist() == [False, True, False]
    extents = np.array([[0.0, 0, 9, 9], [51, 0, 58, 9], [51, 0, 59, 9], [5, 50, 9, 58.5]])
    assert cut_by(extents, GRID.tile(0), GRID).tolist() == [False, False, True, True]


def test_objects_below_the_score_are_left_out() -> None:
    found = tile_objects(detections(), 0, GRID.tile(0), GRID, score=0.6)
    assert found.scores.tolist() == np.float32([0.9, 0.6]).tolist()
    assert found.labels.tolist() == [1, 0] and found.masks is not None and len(found.masks) == 2


def test_boxes_alone_have_their_own_extents() -> None:
    found = tile_objects(detections(masks=False), 1, GRID.tile(1), GRID)
    assert found.masks is None
    assert (found.extents == found.boxes).all()
    kept = found.rows(np.array([False, True, False]))
    assert kept.boxes.tolist() == [[90, 5, 100, 15]] and kept.masks is None
