"""Supervisely projects: polygons with holes, bitmaps, rectangles, data sets as parts."""

from __future__ import annotations

import base64
import io
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.errors import DataError

from .conftest import Folder, block

META = {"classes": [{"title": "rod", "shape": "polygon"}, {"title": "cell", "shape": "bitmap"}]}


def bitmap(mask: np.ndarray) -> str:
    content = io.BytesIO()
    Image.fromarray(mask).save(content, "PNG", bits=1)
    return base64.b64encode(zlib.compress(content.getvalue())).decode()


def record(*objects: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": "",
        "tags": [],
        "size": {"height": 12, "width": 16},
        "objects": list(objects),
    }


def item(kind: str, **more: Any) -> dict[str, Any]:
    return {"classTitle": "cell", "geometryType": kind, **more}


def test_a_project(folder: Folder) -> None:
    exterior = [[2, 1], [8, 1], [8, 7], [2, 7]]
    hole = [[4, 3], [6, 3], [6, 5], [4, 5]]
    drawn = np.array([[True, False], [True, True]])
    objects = (
        item("polygon", points={"exterior": exterior, "interior": [hole]}),
        item("bitmap", bitmap={"data": bitmap(drawn), "origin": [10, 3]}),
        item("rectangle", points={"exterior": [[1, 2], [4, 5]], "interior": []}),
        item("point", points={"exterior": [[1, 2]], "interior": []}),
    )
    folder.image("train/img/a.png")
    folder.image("val/img/b.png")
    folder.write("meta.json", META)
    folder.write("train/ann/a.png.json", record(*objects))
    folder.write("val/ann/b.json", record())
    lines = folder.convert(rectangles="masks").lines
    inside = block(0, 0, 0, 0)
    inside[3:5, 10:12] = drawn
    truth = [block(1, 2, 7, 8) & ~block(3, 4, 5, 6), inside, block(2, 1, 6, 5)]
    found = folder.masks()["cell"]
    assert [np.array_equal(a, b) for a, b in zip(found, truth, strict=True)] == [True] * 3
    assert [row["name"] for row in folder.content["categories"]] == ["rod", "cell"]
    assert [row["split"] for row in folder.content["images"]] == ["train", "val"]
    assert any("1 x object without area (point)" in line for line in lines)


@pytest.mark.parametrize(
    ("entry", "code", "words"),
    [
        ({}, "D04", "object 1 has no class"),
        (item("bitmap"), "D09", "no list of points|two finite numbers"),
        (item("bitmap", bitmap={"data": "AAAA", "origin": [0, 0]}), "D09", "cannot be read"),
        (item("polygon", points={"exterior": None}), "D09", "no list of points"),
        (
            item(
                "bitmap",
                bitmap={
                    "data": base64.b64encode(zlib.compress(b"\0" * 2**27)).decode(),
                    "origin": [0, 0],
                },
            ),
            "D09",
            "unpacks to more",
        ),
    ],
)
def test_what_cannot_be_used(folder: Folder, entry: dict[str, Any], code: str, words: str) -> None:
    folder.image()
    folder.write("a.png.json", record(entry))
    with pytest.raises(DataError, match=words) as caught:
        folder.convert("a.png.json", format="supervisely")
    assert caught.value.code == code
