"""Places of texts: what they may lie on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.visualization.places import MOST_HIDDEN, Shape, free_corner, overlap, place

CANVAS = (200, 100)


def test_a_shape_knows_how_much_of_it_a_plate_hides() -> None:
    window = np.zeros((20, 20), dtype=bool)
    window[:, :10] = True
    shape = Shape.of(window, 10, 5, 2.0)  # of the picture: 20 to 40, 10 to 50
    assert shape.hidden((0, 0, 200, 100)) == 1
    assert shape.hidden((20, 10, 40, 20)) == pytest.approx(0.25)
    assert shape.hidden((40, 10, 60, 50)) == 0  # the empty half of the window
    assert shape.hidden((0, 0, 20, 100)) == shape.hidden((20, 50, 40, 90)) == 0
    assert Shape.of(np.zeros((5, 5), dtype=bool), 0, 0, 1.0).hidden((0, 0, 9, 9)) == 0


def test_a_large_shape_is_sampled_and_a_small_one_is_not() -> None:
    large, small = np.ones((3000, 2000), dtype=bool), np.ones((3, 1), dtype=bool)
    shape = Shape.of(large, 0, 0, 1.0)
    assert shape.inside.size < 50_000
    assert shape.hidden((0, 0, 1000, 3000)) == pytest.approx(0.5, abs=0.02)
    assert Shape.of(small, 0, 0, 1.0).inside.shape == (3, 1)
    assert Shape.of_box(np.array([10, 10, 1010, 510])).hidden((0, 0, 510, 600)) == pytest.approx(
        0.5
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 90)] * 2, *[st.integers(3, 60)] * 2), max_size=8))
def test_a_text_with_a_place_hides_little_and_one_without_has_none(boxes: list) -> None:
    corners = [np.array([x, y, x + w, y + h]) for x, y, w, h in boxes]
    shapes = [Shape.of_box(box) for box in corners]
    placed: list = []
    for x1, y1, x2, y2 in corners:
        corner = place((x1, y1, x2, y2), (40, 12), CANVAS, placed, shapes)
        if corner is None:
            continue
        plate = (*corner, corner[0] + 40, corner[1] + 12)
        assert not any(overlap(plate, other) for other in placed)
        for box in corners:
            area = (box[2] - box[0]) * (box[3] - box[1])
            assert overlap(plate, tuple(box)) <= MOST_HIDDEN * area + 1e-6
        placed.append(plate)


def test_without_shapes_there_is_always_a_place() -> None:
    everywhere = [(0, 0, *CANVAS)]
    assert place((0, 0, *CANVAS), (40, 12), CANVAS, everywhere) is not None
    assert place((0, 0, *CANVAS), (40, 12), CANVAS, everywhere, []) is None


def test_the_corner_with_the_fewest_objects_is_taken() -> None:
    lower_left, lower_right, upper_left = (4, 76), (156, 76), (4, 4)
    for boxes, corner in (
        ([], lower_left),
        ([[0, 80, 30, 100]], lower_right),
        ([[0, 80, 200, 100]], upper_left),
    ):
        assert free_corner((40, 20), CANVAS, 4, np.array(boxes).reshape(-1, 4)) == corner
