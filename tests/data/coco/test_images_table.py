from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

import pytest
from PIL import Image

from relook.data.coco.images_table import inside, read_images
from relook.data.coco.ledger import ImageHeader
from relook.data.coco.required_images import require_images
from relook.errors import DataError

FILE = Path("train.json")


def test_names_sizes_and_places(document: dict[str, Any], images_dir: Path) -> None:
    del document["images"][0]["width"]  # then the image itself says it
    table = read_images(FILE, document, images_dir)
    assert list(table.paths) == [7, 3]
    assert table.paths[3] == images_dir / "sub" / "b.png"
    assert table.headers[7] == ImageHeader("a.png", 20, 10)
    assert not (table.missing or table.wrong_sizes or table.twice or table.remarks)
    require_images(FILE, images_dir, table)


def test_an_orientation_swaps_the_sides(document: dict[str, Any], images_dir: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (20, 10)).save(images_dir / "a.png", exif=exif)
    del document["images"][0]["width"]
    upright = read_images(FILE, document, images_dir, frame="upright").headers[7]
    assert upright == ImageHeader("a.png", 10, 20, 1, 6)
    stored = read_images(FILE, document, images_dir, frame="stored").headers[7]
    assert stored == ImageHeader("a.png", 20, 10, 6, 6)
    with pytest.raises(DataError, match=r"D10.*--frame"):
        read_images(FILE, document, images_dir)


def test_images_that_are_too_large(document: dict[str, Any], images_dir: Path) -> None:
    document["images"][0].update(width=20_001, height=20_000)
    with pytest.raises(DataError, match=r"D04.*image 7.*400,020,000 pixels"):
        read_images(FILE, document, images_dir)


def test_both_kinds_of_slashes_stay_inside() -> None:
    assert inside(FILE, "a\\b/c.png", "image 1") == PurePosixPath("a/b/c.png")
    for name in ("../c.png", "a\\..\\c.png", "/c.png", "C:c.png", "c\0.png"):
        with pytest.raises(DataError, match=r"D01.*image 1.*leads out"):
            inside(FILE, name, "image 1")


def test_a_name_that_no_file_can_have_is_a_missing_file(
    document: dict[str, Any], images_dir: Path
) -> None:
    document["images"][0]["file_name"] = "x" * 5000
    table = read_images(FILE, document, images_dir)
    with pytest.raises(DataError, match=r"D01.*1 of its 2 images"):
        require_images(FILE, images_dir, table)
