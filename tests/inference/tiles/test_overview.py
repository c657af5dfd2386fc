"""Pictures at reduced size, and objects on them."""

from __future__ import annotations

import numpy as np

from relook.data.images import open_image
from relook.inference.tiles.overview import read_overview, reduced
from relook.ops.rle import decode_window, encode_window


def test_an_overview_is_read_by_bands() -> None:
    picture = np.zeros((3001, 500, 3), dtype=np.uint8)
    picture[:, 250:] = 200
    picture[2000:] = 100
    seen: list[int] = []

    opened = open_image(picture)
    read_window = opened.read_window

    def watched(top: int, left: int, height: int, width: int, *, counted: bool) -> np.ndarray:
        assert counted
        seen.append(height)
        return read_window(top, left, height, width)

    opened.read_window = watched  # type: ignore[method-assign]
    small = read_overview(opened, longest=310)
    assert small.shape == (301, 50, 3)
    assert max(seen) <= 1024 and sum(seen) == 3001
    assert small[10, 10, 0] == 0 and small[10, 40, 0] == 200 and small[250, 20, 0] == 100


def test_an_overview_counts_values_that_are_not_finite() -> None:
    picture = np.full((300, 40), 7.0, dtype=np.float32)
    picture[:5, :4], picture[299] = np.nan, np.inf
    opened = open_image(picture)
    opened.read_window(0, 0, 10, 40)
    assert opened.info.invalid == 0  # tiles overlap
    read_overview(opened, longest=30)
    assert opened.info.invalid == 60


def test_an_image_that_is_small_enough_is_its_own_overview() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert (read_overview(open_image(picture)) == picture).all()


def test_objects_keep_their_place_and_none_vanishes() -> None:
    size, small = (1000, 2000), (100, 200)
    codes = (
        encode_window(np.ones((100, 50), dtype=bool), 1000, 500, size),
        encode_window(np.ones((2, 3), dtype=bool), 1997, 998, size),
        encode_window(np.zeros((0, 0), dtype=bool), 0, 0, size),
    )
    boxes = np.array([[1000, 500, 1050, 600], [1997, 998, 2000, 1000], [0, 0, 0, 0]], dtype=float)
    moved, masks = reduced(size, boxes, codes, small)
    assert moved[0].tolist() == [100, 50, 105, 60]
    assert masks is not None
    window, left, top = decode_window(masks[0])
    assert window.all() and window.shape == (10, 5) and (left, top) == (100, 50)
    window, left, top = decode_window(masks[1])
    assert window.tolist() == [[True]] and (left, top) == (199, 99)
    assert decode_window(masks[2])[0].size == 0
    assert all(mask["size"] == [100, 200] for mask in masks)
    assert reduced(size, boxes, None, small)[1] is None
