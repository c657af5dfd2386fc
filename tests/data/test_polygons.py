"""Polygons along pixel edges: the mask comes back, the area is the number of pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from relook.data.polygons import mask_polygons, polygons_mask, signed_area, simplified

MASKS = arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.booleans())


def disc(side: int, radius: float) -> NDArray[np.bool_]:
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    return np.asarray(y**2 + x**2 < radius**2)


@settings(max_examples=300, deadline=None)
@given(MASKS)
def test_the_mask_comes_back_and_no_ring_touches_itself(mask: NDArray[np.bool_]) -> None:
    polygons = mask_polygons(mask)
    assert (polygons_mask(polygons, mask.shape) == mask).all()
    assert sum(polygon.area for polygon in polygons) == mask.sum()
    for polygon in polygons:
        assert signed_area(polygon.exterior) > 0
        assert all(signed_area(hole) < 0 for hole in polygon.holes)
        for ring in (polygon.exterior, *polygon.holes):
            steps = np.abs(np.roll(ring, -1, axis=0) - ring)
            assert ((steps == 0).sum(axis=1) == 1).all()  # edges of pixels, each with a length
            assert len({tuple(point) for point in ring.tolist()}) == len(ring)


def test_a_pixel_is_a_square_and_a_hole_is_a_ring() -> None:
    (square,) = mask_polygons(np.ones((1, 1), bool), left=5, top=7)
    assert sorted(map(tuple, square.exterior.tolist())) == [(5, 7), (5, 8), (6, 7), (6, 8)]
    ring = np.ones((3, 3), bool)
    ring[1, 1] = False
    (polygon,) = mask_polygons(ring)
    assert (polygon.area, len(polygon.holes)) == (8, 1)
    assert mask_polygons(np.zeros((4, 4), bool)) == []


def test_pixels_that_meet_at_a_corner_are_two_parts_and_the_larger_is_first() -> None:
    mask = np.array([[1, 0, 0], [0, 1, 1]], bool)
    assert [polygon.area for polygon in mask_polygons(mask)] == [2, 1]


def test_a_hole_that_meets_the_outside_at_a_corner_stays_a_hole() -> None:
    mask = np.array([[1, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 0], [1, 1, 0, 0]], bool)
    (polygon,) = mask_polygons(mask)
    assert len(polygon.holes) == 1 and polygon.area == mask.sum()


@pytest.mark.parametrize("radius", [4.0, 6.5, 12.0])
def test_simplified_outlines_stay_near(radius: float) -> None:
    mask = disc(30, radius)
    (polygon,) = mask_polygons(mask)
    fewer = simplified(polygon, 0.5)
    assert len(fewer.exterior) <= len(polygon.exterior)
    assert fewer.area == pytest.approx(mask.sum(), rel=0.01)
    assert len(simplified(polygon, 0.75).exterior) < len(polygon.exterior)
    assert simplified(polygon, 0.0) is polygon


def test_holes_that_shrink_to_a_line_are_left_out_and_outer_rings_stay() -> None:
    mask = np.ones((9, 9), bool)
    mask[4, 4] = False
    (polygon,) = mask_polygons(mask)
    assert simplified(polygon, 2.0).holes == ()
    assert len(simplified(polygon, 100.0).exterior) >= 3


def test_what_lies_outside_of_the_image_is_left_out() -> None:
    polygons = mask_polygons(np.ones((4, 4), bool), left=-2, top=3)
    mask = polygons_mask(polygons, (5, 5))
    assert mask.sum() == 4 and mask[3:, :2].all()
