from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.data.checks.shapes import crossing, polygons_of, spiky

SQUARE = [0, 0, 9, 0, 9, 9, 0, 9]
CASES = {
    "square": (SQUARE, False, False),
    "closed": ([*SQUARE, 0, 0], False, False),
    "bow tie": ([0, 0, 9, 9, 9, 0, 0, 9], True, False),
    "touching itself": ([0, 0, 5, 5, 9, 0, 9, 9, 5, 5, 0, 9], False, False),
    "crossing loop": ([0, 0, 20, 0, 20, 20, 8, -5, 0, 20], True, False),
    "spike": ([0, 0, 9, 0, 9, 4, 40, 4.5, 9, 5, 9, 9, 0, 9], False, True),
    "triangle": ([0, 0, 9, 0, 4, 9], False, False),
}


@pytest.mark.parametrize("name", CASES)
def test_one_polygon(name: str) -> None:
    points, crosses, has_spike = CASES[name]
    polygons = polygons_of([points])
    assert (crossing(polygons)[0], spiky(polygons)[0]) == (crosses, has_spike)


def test_many_polygons_keep_their_places() -> None:
    cases = list(CASES.values()) * 3
    polygons = polygons_of([points for points, _, _ in cases])
    assert crossing(polygons).tolist() == [crosses for _, crosses, _ in cases]
    assert spiky(polygons).tolist() == [has_spike for _, _, has_spike in cases]
    assert crossing(polygons_of([])).size == spiky(polygons_of([])).size == 0


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 20), min_size=8, max_size=8))
def test_crossings_are_those_of_shapely(numbers: list[int]) -> None:
    shapely = pytest.importorskip("shapely")
    points = [tuple(numbers[k : k + 2]) for k in range(0, 8, 2)]
    edges = [shapely.LineString([points[k], points[(k + 1) % 4]]) for k in range(4)]
    expected = edges[0].crosses(edges[2]) or edges[1].crosses(edges[3])
    degenerate = any(math.dist(points[k], points[(k + 1) % 4]) == 0 for k in range(4))
    if not degenerate:
        found = bool(crossing(polygons_of([numbers]))[0])
        assert found <= expected
        collinear = any(
            edge.distance(shapely.Point(point)) == 0
            for edge in edges
            for point in points
            if point not in edge.coords
        )
        assert collinear or found == expected
    assert np.isfinite(polygons_of([numbers]).points).all()
