"""Windows of TIFF files that are read without the rest, beside the same image in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from relook.errors import DataError
from relook.inference.tiles import windows
from relook.inference.tiles.windows import ArrayWindows, TiffWindows, open_image, size_of

WINDOWS = [(0, 0, 150, 210), (0, 0, 1, 1), (149, 209, 1, 1), (40, 70, 80, 100), (5, 0, 3, 210)]


@pytest.fixture(autouse=True)
def _lazy_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "WHOLE", 1000)


def picture(channels: int = 3) -> np.ndarray[Any, Any]:
    shape = (150, 210, channels) if channels > 1 else (150, 210)
    return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("layout", [{"tile": (64, 32)}, {"rowsperstrip": 7}, {}])
def test_windows_of_a_tiff_are_those_of_the_whole(
    tmp_path: Path, channels: int, compression: str | None, layout: dict[str, Any]
) -> None:
    pixels, path = picture(channels), tmp_path / "a.tif"
    kind = "rgb" if channels == 3 else "minisblack"
    tifffile.imwrite(path, pixels, photometric=kind, compression=compression, **layout)
    opened = open_image(path)
    assert isinstance(opened, TiffWindows)
    assert opened.size == size_of(path) == (150, 210)
    whole = pixels if channels == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    for top, left, height, width in WINDOWS:
        found = opened.read_window(top, left, height, width)
        assert (found == whole[top : top + height, left : left + width]).all()
    assert (opened.read() == whole).all()
    opened.close()


def test_what_is_kept_of_a_file_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(), photometric="rgb", tile=(32, 32))
    monkeypatch.setattr(windows, "_CACHE", 3 * 32 * 32 * 3)
    opened = open_image(path)
    assert isinstance(opened, TiffWindows)
    assert (opened.read_window(0, 0, 150, 210) == picture()).all()
    assert len(opened._segments) == 3
    opened.close()


def test_other_images_are_read_whole(tmp_path: Path) -> None:
    Image.fromarray(picture()).save(tmp_path / "a.png")
    tifffile.imwrite(tmp_path / "pages.tif", np.stack([picture(1)] * 3), photometric="minisblack")
    for source in (tmp_path / "a.png", tmp_path / "pages.tif", picture()):
        opened = open_image(source)
        assert isinstance(opened, ArrayWindows)
        assert opened.read().shape == (150, 210, 3)
        opened.close()
    assert size_of(tmp_path / "a.png") == (150, 210)


def test_a_tiff_that_is_cut_off_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, picture(), photometric="rgb", tile=(32, 32), compression="zlib")
    with tifffile.TiffFile(path) as file:
        place = file.pages[0].dataoffsets[3]  # type: ignore[union-attr]
    data = bytearray(path.read_bytes())
    data[place : place + 40] = b"x" * 40
    path.write_bytes(data)
    opened = open_image(path)
    with pytest.raises(DataError, match=r"a\.tif cannot be decoded"):
        opened.read_window(0, 0, 150, 210)
    opened.close()


def test_no_image_is_told_by_the_reader_of_whole_images(tmp_path: Path) -> None:
    (tmp_path / "a.tif").write_bytes(b"II*\0 not a tiff")
    with pytest.raises(DataError):
        open_image(tmp_path / "a.tif")
    with pytest.raises(DataError, match="D01"):
        open_image(tmp_path / "gone.tif")
