"""Values of label images in every way that files hold them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from relook.data.formats.geometry import Pixels
from relook.data.formats.label_values import components, label_values, numbered_pixels
from relook.errors import DataError
from relook.ops.runs import runs_window

VALUES = np.arange(12).reshape(3, 4)


@pytest.mark.filterwarnings("ignore:'mode' parameter is deprecated")
def test_values_are_those_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    palette = Image.fromarray(VALUES.astype(np.uint8), "P")
    palette.putpalette([0] * 768)  # a palette of one colour still has numbers
    colour = np.zeros((3, 4, 3), np.uint8)
    colour[1, 2] = (1, 2, 3)
    for image, expected in (
        (Image.fromarray(VALUES.astype(np.uint8)), VALUES),
        (Image.fromarray((VALUES * 900).astype(np.uint16)), VALUES * 900),
        (palette, VALUES),
        (Image.fromarray(VALUES > 5), VALUES > 5),
        (Image.fromarray(colour), np.where(colour[..., 0], 1 << 16 | 2 << 8 | 3, 0)),
        (Image.fromarray(np.dstack([VALUES.astype(np.uint8)] * 3)), VALUES),
    ):
        image.save(path)
        assert np.array_equal(label_values(path), expected)
    for values in (VALUES.astype(np.float32), VALUES.astype(np.int32)):
        tifffile.imwrite(tmp_path / "a.tif", values, photometric="minisblack")
        assert np.array_equal(label_values(tmp_path / "a.tif"), VALUES)


def test_numbers_of_a_coloured_tiff_are_not_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    colours = np.zeros((3, 256), np.uint16)  # as Fiji saves a label image with a table of colours
    tifffile.imwrite(path, VALUES.astype(np.uint8), photometric="palette", colormap=colours)
    assert np.array_equal(label_values(path), VALUES)


def test_what_numbers_no_objects(tmp_path: Path) -> None:
    for values, words in (
        (VALUES + 0.5, "fractions"),
        (np.where(VALUES > 3, np.nan, 0.0), "fractions"),
        (VALUES - 3, "below 0"),
        (np.zeros((3, 4, 2), np.uint16), "shape"),
    ):
        path = tmp_path / "a.npy"
        np.save(path, values)
        with pytest.raises(DataError, match=words) as caught:
            label_values(path)
        assert caught.value.code == "D02"
    Image.new("L", (4, 3)).save(tmp_path / "a.jpg")
    with pytest.raises(DataError, match="changes the values"):
        label_values(tmp_path / "a.jpg")
    (tmp_path / "b.png").write_bytes(b"words")
    with pytest.raises(DataError, match="is a text file"):
        label_values(tmp_path / "b.png")


def test_pixels_of_each_number() -> None:
    random = np.random.default_rng(3)
    values = random.integers(0, 4, (9, 7)).astype(np.int64)
    found = dict(numbered_pixels(values))
    assert sorted(found) == [1, 2, 3]
    for number, shape in found.items():
        assert isinstance(shape, Pixels)
        window, left, top = runs_window(shape.runs, 9)
        mask = np.zeros(values.shape, bool)
        mask[top : top + window.shape[0], left : left + window.shape[1]] = window
        assert np.array_equal(mask, values == number)
    assert not list(numbered_pixels(np.zeros((4, 4), np.int64)))
    diagonal = np.eye(3, dtype=np.int64) * 9
    assert np.array_equal(components(diagonal), np.eye(3))


@pytest.mark.parametrize("options", [{}, {"compression": "zlib"}])
def test_where_white_is_zero_numbers_are_as_they_are_stored(
    tmp_path: Path, options: dict[str, str]
) -> None:
    """As tifffile writes truth values, and ImageJ masks with an inverted table."""
    tifffile.imwrite(tmp_path / "a.tif", VALUES > 5, **options)
    assert np.array_equal(label_values(tmp_path / "a.tif"), VALUES > 5)
    values = VALUES.astype(np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", values, photometric="miniswhite", **options)
    assert np.array_equal(label_values(tmp_path / "a.tif"), VALUES)


@pytest.mark.parametrize("axes", ["ZYX", "TYX"])
def test_a_label_image_has_one_plane(tmp_path: Path, axes: str) -> None:
    stack = np.stack([VALUES.astype(np.uint16)] * 3)
    tifffile.imwrite(tmp_path / "a.tif", stack, imagej=True, metadata={"axes": axes})
    with pytest.raises(DataError, match=r"D02.*has 3 pages or planes, and a label image has one"):
        label_values(tmp_path / "a.tif")
    for shape in ((3, 4, 1), (1, 1, 3, 4)):
        tifffile.imwrite(tmp_path / "a.tif", VALUES.astype(np.uint16).reshape(shape), photometric=1)
        assert np.array_equal(label_values(tmp_path / "a.tif"), VALUES)
