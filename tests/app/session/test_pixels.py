"""Pixels for the page: pictures, tiles, thumbnails."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from relook.app.session import pixels
from relook.app.session.pixels import PixelStore, UnknownTile, levels_of
from relook.data.images import read_image
from relook.errors import DataError
from relook.structures.rules.reading import DEFAULT_READING


def opened(data: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(Image.open(io.BytesIO(data)))


def noise(height: int, width: int, dtype: str = "uint8") -> np.ndarray[Any, Any]:
    high = 4096 if dtype == "uint16" else 256
    return np.random.default_rng(0).integers(0, high, (height, width), dtype=dtype)


def test_levels() -> None:
    assert [levels_of((10, n)) for n in (1, 2048, 2049, 4096, 4097, 20_000)] == [1, 1, 2, 2, 3, 5]


def test_a_16_bit_image_looks_as_the_model_sees_it(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise(40, 60, "uint16"))
    store = PixelStore(DEFAULT_READING)
    assert (opened(store.picture(path)) == read_image(path)).all()
    assert opened(store.picture(path, 30)).shape == (20, 30, 3)
    assert opened(store.thumbnail(path)).shape == (40, 60, 3)
    store.close()


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
def test_tiles_of_an_image_are_its_pixels(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a PNG, which is read whole, and a tiled TIFF, which is read by windows; small numbers."""
    monkeypatch.setattr(pixels, "ONE_PICTURE", 64)
    monkeypatch.setattr(pixels, "TILE", 32)
    monkeypatch.setattr(pixels, "_OVERVIEW", 80)
    monkeypatch.setattr(pixels, "_BAND", 16)
    values = noise(100, 161)
    path = tmp_path / name
    if name == "a.png":
        Image.fromarray(values).save(path)
    else:
        tifffile.imwrite(path, values, tile=(16, 16))
    store = PixelStore(DEFAULT_READING)
    whole = read_image(path)
    assert levels_of((100, 161)) == 3
    tiles = [
        np.concatenate([opened(store.tile(path, 0, column, row)) for column in range(6)], axis=1)
        for row in range(4)
    ]
    assert (np.concatenate(tiles) == whole).all()
    half = opened(store.tile(path, 1, 0, 0))
    means = whole[:64, :64].reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(half - means).max() <= 1
    last = opened(store.tile(path, 2, 1, 0))
    assert last.shape == (25, 9, 3)
    quarter = whole[:, 128:160].reshape(25, 4, 8, 4, 3).mean(axis=(1, 3))
    assert np.abs(last[:, :8] - quarter).max() <= 2
    assert np.abs(last[:, 8] - whole[:, 160].reshape(25, 4, 3).mean(axis=1)).max() <= 2
    assert opened(store.thumbnail(path)).shape[1] <= 128
    for place in ((3, 0, 0), (-1, 0, 0), (0, 6, 0), (0, 0, 4), (2, 2, 0), (0, -1, 0)):
        with pytest.raises(UnknownTile):
            store.tile(path, *place)
    store.close()


def test_files_and_pixels_are_let_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pixels, "_OPENED", 2)
    monkeypatch.setattr(pixels, "_KEPT", 2000)
    store = PixelStore(DEFAULT_READING)
    for number in range(4):
        path = tmp_path / f"{number}.png"
        Image.fromarray(noise(20, 20)).save(path)
        store.picture(path)
    assert len(store._opened) == 2
    assert len(store._kept) == 1
    store.close()


def test_a_broken_image_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match="D02"):
        PixelStore(DEFAULT_READING).picture(tmp_path / "a.png")
