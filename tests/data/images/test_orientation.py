from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from relook.data.images.orientation import (
    known,
    stored_window,
    upright,
    upright_affine,
    upright_points,
    upright_size,
)

STORED = np.arange(5 * 7, dtype=np.uint8).reshape(5, 7)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_pixels_are_turned_as_pillow_turns_them(orientation: int) -> None:
    image = Image.fromarray(STORED)
    image.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image))
    turned = upright(STORED, orientation)
    np.testing.assert_array_equal(turned, expected)
    assert upright_size((5, 7), orientation) == expected.shape
    assert upright_size(upright_size((5, 7), orientation), orientation) == (5, 7)


@given(st.integers(1, 8), st.data())
def test_windows_are_those_of_the_turned_image(orientation: int, data: st.DataObject) -> None:
    height, width = upright_size((5, 7), orientation)
    top = data.draw(st.integers(0, height - 1))
    left = data.draw(st.integers(0, width - 1))
    tall = data.draw(st.integers(1, height - top))
    wide = data.draw(st.integers(1, width - left))
    y, x, h, w = stored_window((top, left, tall, wide), (5, 7), orientation)
    part = upright(STORED[y : y + h, x : x + w], orientation)
    whole = upright(STORED, orientation)
    np.testing.assert_array_equal(part, whole[top : top + tall, left : left + wide])


@pytest.mark.parametrize("orientation", range(1, 9))
def test_points_and_transforms_follow_the_pixels(orientation: int) -> None:
    turned = upright(STORED, orientation)
    for y, x in ((0, 0), (4, 6), (1, 5)):
        centre = np.array([[x + 0.5, y + 0.5]])
        ((new_x, new_y),) = upright_points(centre, (5, 7), orientation).tolist()
        assert turned[int(new_y), int(new_x)] == STORED[y, x]
        a, b, c, d, e, f = upright_affine((2, 0, 100, 0, -3, 50), (5, 7), orientation)
        there = a * new_x + b * new_y + c, d * new_x + e * new_y + f
        assert there == pytest.approx((2 * (x + 0.5) + 100, -3 * (y + 0.5) + 50))


def test_only_eight_orientations_are_known() -> None:
    assert [known(value) for value in (0, 1, 8, 9, "6", None, 3.0)] == [1, 1, 8, 1, 1, 1, 1]
