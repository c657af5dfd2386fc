"""Maps as pictures."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from relook.analysis.inspect.pictures import (
    MIDDLE,
    SWITCH_COLORS,
    grey,
    switch_bar,
    switch_picture,
    switch_reach,
    under,
)

HALVES = np.repeat(np.array([[0.2, 0.6]], dtype=np.float32), 4, axis=0)


@pytest.mark.parametrize(
    ("switch", "color"), [(MIDDLE, 2), (MIDDLE - 2, 0), (MIDDLE + 2, 4), (-9, 0), (9, 4)]
)
def test_white_is_the_middle_and_colours_end_at_the_reach(switch: float, color: int) -> None:
    picture = switch_picture(np.full((2, 3), switch, np.float32), (20, 30), reach=2)
    assert picture.size == (30, 20)
    assert picture.getpixel((5, 5)) == SWITCH_COLORS[color]


def test_one_value_has_one_colour_in_all_maps() -> None:
    first = switch_picture(np.array([[0.0, 1.0]], np.float32), (1, 2), 1.5)
    second = switch_picture(np.array([[1.0, 3.0]], np.float32), (1, 2), 1.5)
    assert first.getpixel((1, 0)) == second.getpixel((0, 0))
    low, high = (first.getpixel((x, 0)) for x in (0, 1))
    assert low[0] > low[2] and high[2] > high[0]  # type: ignore[index]


def test_the_scale_holds_0_and_1_and_almost_all_cells() -> None:
    assert switch_reach([np.full((4, 4), 0.5, np.float32)]) == 0.5
    wide = np.linspace(-3, 4, 1000, dtype=np.float32).reshape(10, 100)
    assert switch_reach([HALVES, wide]) == pytest.approx(3.5, abs=0.06)


def test_a_bar_is_as_wide_as_asked() -> None:
    bar = switch_bar(600, 2.0)
    assert bar.width == 648
    colors = [bar.getpixel((24 + x, 20)) for x in (2, 300, 597)]
    assert colors[0][0] > colors[0][2] and colors[2][2] > colors[2][0]  # type: ignore[index]
    sheet = Image.new("RGB", (700, 50))
    assert under(bar, sheet).size == (700, bar.height + 50)


def test_grey_shows_cells_on_the_scale_given() -> None:
    picture = np.asarray(grey(HALVES, (40, 60), 0.2, 0.6))
    assert picture.shape == (40, 60, 3) and set(np.unique(picture)) == {0, 255}
    assert np.asarray(grey(HALVES, (4, 2), 0.0, 1.2)).max() == 128
    assert not np.asarray(grey(np.full((2, 2), 3.0, np.float32), (4, 4), 3.0, 3.0)).any()
