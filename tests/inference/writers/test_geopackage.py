"""GeoPackage, read again by pyogrio and shapely."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from relook.inference.results import Result
from relook.inference.writers.geopackage import LAYER, write_geopackage
from relook.inference.writers.table import object_table

pyogrio = pytest.importorskip("pyogrio")


def test_shapes_and_numbers_come_back(
    odd: Result, masks: list[NDArray[np.bool_]], tmp_path: Path
) -> None:
    write_geopackage(tmp_path / "a.gpkg", odd, measurements=object_table(odd))
    meta, _, geometry, fields = pyogrio.raw.read(tmp_path / "a.gpkg", layer=LAYER)
    values = dict(zip(meta["fields"], fields, strict=True))
    shapes = [shapely.from_wkb(entry) for entry in geometry]
    assert [shape.area for shape in shapes] == [24, 14, 12]
    assert all(shape.is_valid for shape in shapes)
    assert len(shapes[0].geoms[0].interiors) == 1 and len(shapes[1].geoms) == 2
    assert list(values["class"]) == ["cell", "=crystal", "cell"]
    assert list(values["area"]) == [24, 14, 12]
    assert values["score"][0] == pytest.approx(0.9)


def test_coordinates_are_those_of_the_crs(odd: Result, tmp_path: Path) -> None:
    north_up = (2.0, 0.0, 500.0, 0.0, -2.0, 9000.0)
    write_geopackage(tmp_path / "a.gpkg", odd, transform=north_up, crs="EPSG:32633")
    meta, _, geometry, _ = pyogrio.raw.read(tmp_path / "a.gpkg")
    assert meta["crs"] == "EPSG:32633"
    assert shapely.from_wkb(geometry[0]).bounds == (502.0, 8988.0, 512.0, 8998.0)


def test_nothing_found_is_an_empty_layer(odd: Result, tmp_path: Path) -> None:
    write_geopackage(tmp_path / "a.gpkg", odd.filter(score=2))
    assert pyogrio.read_info(tmp_path / "a.gpkg")["features"] == 0
