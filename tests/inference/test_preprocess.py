"""Images read, resized and put together in batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from relook.data.sources.stored import ImageBytes
from relook.errors import DataError, ModelError, UsageError
from relook.inference.preprocess import Prepared, Unreadable, batches, read, window_of


def prepared(height: int, width: int) -> Prepared:
    one = read(np.zeros((height, width, 3), np.uint8), (max(height, width), min(height, width)))
    assert isinstance(one, Prepared)
    return one


def test_an_image_keeps_its_size_and_is_scaled_for_the_network() -> None:
    one = read(np.zeros((50, 100, 3), np.uint8), (200, 150))
    assert isinstance(one, Prepared)
    assert one.size == (50, 100)
    assert one.resized.shape == (100, 200, 3)
    assert one.canvas == (128, 224)
    assert one.source is None


def test_what_cannot_be_read_says_why(tmp_path: Path) -> None:
    one = read(tmp_path / "gone.png", (200, 150))
    assert isinstance(one, Unreadable)
    assert one.source == tmp_path / "gone.png"
    assert isinstance(one.error, DataError)
    assert one.error.code == "D01"
    with pytest.raises(ModelError, match="M05"):
        read(np.zeros((50, 50, 3), np.uint8), (100_000, 100_000))


def test_batches_have_one_canvas_and_begin_with_the_oldest() -> None:
    wide, high = prepared(64, 128), prepared(128, 64)
    bad = Unreadable("x.png", DataError("D02", "x"))
    window = [wide, high, bad, wide, wide, high, wide]
    assert batches(window, 2) == [[0, 3], [1, 5], [4, 6]]
    assert batches(window, 9) == [[0, 3, 4, 6], [1, 5]]
    assert batches([bad], 2) == []
    assert window_of(1) == 1
    assert window_of(3) > 3


def test_where_an_image_came_from(tmp_path: Path, web: Any) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (8, 6)).save(path)
    web.files["a.png"] = path.read_bytes()
    named = ImageBytes("slice 7", path.read_bytes())
    with path.open("rb") as file:
        sources: list[Any] = [path, str(path), named, file, path.read_bytes(), f"{web.url}/a.png"]
        found = [read(source, (64, 64)) for source in sources]
    assert all(isinstance(one, Prepared) for one in found)
    names = [one.source for one in found]
    assert names == [str(path), str(path), "slice 7", str(path), None, f"{web.url}/a.png"]
    failed = read(f"{web.url}/b.png", (64, 64))
    assert isinstance(failed, Unreadable) and failed.error.code == "D01"
    with pytest.raises(UsageError, match="U03"):
        read("ftp://a.example/b.png", (64, 64))
