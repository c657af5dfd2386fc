"""GeoJSON of QuPath: holes, parts, classes, and coordinates of georeferenced images."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import tifffile

from relook.data.images import open_image
from relook.errors import DataError
from relook.inference.results import Result
from relook.inference.writers.geojson import write_geojson

from .conftest import Folder, Masks, block

Same = Callable[[Masks, Masks], bool]
OUTER = [[2, 1], [8, 1], [8, 7], [2, 7], [2, 1]]
HOLE = [[4, 3], [6, 3], [6, 5], [4, 5], [4, 3]]


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    geometry = {"type": kind, "coordinates": coordinates}
    return {"type": "Feature", "id": "x", "geometry": geometry, "properties": properties}


def text_of(result: Result, **options: Any) -> str:
    file = io.StringIO()
    write_geojson(file, result, **options)
    return file.getvalue()


def test_what_relook_writes_comes_back(
    folder: Folder, odd: Result, expected: Masks, is_same: Same
) -> None:
    folder.image("images/a.png")
    folder.image("images/b.png")
    folder.write("geojson/a.geojson", text_of(odd))
    folder.convert("geojson")
    assert is_same(folder.masks(), expected)


def test_coordinates_of_a_map_are_turned_back(
    folder: Folder, odd: Result, expected: Masks, is_same: Same
) -> None:
    keys = (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633)
    tags = [
        (33550, 12, 3, (0.5, 0.5, 0.0)),
        (33922, 12, 6, (0, 0, 0, 4e5, 5e6, 0)),
        (34735, 3, 16, keys),
    ]
    path = folder.image("a.png").with_name("map.tif")
    tifffile.imwrite(path, np.zeros((12, 16, 3), np.uint8), photometric="rgb", extratags=tags)
    with open_image(path) as opened:
        info = opened.info
    assert info.crs is not None and info.transform is not None
    folder.write("map.geojson", text_of(replace(odd), transform=info.transform, crs=info.crs))
    folder.convert("map.geojson")
    assert is_same(folder.masks(), expected)
    folder.write("a.geojson", text_of(odd, crs="EPSG:4326"))
    with pytest.raises(DataError, match=r"a\.png is not georeferenced. Give the") as caught:
        folder.convert("a.geojson")
    assert caught.value.code == "D04"


def test_classes_and_what_has_no_area(folder: Folder) -> None:
    folder.image()
    rows = [
        feature(
            "Polygon", [OUTER, HOLE], classification={"name": "Tumor"}, objectType="annotation"
        ),
        feature(
            "MultiPolygon",
            [[OUTER], [[[9, 9], [11, 9], [11, 11]]]],
            classification={"names": ["A", "B"]},
        ),
        feature("Polygon", [OUTER], objectType="detection"),
        feature("Point", [1, 2]),
        feature("LineString", OUTER),
        {"type": "Feature", "geometry": None},
    ]
    folder.write("a.geojson", rows)
    lines = folder.convert().lines
    found = folder.masks()
    assert np.array_equal(found["Tumor"][0], block(1, 2, 7, 8) & ~block(3, 4, 5, 6))
    assert found["A: B"][0][1:7, 2:8].all() and 37 <= found["A: B"][0].sum() <= 39
    assert np.array_equal(found["object"][0], block(1, 2, 7, 8))
    segmentations = [row["segmentation"] for row in folder.content["annotations"]]
    assert [type(one) for one in segmentations] == [dict, list, list]
    for kind in ("Point", "LineString", "none"):
        assert any(f"1 x feature without area ({kind})" in line for line in lines)


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ({"type": "Topology"}, "D04", "no GeoJSON"),
        ([feature("Polygon", [[[1, 1], [2, 2]]])], "D09", "fewer than 3 points"),
        ([feature("Polygon", 3)], "D09", "no lists of rings"),
        ([feature("Polygon", [[[1, 1], [2, "x"], [3, 3]]])], "D09", "two finite numbers"),
        ([feature("Polygon", [[[1, 1], [2, 1e40], [3, 3]]])], "D09", "no image has"),
        ([feature("Polygon", [[[90, 90], [95, 90], [95, 95]]])], "D11", "without a pixel"),
    ],
)
def test_what_cannot_be_used(folder: Folder, content: Any, code: str, words: str) -> None:
    folder.image()
    folder.write("a.geojson", json.dumps(content))
    with pytest.raises(DataError) as caught:
        folder.convert("a.geojson", format="qupath")
    assert caught.value.code == code and words in caught.value.message
