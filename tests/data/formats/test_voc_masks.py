"""Pascal VOC's PNG files: palettes, colours of a label map, the void border."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from relook.errors import DataError

from .conftest import Folder, block

OBJECTS = block(1, 2, 5, 6) + 2 * block(6, 8, 10, 12)
CLASSES = 8 * block(1, 2, 5, 6) + 12 * block(6, 8, 10, 12)  # cat, dog


def palette() -> list[int]:
    """The colours of the challenge: bits of the number, spread over red, green and blue."""
    colours = []
    for number in range(256):
        bits = [number >> k & 1 for k in range(8)]
        colours += [
            sum(bits[3 * k + c] << 7 - k for k in range(3) if 3 * k + c < 8) for c in range(3)
        ]
    return colours


def write(path: Path, values: NDArray[np.int64], *, colour: bool = False) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values.astype(np.uint8), "P")
    image.putpalette(palette())
    (image.convert("RGB") if colour else image).save(path)


@pytest.fixture
def voc(folder: Folder) -> Folder:
    folder.image("JPEGImages/a.jpg")
    folder.image("JPEGImages/b.jpg")
    with_void = np.where(block(0, 0, 1, 16), 255, OBJECTS)
    write(folder.path / "SegmentationObject/a.png", with_void)
    write(folder.path / "SegmentationClass/a.png", CLASSES)
    for name in ("a", "b"):
        folder.write(f"Annotations/{name}.xml", "<annotation/>")
    folder.write("ImageSets/Segmentation/train.txt", "a\n")
    return folder


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
def test_objects_get_the_class_at_their_pixels(voc: Folder, colour: bool) -> None:
    write(voc.path / "SegmentationClass/a.png", CLASSES, colour=colour)
    lines = voc.convert().lines
    found = voc.masks()
    assert list(found) == ["cat", "dog"]
    assert np.array_equal(found["cat"][0], OBJECTS == 1)
    assert np.array_equal(found["dog"][0], OBJECTS == 2)
    assert "classes are the 20 of the challenge: there is no labelmap.txt" in lines
    assert any("1 image with boxes only" in line for line in lines)
    assert voc.content["images"][0]["split"] == "train"


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
def test_a_label_map_names_colours(voc: Folder) -> None:
    write(voc.path / "SegmentationClass/a.png", CLASSES, colour=True)
    write(voc.path / "SegmentationObject/a.png", OBJECTS, colour=True)
    text = "# label:color_rgb:parts:actions\nbackground:0,0,0::\nnut:64,0,0::\nbolt:64,0,128::\n"
    voc.write("labelmap.txt", text)
    for colour in (True, False):
        write(voc.path / "SegmentationClass/a.png", CLASSES, colour=colour)
        voc.convert()
        assert np.array_equal(voc.masks()["nut"][0], OBJECTS == 1)
    voc.write("labelmap.txt", text.replace("64,0,0", "65,0,0"))
    with pytest.raises(DataError, match="object 8388608 is of class 4194304") as caught:
        voc.convert()
    assert caught.value.code == "D04"
    voc.write("labelmap.txt", "nut:64,0::")
    with pytest.raises(DataError, match="is not NAME:R,G,B::"):
        voc.convert()


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
def test_a_missing_or_another_map_of_classes(voc: Folder) -> None:
    write(voc.path / "SegmentationClass/a.png", CLASSES[:-1])
    with pytest.raises(DataError, match="another size"):
        voc.convert()
    (voc.path / "SegmentationClass/a.png").unlink()
    with pytest.raises(DataError, match="D01"):
        voc.convert()
