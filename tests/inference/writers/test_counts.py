"""Counts, areas and densities."""

from __future__ import annotations

import pytest

from relook.inference.results import Result
from relook.inference.writers.counts import ALL, COLUMNS, count_rows, with_totals


def test_each_class_has_a_row_also_without_objects(odd: Result) -> None:
    cells, crystals = count_rows(odd)
    assert (cells["count"], cells["area"], crystals["area"]) == (2, 24 + 12, 6 + 8)
    assert cells["covered"] == pytest.approx(36 / 192)
    assert cells["area_mm2"] is None and cells["per_mm2"] is None
    none, _ = count_rows(odd.filter(score=2))
    assert (none["count"], none["area"], none["covered"]) == (0, 0, 0.0)


def test_densities_are_per_square_millimetre_of_the_image(odd: Result) -> None:
    cells, _ = count_rows(odd, (10.0, 20.0))
    image = 192 * 200 / 1e6
    assert cells["image_area_mm2"] == pytest.approx(image)
    assert cells["per_mm2"] == pytest.approx(2 / image)


def test_totals_are_over_all_images_and_units_only_where_all_have_them(odd: Result) -> None:
    rows = [*count_rows(odd, (10.0, 10.0)), *count_rows(odd, (10.0, 10.0))]
    lines = [
        dict(zip(COLUMNS, line, strict=True)) for line in with_totals(rows, ["cell", "=crystal"])
    ]
    assert [line["image"] for line in lines] == ["a.png"] * 4 + [ALL] * 2
    assert (lines[4]["count"], lines[4]["area"]) == (4, 72)
    assert lines[4]["per_mm2"] == pytest.approx(lines[0]["per_mm2"])
    mixed = [*count_rows(odd, (10.0, 10.0)), *count_rows(odd)]
    *_, total, _ = with_totals(mixed, ["cell", "=crystal"])
    assert dict(zip(COLUMNS, total, strict=True))["per_mm2"] is None
