"""Images read whole, or opened to be cut."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from relook.inference.preprocess import Prepared, Unreadable, read
from relook.inference.tiles.large import LargeImage
from relook.inference.tiles.opening import read_or_open
from relook.inference.tiles.rule import KnownSizes, Tiling

LIMITS = (96, 96)
TILING = Tiling("auto", LIMITS, KnownSizes(8.0, 24.0))


def test_an_image_that_fits_is_prepared_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    pixels = np.random.default_rng(0).integers(0, 256, (100, 128, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)
    plain = read(path, LIMITS)
    for tiling in (TILING, Tiling("off", LIMITS)):
        found = read_or_open(path, LIMITS, tiling)
        assert isinstance(found, Prepared) and isinstance(plain, Prepared)
        assert (found.resized == plain.resized).all() and (found.image == plain.image).all()
        assert found.source == plain.source == str(path)


def test_a_large_image_is_opened_and_named(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.fromarray(np.zeros((200, 150, 3), dtype=np.uint8)).save(path)
    found = read_or_open(path, LIMITS, TILING)
    assert isinstance(found, LargeImage)
    assert found.size == (200, 150) and found.source == str(path) and found.is_kept
    assert isinstance(read_or_open(path, LIMITS, Tiling("off", LIMITS)), Prepared)
    array = read_or_open(np.zeros((200, 150, 3), dtype=np.uint8), LIMITS, TILING)
    assert isinstance(array, LargeImage) and array.source is None


def test_what_is_no_image_is_unreadable(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"nothing")
    found = read_or_open(tmp_path / "a.png", LIMITS, TILING)
    assert isinstance(found, Unreadable) and found.source == tmp_path / "a.png"
