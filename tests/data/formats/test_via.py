"""VIA projects and exports: regions as a list or a table, and which attribute is the class."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from relook.errors import DataError

from .conftest import Folder, block

SQUARE = {"name": "polygon", "all_points_x": [2, 6, 6, 2], "all_points_y": [1, 1, 5, 5]}


def region(shape: dict[str, Any], **attributes: Any) -> dict[str, Any]:
    return {"shape_attributes": shape, "region_attributes": attributes}


def export(regions: Any, name: str = "a.png") -> dict[str, Any]:
    """The json of an export, which is the inner part of a project."""
    entry = {"filename": name, "size": 84, "regions": regions, "file_attributes": {}}
    return {f"{name}84": entry}


def project(regions: Any, **attributes: Any) -> dict[str, Any]:
    settings = {"_via_settings": {}, "_via_attributes": {"region": attributes, "file": {}}}
    return {**settings, "_via_img_metadata": export(regions), "_via_data_format_version": "2.0.10"}


@pytest.mark.parametrize(
    "content",
    [
        export({"0": region(SQUARE, name="cell")}),
        export([region(SQUARE, name="cell")]),
        project([region(SQUARE, name="cell")], name={"type": "text"}),
    ],
    ids=["1.x", "2.x export", "2.x project"],
)
def test_a_polygon(folder: Folder, content: dict[str, Any]) -> None:
    folder.image()
    folder.write("via.json", content)
    lines = folder.convert("via.json").lines
    (name,) = folder.masks()
    assert name == "cell" and np.array_equal(folder.mask(), block(1, 2, 5, 6))
    assert "via.json: classes are the attribute 'name' of regions" in lines


def test_all_shapes(folder: Folder) -> None:
    folder.image()
    shapes: list[dict[str, Any]] = [
        {"name": "rect", "x": 1, "y": 2, "width": 4, "height": 3},
        {"name": "circle", "cx": 8, "cy": 6, "r": 3},
        {"name": "ellipse", "cx": 8, "cy": 6, "rx": 5, "ry": 2, "theta": np.pi / 2},
        {"name": "polyline", "all_points_x": [2, 6, 6, 2, 2], "all_points_y": [1, 1, 5, 5, 1]},
        {"name": "polyline", "all_points_x": [2, 6, 6], "all_points_y": [1, 1, 5]},
        {"name": "point", "cx": 3, "cy": 3},
    ]
    folder.write("via.json", export([region(shape) for shape in shapes]))
    lines = folder.convert("via.json", class_name="cell", rectangles="masks").lines
    y, x = np.mgrid[:12, :16] + 0.5
    truth = [
        block(2, 1, 5, 5),
        (x - 8) ** 2 + (y - 6) ** 2 < 9,
        ((x - 8) / 2) ** 2 + ((y - 6) / 5) ** 2 < 1,
        block(1, 2, 5, 6),
    ]
    found = folder.masks()["cell"]
    assert [np.array_equal(a, b) for a, b in zip(found, truth, strict=True)] == [True] * 4
    assert any("1 x region without area (open polyline)" in line for line in lines)
    assert any("1 x region without area (point)" in line for line in lines)
    assert any("1 x polyline whose ends nearly meet, closed" in line for line in lines)


def test_regions_that_say_nothing_are_counted(folder: Folder) -> None:
    folder.image()
    folder.write("a.json", export([None, region(SQUARE, name="cell"), 5]))
    lines = folder.convert("a.json").lines
    assert len(folder.masks()["cell"]) == 1
    assert any(line.startswith("left out: 2 x region that says nothing") for line in lines)


def test_classes_of_check_boxes_and_menus_keep_their_order(folder: Folder) -> None:
    folder.image()
    regions = [
        region(SQUARE, kind={"rod": True, "disc": False}),
        region(SQUARE, kind="disc"),
        region(SQUARE, kind=""),
        region(SQUARE, kind={"rod": True, "disc": True}),
    ]
    menu = {"type": "checkbox", "options": {"rod": "", "disc": "", "none": ""}}
    folder.write("via.json", project(regions, kind=menu))
    lines = folder.convert().lines
    assert [row["name"] for row in folder.content["categories"]] == ["rod", "disc", "none"]
    assert "classes: rod 1, disc 1, none 0" in lines
    assert any("2 x region without a class" in line for line in lines)


def test_the_class_is_asked_for_where_nothing_says_it(folder: Folder) -> None:
    folder.image()
    folder.write("via.json", export([region(SQUARE, shade="dark", age="old")]))
    with pytest.raises(DataError, match="say it with --attribute NAME"):
        folder.convert("via.json")
    with pytest.raises(DataError, match="no attribute 'agee'"):
        folder.convert("via.json", attribute="agee")
    folder.convert("via.json", attribute="age")
    assert list(folder.masks()) == ["old"]
    lines = folder.convert("via.json", class_name="cell").lines
    assert list(folder.masks()) == ["cell"]
    assert "--class: attributes of regions are not read" in lines
    folder.write("via.json", export([region(SQUARE, shade="dark", Label="cell")]))
    folder.convert("via.json")
    assert list(folder.masks()) == ["cell"]


@pytest.mark.parametrize(
    ("content", "code", "words"),
    [
        ({"project": {}, "metadata": {}, "view": {}}, "D04", "VIA 3, whose tracks"),
        ([1], "D04", "no images with regions"),
        (export([], "b.png"), "D01", "'b.png' is not in"),
        (export([region({"name": "rect", "x": 1})]), "D09", "lacks a finite number"),
        (export([region({**SQUARE, "all_points_x": [1]})]), "D09", "not as many x as y"),
        (export([region({"name": "circle", "cx": 1, "cy": 1, "r": 1e300})]), "D09", "no image has"),
        (export([]), "D11", "no object was found"),
    ],
)
def test_what_cannot_be_used(folder: Folder, content: Any, code: str, words: str) -> None:
    folder.image()
    folder.write("via.json", content)
    with pytest.raises(DataError) as caught:
        folder.convert("via.json", format="via")
    assert caught.value.code == code and words in caught.value.message
    assert not folder.out.exists()
