"""LabelMe files: shapes of every kind, groups, and what relook itself writes."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.errors import DataError
from relook.inference.results import Result
from relook.inference.writers.labelme import labelme_record
from relook.runtime.json_files import write_json

from .conftest import Folder, Masks, block

Same = Callable[[Masks, Masks], bool]


def record(*shapes: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """A LabelMe file of a.png."""
    top = {"version": "5.5.0", "flags": {}, "shapes": list(shapes), "imagePath": "a.png"}
    return {**top, "imageData": None, "imageHeight": 12, "imageWidth": 16, **changes}


def shape(kind: str, points: list[list[float]], **changes: Any) -> dict[str, Any]:
    return {"label": "cell", "points": points, "group_id": None, "shape_type": kind} | changes


def test_what_relook_writes_comes_back(
    folder: Folder, odd: Result, expected: Masks, is_same: Same
) -> None:
    folder.image()
    write_json(folder.path / "a.json", labelme_record(odd, "a.png"))
    conversion = folder.convert()
    assert is_same(folder.masks(), expected)
    assert conversion.images == folder.path
    assert conversion.lines[0] == "set (LabelMe): 1 image, 3 objects with masks"


def test_images_in_a_folder_beside_it(folder: Folder) -> None:
    folder.image("images/a.png")
    square = shape("polygon", [[2, 1], [6, 1], [6, 5], [2, 5]])
    folder.write("json/a.json", record(square, imagePath="..\\images\\a.png"))
    conversion = folder.convert("json")
    assert conversion.images == folder.path / "images"
    assert np.array_equal(folder.mask(), block(1, 2, 5, 6))


def test_masks_circles_rectangles_and_rotated_boxes(folder: Folder) -> None:
    folder.image()
    content = io.BytesIO()
    drawn = np.array([[1, 0, 1], [1, 1, 1]], np.uint8) * 255
    Image.fromarray(drawn).save(content, "PNG")
    mask = base64.b64encode(content.getvalue()).decode()
    shapes = (
        shape("mask", [[3, 2], [5, 3]], mask=mask),
        shape("circle", [[8, 6], [8, 9]]),
        shape("rectangle", [[10, 4], [12, 1]]),
        shape("rotation", [[2, 8], [4, 6], [6, 8], [4, 10]]),
    )
    folder.write("a.json", record(*shapes))
    folder.convert(rectangles="masks")
    inside = np.zeros((12, 16), bool)
    inside[2:4, 3:6] = drawn > 0
    y, x = np.mgrid[:12, :16] + 0.5
    truth = [
        inside,
        (x - 8) ** 2 + (y - 6) ** 2 < 9,
        block(1, 10, 4, 12),
        (abs(x - 4) + abs(y - 8) < 2) | ((x - 4 + y - 8 == -2) & (x - 4 < 0)),
    ]
    found = folder.masks()["cell"]
    assert [np.array_equal(a, b) for a, b in zip(found[:3], truth[:3], strict=True)] == [True] * 3
    assert found[3].sum() == pytest.approx(8, abs=4)
    assert (found[3] <= (abs(x - 4) + abs(y - 8) < 2.1)).all()
    assert folder.boxes()[2] == [10, 1, 2, 3]


def test_rectangles_are_boxes_and_what_has_no_area_is_counted(folder: Folder) -> None:
    folder.image()
    shapes = [shape(kind, [[1, 1], [5, 5]]) for kind in ("rectangle", "line", "point", "line")]
    folder.write("a.json", record(*shapes, shape("polygon", [[1, 1], [2, 2]])))
    folder.write("notes.json", {"other": 1})
    lines = folder.convert(format="labelme").lines
    (row,) = folder.content["annotations"]
    assert row["bbox"] == [1, 1, 4, 4] and row["area"] == 16 and "segmentation" not in row
    assert "left out: 2 x shape without area (line) (first: a.json: shape 2)" in lines
    assert "left out: 1 x polygon with fewer than 3 points (first: a.json: shape 5)" in lines
    assert "left out: 1 x json file that is not of LabelMe (first: notes.json)" in lines


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"imagePath": "other.png"}, "D01", "its image 'other.png' is not in"),
        ({"imagePath": None}, "D04", 'no "imagePath"'),
        ({"shapes": [{"label": 3}]}, "D04", "shape 1 has no label"),
        ({"shapes": [shape("polygon", [[1, 1], [5, None]])]}, "D09", "not two finite numbers"),
        ({"shapes": [shape("mask", [[1, 1]], mask="####")]}, "D09", "it is not base64"),
        ({"shapes": [shape("mask", [[1, 1]], mask="AAAA")]}, "D09", "is not an image"),
        ({"imageWidth": 99}, "D10", "is for an image of 99 x 12 pixels"),
    ],
)
def test_what_cannot_be_used(
    folder: Folder, changes: dict[str, Any], code: str, words: str
) -> None:
    folder.image()
    folder.write("a.json", record(**changes))
    with pytest.raises(DataError) as caught:
        folder.convert("a.json", format="labelme")
    assert caught.value.code == code and words in caught.value.message
    assert not folder.out.exists()
