"""Shapes of the objects of a result."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from relook.inference.results import Result
from relook.inference.writers.shapes import object_polygons, object_windows

Make = Callable[..., Result]


def test_masks_come_as_windows_at_their_place(result_of: Make) -> None:
    mask = np.zeros((6, 8), bool)
    mask[2:4, 3:7] = True
    ((window, left, top),) = object_windows(result_of([mask]))
    assert (left, top, window.shape, window.all()) == (3, 2, (2, 4), True)
    ((polygon,),) = object_polygons(result_of([mask]))
    assert polygon.area == 8
    assert (polygon.exterior.min(axis=0).tolist(), polygon.exterior.max(axis=0).tolist()) == (
        [3, 2],
        [7, 4],
    )


def test_a_box_covers_the_pixels_whose_centre_is_inside(result_of: Make) -> None:
    boxes = [[0.4, 0.6, 2.5, 3.4], [-5.0, -5.0, 1.0, 1.0], [9.0, 9.0, 12.0, 12.0]]
    windows = list(object_windows(result_of([], boxes)))
    assert [(w.shape, left, top) for w, left, top in windows] == [
        ((2, 2), 0, 1),
        ((1, 1), 0, 0),
        ((0, 0), 8, 6),
    ]


def test_an_empty_mask_has_no_polygon(result_of: Make) -> None:
    assert list(object_polygons(result_of([np.zeros((4, 4), bool)]))) == [[]]
