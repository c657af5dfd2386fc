"""Sizes of images on their way to the network."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.data.resizing import padded_size, resize_image, resized_size


@pytest.mark.parametrize(
    ("width", "height", "new_width", "new_height"),
    [
        (640, 480, 1067, 800),
        (480, 640, 800, 1067),
        (640, 427, 1199, 800),
        (427, 640, 800, 1199),
        (500, 375, 1067, 800),
        (333, 500, 800, 1201),
        (640, 640, 800, 800),
        (1920, 1080, 1333, 750),
        (100, 600, 222, 1333),
        (612, 612, 800, 800),
        (640, 426, 1202, 800),
        (481, 321, 1199, 800),
    ],
)
def test_sizes_of_the_reference(width: int, height: int, new_width: int, new_height: int) -> None:
    assert resized_size(height, width, (1333, 800)) == (new_height, new_width)


@settings(max_examples=200)
@given(st.integers(1, 30000), st.integers(1, 30000), st.integers(1, 2000), st.integers(1, 2000))
def test_sizes_stay_within_limits(height: int, width: int, a: int, b: int) -> None:
    long, short = max(a, b), min(a, b)
    size = resized_size(height, width, (long, short))
    assert 1 <= min(size) <= short
    assert max(size) <= long
    assert max(size) == long or min(size) == short or abs(min(size) - short) <= 1


@pytest.mark.parametrize("shape", [(1, 1), (50, 20000), (20000, 50), (1, 20000)])
def test_extreme_shapes(shape: tuple[int, int]) -> None:
    size = resized_size(*shape, (1333, 800))
    assert min(size) >= 1
    image = np.full((*shape, 3), 7, np.uint8)
    resized = resize_image(image, size)
    assert resized.shape == (*size, 3)
    assert (resized == 7).all()


def test_images_are_resized_by_opencv() -> None:
    image = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)
    np.testing.assert_array_equal(resize_image(image, (80, 107)), cv2.resize(image, (107, 80)))
    np.testing.assert_array_equal(resize_image(image, (48, 64)), image)


@pytest.mark.parametrize(
    ("size", "padded"), [((1, 96), (96, 96)), ((97, 128), (128, 128)), ((160, 161), (160, 192))]
)
def test_images_are_padded_to_multiples_of_the_stride(
    size: tuple[int, int], padded: tuple[int, int]
) -> None:
    assert padded_size(size) == padded
