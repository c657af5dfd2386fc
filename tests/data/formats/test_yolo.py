"""YOLO data sets: boxes and polygons, names in every form, and the usual places of files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from relook.errors import DataError, UsageError
from relook.inference.results import Result
from relook.inference.writers.yolo import yolo_lines, yolo_yaml

from .conftest import Folder, Masks, block

Same = Callable[[Masks, Masks], bool]
SQUARE = "0 0.125 0.0833333333 0.375 0.0833333333 0.375 0.4166666667 0.125 0.4166666667"


def test_what_relook_writes_comes_back(
    folder: Folder, odd: Result, expected: Masks, is_same: Same
) -> None:
    folder.image("images/a.png")
    folder.write("yolo/a.txt", "\n".join(yolo_lines(odd)))
    folder.write("yolo/data.yaml", yolo_yaml(odd.classes))
    conversion = folder.convert("yolo")
    assert is_same(folder.masks(), expected)
    assert conversion.images == folder.path / "images"
    assert [row["name"] for row in folder.content["categories"]] == ["cell", "=crystal"]


@pytest.mark.parametrize(
    ("yaml", "name"),
    [
        ("names: [cell, rod]", "cell"),
        ("nc: 2\nnames:\n  0: cell\n  1: rod\n", "cell"),
        ("names: {'0': cell}", "cell"),
        (None, "class 0"),
    ],
)
def test_polygons_with_names_in_every_form(folder: Folder, yaml: str | None, name: str) -> None:
    folder.image("images/train/a.png")
    folder.write("labels/train/a.txt", SQUARE + "\n")
    if yaml is not None:
        folder.write("data.yaml", yaml)
    conversion = folder.convert()
    assert list(folder.masks()) == [name] and np.array_equal(folder.mask(), block(1, 2, 5, 6))
    assert any("names the classes" in line for line in conversion.lines) == (yaml is None)


def test_boxes_scores_and_images_without_labels(folder: Folder) -> None:
    for name in ("a", "b"):
        folder.image(f"train/images/{name}.png")
    folder.image("valid/images/a.png")
    folder.image("test/images/z.png")
    folder.write("train/labels/a.txt", "1 0.5 0.5 0.25 0.5\n\n0 0.25 0.25 0.125 0.5 0.93\n")
    folder.write("valid/labels/a.txt", "0 0.5 0.5 1 1\n")
    folder.write("data.yaml", "train: ../train/images\nnames: [cell, rod]\n")
    folder.write("README.roboflow.txt", "words\n")
    lines = folder.convert().lines
    assert folder.boxes() == [[6, 3, 4, 6], [3, 0, 2, 6], [0, 0, 16, 12]]
    assert lines[0] == "set (YOLO): 3 images, 3 objects with boxes only, 1 image without objects"
    assert any("1 x score left out" in line for line in lines)
    assert any("1 image without a file of labels" in line for line in lines)
    assert any("1 x image in a folder without labels (first: z.png)" in line for line in lines)
    assert any(line.startswith("parts: train 2, val 1.") for line in lines)
    folder.convert(split="val")
    assert [row["file_name"] for row in folder.content["images"]] == ["a.png"]
    with pytest.raises(DataError, match="no part 'test'"):
        folder.convert(split="test")


def test_poses_give_their_boxes(folder: Folder) -> None:
    folder.image()
    folder.write("a.txt", "0 0.5 0.5 0.25 0.5 0.4 0.4 2 0.6 0.6 1\n")
    folder.write("data.yaml", "kpt_shape: [2, 3]\nnames: [person]\n")
    lines = folder.convert().lines
    assert folder.boxes() == [[6, 3, 4, 6]]
    assert any("key points left out, box kept" in line for line in lines)


def test_names_of_a_text_file_and_of_the_command(folder: Folder) -> None:
    folder.image()
    folder.write("a.txt", SQUARE)
    folder.convert(class_name="cell")
    assert list(folder.masks()) == ["cell"]
    folder.write("labels/classes.txt", "nut\nbolt\n")
    folder.convert()
    assert [row["name"] for row in folder.content["categories"]] == ["nut", "bolt"]
    with pytest.raises(UsageError, match="Leave --class out"):
        folder.convert(class_name="cell")


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"a.txt": "0 0.5 0.5 0.25\n"}, "D04", "line 1 is not a class"),
        ({"a.txt": "0 0.5 0.5 0.25 nan\n"}, "D09", "no shares"),
        ({"a.txt": "0 8 6 4 6\n"}, "D09", "no shares of width and height"),
        ({"a.txt": "0.5 0.5 0.5 0.5 0.5\n"}, "D04", "line 1 is not a class"),
        ({"a.txt": "7 0.5 0.5 0.25 0.5\n"}, "D07", "is of class 7"),
        ({"b.txt": "0 0.5 0.5 0.25 0.5\n"}, "D01", "'b' is not in"),
        ({"data.yaml": "names: 3"}, "D04", "neither a list nor a table"),
        ({"data.yaml": "names: [1, [2]]"}, "D04", '"names" has 1'),
        ({"data.yaml": "names: &a [*a, "}, "D03", "not YAML"),
        ({"data.yaml": "names: " + "[" * 900}, "D03", "not YAML"),
    ],
)
def test_what_cannot_be_used(
    folder: Folder, changes: dict[str, Any], code: str, words: str
) -> None:
    folder.image()
    for name, text in ({"a.txt": SQUARE, "data.yaml": "names: [cell]"} | changes).items():
        folder.write(name, text)
    with pytest.raises(DataError) as caught:
        folder.convert(format="yolo")
    assert caught.value.code == code and words in caught.value.message
