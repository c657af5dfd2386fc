"""Label images and their images, in every layout of folders."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from relook.errors import DataError

from .conftest import Folder, block
from .test_label_images import FIRST, IDS, SECOND, png


def counts(folder: Folder) -> dict[str, int]:
    return {name: len(masks) for name, masks in folder.masks().items()}


def test_folders_of_classes(folder: Folder) -> None:
    folder.image("images/a.png")
    png(folder.path / "masks" / "cell" / "a.png", FIRST)
    png(folder.path / "masks" / "rod" / "a_mask.png", IDS, np.uint16)
    folder.convert()
    assert counts(folder) == {"cell": 1, "rod": 2}
    folder.convert(class_name="all")
    assert counts(folder) == {"all": 3}


def test_folders_of_parts_are_no_classes(folder: Folder) -> None:
    for part, name in (("train", "a"), ("val", "b"), ("plate7", "c")):
        folder.image(f"images/{part}/{name}.png")
        png(folder.path / "masks" / part / f"{name}.png", IDS, np.uint16)
    folder.convert()
    assert counts(folder) == {"object": 6}
    assert [row.get("split") for row in folder.content["images"]] == [None, "train", "val"]
    folder.convert(split="val")
    assert [row["file_name"] for row in folder.content["images"]] == ["b.png"]


def test_parts_with_their_own_folders(folder: Folder) -> None:
    for part in ("train", "test"):
        folder.image(f"{part}/images/a.png")
        png(folder.path / part / "masks" / "a.png", IDS, np.uint16)
        png(folder.path / part / "labels" / "a.png", FIRST)
    lines = folder.convert().lines
    assert counts(folder) == {"object": 4}
    assert [row["split"] for row in folder.content["images"]] == ["test", "train"]
    assert "the folder labels is not read: masks stands beside it" in lines


@pytest.mark.parametrize("layout", ["masks/{name}", "{name}/masks"])
def test_a_file_for_each_object(folder: Folder, layout: str) -> None:
    for name in ("x1", "x2"):
        place = "images" if layout.startswith("masks") else f"{name}/images"
        folder.image(f"{place}/{name}.png")
        masks = folder.path / layout.format(name=name)
        png(masks / "0.png", FIRST * 255)
        png(masks / "1.png", (FIRST | SECOND) * 255)
    folder.convert()
    found = folder.masks()["object"]
    assert len(found) == 4
    assert np.array_equal(found[0], FIRST) and np.array_equal(found[1], FIRST | SECOND)


@pytest.mark.parametrize("ending", ["_mask.png", "-labels.png", "_seg.png"])
def test_label_images_beside_their_images(folder: Folder, ending: str) -> None:
    for name in ("p/a", "q/a"):
        folder.image(f"{name}.jpg")
        png(folder.path / f"{name}{ending}", IDS, np.uint16)
    folder.image("p/b.jpg")
    lines = folder.convert().lines
    assert counts(folder) == {"object": 4}
    assert [row["file_name"] for row in folder.content["images"]] == ["p/a.jpg", "q/a.jpg"]
    assert "1 image in the same folders without annotations, not in the json" in lines
    folder.convert(images=folder.path)
    assert counts(folder) == {"object": 4}


def test_other_files_are_counted(folder: Folder) -> None:
    folder.image("images/a.png")
    png(folder.path / "masks" / "a.png", IDS, np.uint16)
    png(folder.path / "masks" / ".hidden" / "z.png", block(0, 0, 1, 1))
    (folder.path / "masks" / "notes.csv").write_text("words")
    lines = folder.convert().lines
    assert any("1 x file that is no image (first: notes.csv)" in line for line in lines)
    (folder.path / "masks" / "z.png").write_bytes(
        Path(folder.path / "masks" / "a.png").read_bytes()
    )
    folder.image("images/b.png")
    with pytest.raises(DataError, match="its image 'z' is not in") as caught:
        folder.convert()
    assert caught.value.code == "D01"
