"""Folders of label images: how they are paired, classes by folder, masks and ids."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from relook.errors import DataError
from relook.inference.results import Result
from relook.inference.writers.labels import write_labels

from .conftest import Folder, Masks, block

Same = Callable[[Masks, Masks], bool]
FIRST, SECOND = block(1, 2, 5, 6), block(6, 8, 10, 12)
IDS = 3 * FIRST + 700 * SECOND
BINARY = (FIRST | SECOND) * 255


def png(path: Path, values: Any, dtype: Any = np.uint8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(values).astype(dtype)).save(path)


def test_what_relook_writes_comes_back(folder: Folder, odd: Result, expected: Masks) -> None:
    folder.image("images/a.png")
    (folder.path / "labels").mkdir()
    write_labels(folder.path / "labels" / "a.tif", odd)
    folder.convert()
    ring, corner = expected["cell"]
    (parts,) = expected["=crystal"]
    found = folder.masks()["object"]
    assert all(np.array_equal(a, b) for a, b in zip(found, (ring, parts, corner), strict=True))


@pytest.mark.parametrize(
    "name",
    ["a.png", "a_mask.png", "a-labels.tif", "a_masks.npy", "a.ome.tif", "a_masks.ome.tif"],
)
def test_one_command_for_images_and_ids(folder: Folder, name: str) -> None:
    folder.image("raw/a.jpg")
    folder.image("raw/b.jpg")
    path = folder.path / "truth" / name
    path.parent.mkdir()
    if name.endswith(".npy"):
        np.save(path, IDS.astype(np.uint16))
    elif name.endswith(".tif"):
        tifffile.imwrite(path, IDS.astype(np.uint16))
    else:
        png(path, IDS, np.uint16)
    lines = folder.convert("truth", images=folder.path / "raw", class_name="cell").lines
    found = folder.masks()["cell"]
    assert np.array_equal(found[0], FIRST) and np.array_equal(found[1], SECOND)
    assert "1 image in the same folders without annotations, not in the json" in lines


def test_masks_are_cut_into_parts(folder: Folder) -> None:
    folder.image("images/a.png")
    png(folder.path / "masks" / "a.png", BINARY)
    lines = folder.convert().lines
    assert len(folder.masks()["object"]) == 2
    assert any("each connected part is an object" in line for line in lines)
    folder.convert(objects="ids")
    assert np.array_equal(folder.mask(), FIRST | SECOND)
    png(folder.path / "masks" / "a.png", IDS + SECOND, np.uint16)
    folder.convert(objects="components")
    assert len(folder.masks()["object"]) == 2


def test_a_ground_with_a_number_is_noticed(folder: Folder) -> None:
    folder.image("images/a.png")
    png(folder.path / "masks" / "a.png", 255 - BINARY)
    lines = folder.convert().lines
    assert any(
        line.startswith("objects cover ") and "set the ground to 0" in line for line in lines
    )
    png(folder.path / "masks" / "a.png", BINARY)
    assert not any(line.startswith("objects cover") for line in folder.convert().lines)


def test_a_label_image_without_its_image(folder: Folder) -> None:
    folder.image("images/a.png")
    for name in ("a", "b"):
        png(folder.path / "masks" / f"{name}.png", IDS, np.uint16)
    with pytest.raises(DataError, match=r"D01.*take it out of the annotations"):
        folder.convert("masks", images=folder.path / "images")


def test_values_that_are_classes_are_noticed(folder: Folder) -> None:
    folder.image("images/a.png")
    classes = FIRST + SECOND + 2 * block(9, 1, 11, 3) + 2 * block(0, 10, 2, 14)
    png(folder.path / "masks" / "a.png", classes)
    lines = folder.convert().lines
    assert len(folder.masks()["object"]) == 2
    assert any(
        line.startswith("more connected parts than numbers of objects, by 2") for line in lines
    )
    lines = folder.convert(objects="components").lines
    assert len(folder.masks()["object"]) == 4 and not any(
        "connected parts" in line for line in lines
    )


def test_a_single_pair(folder: Folder) -> None:
    image = folder.image("photo.png")
    png(folder.path / "truth.png", IDS, np.uint16)
    folder.convert("truth.png", images=image)
    assert len(folder.masks()["object"]) == 2
    assert [row["file_name"] for row in folder.content["images"]] == ["photo.png"]


def test_what_cannot_be_used(folder: Folder) -> None:
    folder.image("images/a.png")
    place = folder.path / "masks" / "a.png"
    for values, kind, code, words in (
        (IDS[:-1], np.uint8, "D10", "16 x 11"),
        (np.zeros((12, 16)), np.uint8, "D11", "no object"),
    ):
        png(place, values, kind)
        with pytest.raises(DataError, match=words) as caught:
            folder.convert()
        assert caught.value.code == code
    place.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    with pytest.raises(DataError, match="pointer of Git LFS"):
        folder.convert()
    place.rename(folder.path / "masks" / "z.png")
    folder.image("images/b.png")
    with pytest.raises(DataError, match="'z' is not in"):
        folder.convert()
