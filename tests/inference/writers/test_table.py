"""The table of objects: columns, units, intensities."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from relook.errors import UsageError
from relook.inference.results import Result
from relook.inference.writers.table import object_table, touches_border

Make = Callable[..., Result]

BAR = np.zeros((10, 12), bool)
BAR[3:5, 2:8] = True
CORNER = np.zeros((10, 12), bool)
CORNER[0:2, 0:2] = True
EMPTY = np.zeros((10, 12), bool)


def test_a_row_for_each_object_and_nothing_undefined_is_a_number(result_of: Make) -> None:
    table = object_table(result_of([BAR, CORNER, EMPTY]))
    assert {len(column) for column in table.values()} == {3}
    assert table["id"] == [1, 2, 3]
    assert table["class"] == ["cell", "=crystal", "cell"]
    assert table["class_id"] == [3, 7, 3]
    assert table["image"] == ["a.png"] * 3
    assert table["area"] == [12, 4, 0]
    assert (table["centroid_x"][0], table["centroid_y"][0]) == (4.5, 3.5)
    assert table["equivalent_diameter"][0] == pytest.approx(math.sqrt(48 / math.pi))
    assert table["touches_border"] == [False, True, False]
    assert table["centroid_x"][2] is None and table["solidity"][2] is None
    assert not any("_um" in name or "_c0" in name for name in table)


def test_units_are_those_of_the_pixels(result_of: Make) -> None:
    table = object_table(result_of([BAR]), pixel_size=(0.5, 0.5))
    assert table["area_um2"] == [3.0]
    assert (table["centroid_x_um"], table["centroid_y_um"]) == ([2.25], [1.75])
    assert table["major_axis_um"][0] == pytest.approx(table["major_axis"][0] / 2)
    oblong = object_table(result_of([BAR]), pixel_size=(0.5, 1.0))
    assert oblong["area_um2"] == [6.0]
    assert (oblong["centroid_x_um"], oblong["centroid_y_um"]) == ([4.5], [1.75])
    assert oblong["major_axis_um"] == [None]  # depends on the direction
    with pytest.raises(UsageError, match="U03"):
        object_table(result_of([BAR]), pixel_size=(0.0, 1.0))


def test_intensities_are_of_the_samples_of_the_file(result_of: Make) -> None:
    samples = np.arange(240, dtype=np.uint16).reshape(10, 12, 2) * 100
    table = object_table(result_of([BAR, EMPTY]), samples=samples)
    first = samples[..., 0][BAR]
    assert table["mean_c0"] == [pytest.approx(first.mean()), None]
    assert (table["min_c0"][0], table["max_c0"][0]) == (first.min(), first.max())
    assert table["sum_c1"][0] == samples[..., 1][BAR].sum()
    with pytest.raises(UsageError, match="U03"):
        object_table(result_of([BAR]), samples=samples[1:])


def test_no_objects_have_all_columns(result_of: Make) -> None:
    none = result_of([BAR]).filter(score=2.0)
    table = object_table(none, pixel_size=(1.0, 1.0))
    assert "solidity" in table and "area_um2" in table
    assert all(column == [] for column in table.values())


@pytest.mark.parametrize(("left", "top", "expected"), [(1, 1, False), (0, 1, True), (1, 7, True)])
def test_borders_are_rows_and_columns_at_the_edge(left: int, top: int, expected: bool) -> None:
    window = np.ones((3, 3), bool), left, top
    assert touches_border(window, (10, 10)) is expected
