"""GeoJSON: polygons with holes, what QuPath reads, coordinates of a CRS."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from shapely.geometry import shape

from relook.data.polygons import Polygon, polygons_mask
from relook.inference.results import Result
from relook.inference.writers.geojson import write_geojson


def feature_collection(result: Result, **options: Any) -> dict[str, Any]:
    file = io.StringIO()
    write_geojson(file, result, **options)
    content: dict[str, Any] = json.loads(file.getvalue())
    return content


def mask_of(feature: dict[str, object], size: tuple[int, int]) -> NDArray[np.bool_]:
    geometry = shape(feature["geometry"])
    parts = getattr(geometry, "geoms", [geometry])
    rings = [
        Polygon(
            np.array(part.exterior.coords[:-1], np.int32),
            tuple(np.array(hole.coords[:-1], np.int32) for hole in part.interiors),
        )
        for part in parts
    ]
    return polygons_mask(rings, size)


def test_masks_come_back_from_the_file(odd: Result, masks: list[NDArray[np.bool_]]) -> None:
    collection = feature_collection(odd)
    assert len(collection["features"]) == 3  # an empty mask has no shape
    for feature, mask in zip(collection["features"], masks, strict=False):
        assert shape(feature["geometry"]).is_valid
        assert (mask_of(feature, odd.size) == mask).all()
    assert "crs" not in collection


def test_properties_are_those_of_qupath(odd: Result) -> None:
    area = {"area": [24, 14, 12, 0], "solidity": [0.9, None, float("nan"), 1], "class": ["a"] * 4}
    first, second, third = feature_collection(odd, measurements=area)["features"]
    assert first["properties"]["objectType"] == "detection"
    assert first["properties"]["classification"]["name"] == "cell"
    assert first["properties"]["measurements"] == {
        "score": pytest.approx(0.9),
        "area": 24,
        "solidity": 0.9,
    }
    assert second["properties"]["class_id"] == 7
    assert set(third["properties"]["measurements"]) == {"score", "area"}
    assert len({first["id"], second["id"], third["id"]}) == 3
    assert feature_collection(odd)["features"][0]["id"] == first["id"]  # the same every time


def test_coordinates_of_a_crs_keep_area_and_direction(odd: Result) -> None:
    north_up = (2.0, 0.0, 500.0, 0.0, -2.0, 9000.0)
    collection = feature_collection(odd, transform=north_up, crs="EPSG:32633")
    assert collection["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32633"
    ring = shape(collection["features"][0]["geometry"])
    assert ring.area == 4 * 24
    assert ring.exterior.is_ccw and not ring.interiors[0].is_ccw
    assert ring.bounds == (502.0, 8988.0, 512.0, 8998.0)


def test_a_name_that_is_no_unicode(odd: Result) -> None:
    """Bytes of a name that are no UTF-8 are halves of surrogate pairs in Python."""
    names = ["bad\udcff.png", "bad\udcfe.png", "bad.png"]
    ids = {feature_collection(replace(odd, source=name))["features"][0]["id"] for name in names}
    assert len(ids) == 3
