from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from relook.data.images import Reading, open_image, read_image, tiff_pages
from relook.data.images.opened import Opened
from relook.errors import DataError

RANDOM = np.random.default_rng(0)
DEEP = RANDOM.integers(0, 4096, (70, 90, 3)).astype(np.uint16)
LAYOUTS: list[dict[str, Any]] = [
    {},
    {"rowsperstrip": 7},
    {"compression": "zlib", "rowsperstrip": 7},
    {"tile": (32, 16)},
    {"tile": (32, 16), "compression": "zlib", "predictor": True},
    {"tile": (32, 16), "compression": "zlib", "planarconfig": "separate"},
    {"byteorder": ">", "bigtiff": True},
    {"byteorder": ">", "compression": "zlib", "tile": (16, 16)},
]
FLAT = Reading(bounds=((0, 4095),))


def write(path: Path, layout: dict[str, Any], orientation: int = 1) -> None:
    separate = layout.get("planarconfig") == "separate"
    values = np.moveaxis(DEEP, -1, 0) if separate else DEEP
    tag = (274, "H", 1, orientation, True)
    tifffile.imwrite(path, values, photometric="rgb", extratags=[tag], **layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("orientation", [1, 6])
def test_windows_of_every_layout(tmp_path: Path, layout: dict[str, Any], orientation: int) -> None:
    write(tmp_path / "a.tif", layout, orientation)
    whole = DEEP if orientation == 1 else np.rot90(DEEP, -1)
    for source in (tmp_path / "a.tif", (tmp_path / "a.tif").read_bytes()):
        with open_image(source) as opened:
            assert opened.is_windowed
            assert opened.size == whole.shape[:2]
            for top, left, height, width in ((0, 0, 1, 1), (13, 15, 40, 33), (69, 5, 1, 60)):
                window = opened.native_window(top, left, height, width)
                expected = whole[top : top + height, left : left + width]
                np.testing.assert_array_equal(window, expected)
                assert window.dtype.isnative
            np.testing.assert_array_equal(opened.native_window(0, 0, *whole.shape[:2]), whole)
            part = opened.read_window(3, 4, 20, 30)
            np.testing.assert_array_equal(part, opened.read()[3:23, 4:34])


@pytest.mark.parametrize("compression", ["lzw", "jpeg", "packbits", "zstd"])
def test_codecs_that_are_extras(tmp_path: Path, compression: str) -> None:
    pytest.importorskip("imagecodecs")
    grey = (DEEP[:, :, 0] >> 4).astype(np.uint8) // 64 * 64
    tifffile.imwrite(tmp_path / "a.tif", grey, compression=compression, tile=(32, 32))
    with open_image(tmp_path / "a.tif") as opened:
        assert opened.is_windowed
        window = opened.native_window(5, 6, 40, 50)[:, :, 0].astype(int)
        error = np.abs(window - grey[5:45, 6:56]).mean()
        assert error < (12 if compression == "jpeg" else 1e-9)


def test_without_the_extra_opencv_decodes_what_it_can(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("imagecodecs")
    monkeypatch.setattr(tiff_pages, "can_decode", lambda page: page.compression == 1)
    for values in (DEEP, DEEP[:, :, 0], (DEEP >> 4).astype(np.uint8)):
        tifffile.imwrite(tmp_path / "a.tif", values, compression="lzw")
        with open_image(tmp_path / "a.tif") as opened:
            assert not opened.is_windowed
            native = opened.native_window(0, 0, 70, 90).squeeze()
            np.testing.assert_array_equal(native, values)
    tifffile.imwrite(tmp_path / "a.tif", DEEP[:, :, 0], compression="lerc")
    with pytest.raises(DataError, match=r"D02.*LERC.*pip install 'relook\[microscopy\]'"):
        read_image(tmp_path / "a.tif")


def test_pages_that_are_larger_than_the_limit_are_read_by_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    for layout in LAYOUTS[:1] + LAYOUTS[4:5]:
        write(tmp_path / "a.tif", layout)
        with open_image(tmp_path / "a.tif", FLAT) as opened:
            assert opened.is_windowed
            assert opened.read_window(10, 10, 30, 30).shape == (30, 30, 3)
            with pytest.raises(DataError, match=r"D02.*too large: 90 x 70.*open_image"):
                opened.read()
    write(tmp_path / "a.tif", {"compression": "zlib", "rowsperstrip": 70})
    with open_image(tmp_path / "a.tif", FLAT) as opened:
        assert not opened.is_windowed
        with pytest.raises(DataError, match=r"D02.*too large.*Cut it into tiles"):
            opened.read_window(0, 0, 5, 5)


def test_windows_of_a_large_image_are_mapped_alike(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from relook.data.images import opened as module

    monkeypatch.setattr(module, "_WHOLE", 1000)
    monkeypatch.setattr(module, "_BLOCK", 8)
    write(tmp_path / "a.tif", LAYOUTS[4])
    with open_image(tmp_path / "a.tif") as first, open_image(tmp_path / "a.tif") as second:
        part = first.read_window(20, 30, 40, 50)
        np.testing.assert_array_equal(part, second.read()[20:60, 30:80])
    assert isinstance(first, Opened)


def test_few_bright_objects_between_the_blocks_of_a_large_image_are_not_black(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from relook.data.images import opened as module

    monkeypatch.setattr(module, "_WHOLE", 1000)
    monkeypatch.setattr(module, "_BLOCK", 2)
    values = np.full((64, 64), 7, np.uint16)
    values[4:7, 4:7] = 3000  # blocks start at 0, 8, 17, ...
    tifffile.imwrite(tmp_path / "a.tif", values, tile=(16, 16))
    with open_image(tmp_path / "a.tif") as first, open_image(tmp_path / "a.tif") as second:
        part = first.read_window(0, 0, 16, 16)
        assert part[5, 5].tolist() == [255] * 3 and part[0, 0].tolist() == [0] * 3
        np.testing.assert_array_equal(part, second.read()[:16, :16])


@pytest.mark.parametrize("layout", [LAYOUTS[0], LAYOUTS[2], LAYOUTS[4]])
@pytest.mark.parametrize("kept", [0.5, 0.97])
def test_files_that_are_cut_off(tmp_path: Path, layout: dict[str, Any], kept: float) -> None:
    write(tmp_path / "a.tif", layout)
    data = (tmp_path / "a.tif").read_bytes()
    (tmp_path / "a.tif").write_bytes(data[: int(len(data) * kept)])
    for source in (tmp_path / "a.tif", data[: int(len(data) * kept)]):
        with pytest.raises(DataError, match="D02"):
            read_image(source)


MANY = {
    "strips": {"compression": "zlib", "rowsperstrip": 4},
    "tiles": {"compression": "zlib", "tile": (16, 16)},
    "separate": {"compression": "zlib", "rowsperstrip": 5, "planarconfig": "separate"},
    "plain": {},
}


def many_samples(path: Path, layout: dict[str, Any]) -> NDArray[np.uint16]:
    """Write a TIFF of 300 samples a pixel, and return its values (160, 100, 300)."""
    values = np.add.outer(np.arange(160), np.zeros(100, int))[:, :, None] + np.arange(300)
    values = values.astype(np.uint16)
    separate = layout.get("planarconfig") == "separate"
    stored = np.moveaxis(values, -1, 0) if separate else values
    options = {"planarconfig": "contig", "photometric": "minisblack", **layout}
    tifffile.imwrite(path, stored, **options)
    return values


@pytest.mark.parametrize("layout", MANY.values(), ids=MANY)
def test_of_many_samples_only_those_that_are_meant_stay_in_memory(
    tmp_path: Path, layout: dict[str, Any]
) -> None:
    values = many_samples(tmp_path / "a.tif", layout)
    kept = Reading(channels=(7, 250, 3), bounds=((0, 458),))
    with open_image(tmp_path / "a.tif", kept) as opened:
        opened.read_window(0, 0, 2, 2)  # imports are not counted
        tracemalloc.start()
        try:
            pixels = opened.read()
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        np.testing.assert_allclose(pixels / 255 * 458, values[:, :, [7, 250, 3]], atol=2)
        np.testing.assert_array_equal(opened.native_window(2, 3, 9, 8), values[2:11, 3:11])
    assert most < values.nbytes / 2


def test_many_samples_in_one_piece_are_refused_before_they_are_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiff_pages, "_LARGEST_SEGMENT", 500_000)
    many_samples(tmp_path / "a.tif", {"compression": "zlib", "rowsperstrip": 160})
    with pytest.raises(DataError, match=r"D02.*a\.tif.*300 samples a pixel.*strips or tiles"):
        read_image(tmp_path / "a.tif", reading=Reading(channels=(0,)))
    values = many_samples(tmp_path / "b.tif", {"compression": "zlib", "rowsperstrip": 4})
    pixels = read_image(tmp_path / "b.tif", reading=Reading(channels=(0,), bounds=((0, 255),)))
    np.testing.assert_array_equal(pixels[:, :, 0], values[:, :, 0])


def test_the_limit_is_one_of_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4000)  # 8000 pixels, 128 000 bytes
    wide = np.zeros((70, 90, 3), np.float64)
    tifffile.imwrite(tmp_path / "a.tif", wide, photometric="rgb", rowsperstrip=7)
    with pytest.raises(DataError, match=r"D02.*a\.tif is too large.*24 bytes"):
        read_image(tmp_path / "a.tif")
    tifffile.imwrite(tmp_path / "b.tif", wide.astype(np.float32), photometric="rgb")
    assert read_image(tmp_path / "b.tif").shape == (70, 90, 3)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_give_an_image_or_a_data_error(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.tif"
    layout = data.draw(st.sampled_from(LAYOUTS))
    write(path, layout)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(0, 400))] = data.draw(st.integers(0, 255))
    try:
        read = read_image(bytes(content))
    except DataError as error:
        if error.code != "D02":
            raise
    else:
        assert read.ndim == 3
