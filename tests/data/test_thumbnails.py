"""Small grey pictures of files of every kind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from relook.data import thumbnails
from relook.data.thumbnails import SIDE, read_thumbnail
from relook.errors import DataError

RAMP = np.tile(np.linspace(0, 255, 640, dtype=np.uint8), (480, 1))  # brighter to the right


def _written(path: Path, **more: object) -> Path:
    Image.fromarray(RAMP).convert("RGB").save(path, **more)
    return path


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.webp"])
def test_all_formats_give_the_same_picture(name: str, tmp_path: Path) -> None:
    found = read_thumbnail(_written(tmp_path / name)).astype(int)
    assert found.shape == (SIDE, SIDE)
    expected = RAMP[:SIDE].reshape(SIDE, SIDE, 10).mean(axis=2)
    assert np.abs(found - expected).max() <= 4


def test_a_jpeg_is_decoded_at_reduced_size_and_turned_upright(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(thumbnails, "open_image", None)  # which decodes all pixels
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn to the right
    path = _written(tmp_path / "a.jpg", exif=exif)
    found = read_thumbnail(path).astype(int)
    assert found[0].max() < 20 and found[-1].min() > 235  # brighter downwards


def test_a_large_tiff_is_read_by_bands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.ascontiguousarray(RAMP.T), tile=(64, 64))
    whole = read_thumbnail(path).astype(int)
    monkeypatch.setattr(thumbnails, "_WHOLE", 1000)
    monkeypatch.setattr(thumbnails, "_BAND", 100)
    assert np.abs(read_thumbnail(path).astype(int) - whole).max() <= 2


def test_what_is_no_image_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff" + b"0" * 100)
    for name, code in (("a.jpg", "D02"), ("b.jpg", "D01")):
        with pytest.raises(DataError) as error:
            read_thumbnail(tmp_path / name)
        assert error.value.code == code


def test_a_jpeg_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "a.jpg")
    data = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(data[: len(data) // 2])
    with pytest.raises(DataError, match="D02"):
        read_thumbnail(tmp_path / "a.jpg")
