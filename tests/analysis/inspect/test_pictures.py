"""Maps as pictures."""

from __future__ import annotations

import numpy as np

from relook.analysis.inspect.pictures import grey, shaded

IMAGE = np.full((40, 60, 3), 7, dtype=np.uint8)
HALVES = np.repeat(np.array([[0.2, 0.6]], dtype=np.float32), 4, axis=0)


def test_low_is_dark_and_high_is_bright_on_a_dark_image_too() -> None:
    picture = np.asarray(shaded(IMAGE, HALVES)).astype(int)
    assert picture.shape == (40, 60, 3)
    assert picture[:, -5:].mean() > 4 * picture[:, :5].mean() > 0


def test_a_map_of_one_value_changes_nothing() -> None:
    even = shaded(IMAGE, np.ones((4, 6), dtype=np.float32))
    assert len(np.unique(np.asarray(even))) == 1


def test_grey_shows_cells() -> None:
    picture = np.asarray(grey(HALVES, (40, 60)))
    assert picture.shape == (40, 60) and set(np.unique(picture)) == {0, 255}
    assert not np.asarray(grey(np.full((2, 2), 3.0, np.float32), (4, 4))).any()
