from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from relook.data.images import Reading, image_size, open_image, read_image, stored_orientation
from relook.errors import DataError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (9, 11), dtype=np.uint8)
RGB = RANDOM.integers(0, 256, (9, 11, 3), dtype=np.uint8)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientations(tmp_path: Path, orientation: int) -> None:
    tag = (274, "H", 1, orientation, True)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, RGB, photometric="rgb", extratags=[tag])
    image = Image.fromarray(RGB)
    image.getexif()[274] = orientation
    expected = read_image(image)
    with open_image(path) as opened:
        np.testing.assert_array_equal(opened.read(), expected)
        assert opened.info.orientation == orientation
    assert image_size(path) == expected.shape[:2]
    assert stored_orientation(path) == orientation
    with Image.open(path) as pillow:
        np.testing.assert_array_equal(read_image(pillow), expected)


@pytest.mark.parametrize("mode", ["1", "L", "P", "RGB", "RGBA", "CMYK", "LA"])
def test_modes_of_pillow(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(RGB).convert(mode)
    image.save(tmp_path / "a.tif")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif"), np.asarray(image.convert("RGB")))


def test_white_may_be_zero(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", 255 - GREY, photometric="miniswhite")
    np.testing.assert_array_equal(read_image(tmp_path / "a.tif")[:, :, 0], GREY)
    deep = GREY.astype(np.uint16) * 16
    tifffile.imwrite(tmp_path / "a.tif", 65535 - deep, photometric="miniswhite")
    with open_image(tmp_path / "a.tif") as opened:
        np.testing.assert_array_equal(opened.native_window(0, 0, 9, 11)[:, :, 0], deep)


@pytest.mark.parametrize(
    ("kind", "factor"),
    [("uint16", 16), ("int16", 100), ("uint32", 70_000), ("float32", 15.6), ("float64", 1e-3)],
)
def test_types_that_hold_the_same_scene_give_the_same_pixels(
    tmp_path: Path, kind: str, factor: float
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", (GREY * np.float64(factor)).astype(kind))
    found = read_image(tmp_path / "a.tif").astype(int)
    expected = read_image(GREY, reading=Reading(intensities="percentiles")).astype(int)
    assert np.abs(found - expected).max() <= 1


def test_nan_is_counted(tmp_path: Path) -> None:
    values = np.where(GREY > 240, np.nan, GREY).astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", values)
    with open_image(tmp_path / "a.tif") as opened:
        pixels = opened.read()
        assert (pixels[GREY > 240] == 0).all()
        assert opened.info.invalid == int((GREY > 240).sum()) > 0
        assert f"{opened.info.invalid} values are NaN or infinite" in opened.info.used
        assert "NaN" not in opened.info.kind


def test_complex_values_have_no_brightness(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(np.complex64))
    with pytest.raises(DataError, match=r"D02.*complex64.*magnitude"):
        open_image(tmp_path / "a.tif")


def test_a_plane_in_another_file_is_missed(tmp_path: Path) -> None:
    stack = RANDOM.integers(0, 256, (2, 9, 11), dtype=np.uint8)
    path = tmp_path / "a.ome.tif"
    tifffile.imwrite(path, stack, metadata={"axes": "TYX"}, compression="zlib")
    data = path.read_bytes()
    path.write_bytes(data.replace(b'SizeT="2"', b'SizeT="3"'))
    assert read_image(path, reading=Reading(page=1)).shape == (9, 11, 3)
    with pytest.raises(DataError, match="D02"):
        read_image(path, reading=Reading(page=2))


def test_cmyk_of_16_bits_becomes_rgb(tmp_path: Path) -> None:
    inks = np.asarray(Image.fromarray(RGB).convert("CMYK"))
    for name, values in (("8", inks), ("16", inks.astype(np.uint16) * 257)):
        tifffile.imwrite(tmp_path / f"{name}.tif", values, photometric="separated")
    with open_image(tmp_path / "16.tif") as opened:
        np.testing.assert_array_equal(opened.read(), read_image(tmp_path / "8.tif"))
        assert "RGB" in opened.info.used


def test_cmyk_of_floats_is_refused(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((9, 11, 4), np.float32), photometric="separated")
    with pytest.raises(DataError, match=r"D02.*SEPARATED.*float32.*Save it as grey or RGB"):
        read_image(tmp_path / "a.tif")


def test_a_table_of_colours_is_said_to_be_rgb(tmp_path: Path) -> None:
    table = RANDOM.integers(0, 65536, (3, 256), dtype=np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", GREY, photometric="palette", colormap=table)
    with open_image(tmp_path / "a.tif") as opened:
        np.testing.assert_array_equal(opened.read(), np.moveaxis((table >> 8)[:, GREY], 0, 2))
        assert opened.info.used.startswith("RGB")


def test_a_mosaic_of_a_camera_is_said_to_be_one(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", GREY.astype(np.uint16) * 16, photometric=32803)
    with open_image(tmp_path / "a.tif") as opened:
        assert "a mosaic of red, green and blue pixels, taken for grey" in opened.info.used
