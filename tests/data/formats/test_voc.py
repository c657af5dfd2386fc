"""Pascal VOC's XML files: from which number pixels count, parts, difficult objects."""

from __future__ import annotations

import numpy as np
import pytest

from relook.errors import DataError, UsageError

from .conftest import Folder, block

BOX = "<bndbox><xmin>3</xmin><ymin>2</ymin><xmax>6</xmax><ymax>5</ymax></bndbox>"


def annotation(*objects: str, name: str = "a.png", database: str = "Unknown") -> str:
    body = "".join(f"<object>{inner}</object>" for inner in objects)
    size = "<size><width>16</width><height>12</height><depth>3</depth></size>"
    source = f"<source><database>{database}</database></source>"
    return (
        f"<annotation><folder>JPEGImages</folder><filename>{name}</filename>{source}{size}"
        f"<segmented>0</segmented>{body}</annotation>"
    )


def test_boxes_of_the_challenge_and_of_tools(folder: Folder) -> None:
    folder.image("JPEGImages/a.png")
    path = folder.write("Annotations/a.xml", annotation(f"<name>cat</name>{BOX}"))
    lines = folder.convert().lines
    assert folder.boxes() == [[3, 2, 3, 3]]
    assert any("edges of pixels, counted from 0" in line for line in lines)
    path.write_text(annotation(f"<name>cat</name>{BOX}", database="The VOC2012 Database"))
    lines = folder.convert().lines
    assert folder.boxes() == [[2, 1, 4, 4]]
    assert any("boxes count pixels from 1" in line for line in lines)
    folder.convert(rectangles="masks")
    assert np.array_equal(folder.mask(), block(1, 2, 5, 6))


def test_polygons_difficult_objects_and_parts(folder: Folder) -> None:
    for name in ("a", "b"):
        folder.image(f"JPEGImages/{name}.png")
    corners = ((2, 1), (6, 1), (6, 5), (2, 5))
    points = "".join(f"<x{i}>{x}</x{i}><y{i}>{y}</y{i}>" for i, (x, y) in enumerate(corners, 1))
    polygon = f"<name>cat</name>{BOX}<polygon>{points}</polygon><difficult>1</difficult>"
    folder.write("Annotations/a.xml", annotation(polygon))
    folder.write("Annotations/b.xml", annotation(f"<name>dog</name>{BOX}", name="b"))
    folder.write("ImageSets/Main/train.txt", "a\n")
    folder.write("ImageSets/Main/val.txt", "b 1\n")
    lines = folder.convert(rectangles="masks").lines
    found = folder.masks()
    assert np.array_equal(found["cat"][0], block(1, 2, 5, 6))
    assert folder.content["annotations"][0]["difficult"] == 1
    assert any("1 x object marked difficult" in line for line in lines)
    assert [row["split"] for row in folder.content["images"]] == ["train", "val"]
    folder.convert(split="val")
    assert [row["file_name"] for row in folder.content["images"]] == ["b.png"]
    with pytest.raises(UsageError, match="Leave --class out"):
        folder.convert(class_name="cell")


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("<other/>", "D04", "its root is <other>"),
        (annotation(BOX), "D04", "object 1 has no name"),
        (annotation("<name>cat</name>"), "D09", "lacks a finite number"),
        (annotation(name="b.png"), "D01", "is not in"),
        (annotation().replace(">16<", ">17<"), "D10", "17 x 12"),
        (annotation(), "D11", "no object"),
    ],
)
def test_what_cannot_be_used(folder: Folder, text: str, code: str, words: str) -> None:
    folder.image()
    folder.write("a.xml", text)
    with pytest.raises(DataError) as caught:
        folder.convert("a.xml", format="voc")
    assert caught.value.code == code and words in caught.value.message
