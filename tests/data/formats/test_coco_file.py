"""What stands in the COCO file: polygons, run lengths, boxes and areas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from relook.data.coco.segmentation import rasterised
from relook.data.formats.coco_file import check_not_empty, coco_content
from relook.data.formats.geometry import Ellipse, Outline, Shape, pixels, points_of, rectangle
from relook.data.formats.records import Account, AnnotatedImage, AnnotatedObject, ConvertOptions
from relook.errors import DataError

from .conftest import block

SIZE = (12, 16)
SQUARE = points_of([(2, 1), (6, 1), (6, 5), (2, 5)])
HOLE = points_of([(3, 2), (4, 2), (4, 3), (3, 3)])


def item(*shapes: Shape, name: str = "cell") -> AnnotatedObject:
    return AnnotatedObject(name=name, shapes=shapes, where=f"a: {name}", extra={"score": 1})


def image(*objects: AnnotatedObject, name: str = "images/sub/a.png") -> AnnotatedImage:
    return AnnotatedImage(path=Path(name), size=SIZE, objects=objects, split="val")


def test_polygons_stay_and_everything_else_is_run_lengths() -> None:
    beyond = points_of([(10, 8), (30, 8), (30, 30), (10, 30)])
    objects = (
        item(Outline((SQUARE,))),
        item(Outline((SQUARE,)), Outline((SQUARE + 6,))),
        item(Outline((SQUARE, HOLE)), name="ring"),
        item(Ellipse(8, 6, 3, 3)),
        item(Outline((beyond,))),
        item(pixels(np.ones((2, 2), bool), 3, 4, SIZE)),
        item(rectangle(1, 2, 4, 6)),
        item(Outline((SQUARE + 50,))),
        item(Outline((SQUARE,)), name=" "),
    )
    account = Account()
    account.declare(["rod"])
    content, counts = coco_content(Path("images").absolute(), [image(*objects)], account)
    assert content["images"] == [
        {"id": 1, "file_name": "sub/a.png", "width": 16, "height": 12, "split": "val"}
    ]
    assert [row["name"] for row in content["categories"]] == ["rod", "cell", "ring"]
    assert counts == {"rod": 0, "cell": 6, "ring": 1}
    rows = content["annotations"]
    assert [row["id"] for row in rows] == list(range(1, 8))
    assert rows[0]["segmentation"] == [SQUARE.ravel().tolist()]
    assert len(rows[1]["segmentation"]) == 2 and rows[1]["area"] == 32
    assert rows[1]["bbox"] == [2, 1, 10, 10]
    decoded = [rasterised(row["segmentation"], *SIZE) for row in rows[2:6]]
    assert np.array_equal(decoded[0], block(1, 2, 5, 6) & ~block(2, 3, 3, 4))
    assert np.array_equal(decoded[2], block(8, 10, 12, 16))
    assert rows[4]["bbox"] == [10, 8, 6, 4] and rows[3]["bbox"] == [5, 3, 6, 6]
    assert [row["area"] for row in rows[2:6]] == [int(mask.sum()) for mask in decoded]
    assert "segmentation" not in rows[6] and rows[6]["bbox"] == [1, 2, 3, 4]
    assert all(row["score"] == 1 and row["iscrowd"] == 0 for row in rows)
    assert account.left_out == {
        "object without a pixel in its image": 1,
        "object without a class": 1,
    }


def test_rectangles_as_masks() -> None:
    options = ConvertOptions(rectangles="masks")
    content, _ = coco_content(
        Path("images").absolute(), [image(item(rectangle(1, 2, 4, 6)))], Account(), options
    )
    assert content["annotations"][0]["segmentation"] == [[1, 2, 4, 2, 4, 6, 1, 6]]


def test_nothing_to_write() -> None:
    account = Account()
    content, counts = coco_content(Path("images").absolute(), [image()], account)
    assert content["annotations"] == []
    account.leave_out("point", "a")
    with pytest.raises(DataError, match="1 x point") as caught:
        check_not_empty(counts, Path("a.json"), account)
    assert caught.value.code == "D11"
