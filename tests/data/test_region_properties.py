"""Measurements of masks, equal to scikit-image's."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from skimage.measure import regionprops

from relook.data.region_properties import region_properties


@pytest.mark.parametrize("seed", range(6))
def test_measurements_equal_those_of_regionprops(seed: int) -> None:
    generator = np.random.default_rng(seed)
    for _ in range(40):
        noise = generator.random(generator.integers(1, 25, 2)).astype(np.float32)
        smooth = cv2.GaussianBlur(noise, (0, 0), generator.choice([0.5, 1.0, 2.5]))
        mask = smooth > generator.choice([0.45, 0.5, 0.55])
        if not mask.any():
            continue
        (theirs,) = regionprops(mask.astype(np.uint8))
        ours = region_properties(mask)
        assert ours.area == theirs.area
        assert ours.centroid[::-1] == pytest.approx(theirs.centroid)
        assert ours.equivalent_diameter == pytest.approx(theirs.equivalent_diameter_area)
        assert ours.major_axis == pytest.approx(theirs.axis_major_length, abs=1e-6)
        assert ours.minor_axis == pytest.approx(theirs.axis_minor_length, abs=1e-6)
        assert ours.perimeter == pytest.approx(theirs.perimeter)
        assert ours.convex_area == theirs.area_convex
        assert ours.solidity == pytest.approx(theirs.solidity)
        if ours.major_axis - ours.minor_axis > 1e-6:  # else every angle is right
            assert math.sin(ours.orientation - theirs.orientation) == pytest.approx(0, abs=1e-6)


def test_a_disc_is_round_and_a_bar_lies_along_x() -> None:
    y, x = np.mgrid[:41, :41] - 20
    disc = region_properties(x**2 + y**2 <= 18**2)
    assert disc.circularity == pytest.approx(1, abs=0.1)
    assert disc.solidity > 0.95
    assert disc.equivalent_diameter == pytest.approx(36, rel=0.02)
    bar = region_properties(np.ones((3, 30), bool), left=100, top=10)
    assert abs(bar.orientation) == pytest.approx(math.pi / 2)
    assert bar.centroid == (114.5, 11.0)


def test_one_pixel_and_none() -> None:
    pixel = region_properties(np.ones((1, 1), bool))
    assert (pixel.area, pixel.major_axis, pixel.perimeter, pixel.solidity) == (1, 0, 0, 1)
    assert math.isnan(pixel.circularity)
    empty = region_properties(np.zeros((2, 2), bool))
    assert empty.area == 0 and math.isnan(empty.solidity) and math.isnan(empty.centroid[0])
