"""Scales by the diameter of objects: what is chosen, how far it may go, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relook.errors import ModelError, UsageError
from relook.inference.scaling import (
    MOST_INPUT,
    ImageScale,
    Scales,
    Scaling,
    check_diameter,
    parse_diameter,
    scaled_for,
)
from relook.structures.object_sizes import ObjectSizes

SIZES = ObjectSizes((10.0, 20.0, 30.0, 40.0, 80.0), (5.0, 100.0), 50, "masks")
SCALING = Scaling(SIZES, (600, 400))


def test_objects_become_as_large_as_the_median() -> None:
    found = SCALING.for_diameter((480, 640), 60.0)
    assert (found.factor, found.diameter, found.bound) == (0.5, 60.0, None)
    assert "60 pixels across, as given, are 30 in the network input" in found.line()
    assert SCALING.limits((480, 640), found.factor) == (320, 240)
    assert found.to_json() == {
        "factor": 0.5, "diameter": 60.0, "basis": found.basis, "bound": None,
    }  # fmt: skip


def test_a_large_image_is_scaled_up_as_far_as_the_input_allows() -> None:
    found = SCALING.for_diameter((4000, 6000), 10.0)
    height, width = 4000 * found.factor, 6000 * found.factor
    assert height * width == pytest.approx(MOST_INPUT * 600 * 400)
    assert found.bound is not None
    assert "limited, 3 is wanted" in found.bound and "cut the image into tiles" in found.bound


def test_a_small_image_is_scaled_up_ten_times_at_most() -> None:
    found = SCALING.for_diameter((50, 60), 1.0)
    assert found.factor == 10
    assert found.bound == "limited, 30 is wanted (at most 10 times enlarged)"
    tiny = SCALING.for_diameter((10, 10), 1.0)  # which the model enlarges 40 times without asking
    assert (tiny.factor, tiny.bound) == (30.0, None)


def test_an_image_is_never_scaled_to_nothing() -> None:
    found = SCALING.for_diameter((480, 640), 50_000.0)
    assert found.factor == 32 / 640
    assert found.bound is not None and "at least 32 pixels long" in found.bound


@given(
    st.tuples(st.integers(1, 20_000), st.integers(1, 20_000)),
    st.floats(1e-3, 100_000, allow_nan=False),
)
def test_the_input_is_bounded_whatever_is_asked(size: tuple[int, int], diameter: float) -> None:
    scale = SCALING.for_diameter(size, diameter)
    long, short = SCALING.limits(size, scale.factor)
    own = SCALING.default(size)
    assert long * short <= 1.1 * max(MOST_INPUT * 240_000, own**2 * size[0] * size[1]) + long
    assert long >= short >= 1
    wanted = SIZES.median / diameter
    assert (scale.bound is None) == (scale.factor == wanted)


def test_without_a_diameter_nothing_changes() -> None:
    assert scaled_for(None, None, (600, 400)) is None
    assert scaled_for("auto", SIZES, (600, 400)) is None
    size = (480, 640)
    assert SCALING.limits(size, SCALING.default(size)) == (600, 400)
    scaled = scaled_for(60.0, SIZES, (600, 400))
    assert scaled is not None and scaled(size) == ((320, 240), SCALING.for_diameter(size, 60.0))


@pytest.mark.parametrize("diameter", [30.0, "auto"])
def test_a_model_without_sizes_says_what_to_do(diameter: Any) -> None:
    with pytest.raises(ModelError, match=r"M04.*relook weights sizes.*--size LONG SHORT"):
        scaled_for(diameter, None, (600, 400))


def test_people_write_numbers_or_auto() -> None:
    assert (parse_diameter("auto"), parse_diameter("12.5")) == ("auto", 12.5)
    with pytest.raises(UsageError, match="U03: diameter: expected auto or a number"):
        parse_diameter("large")
    for wrong in (0.0, -1.0, float("nan"), float("inf"), 1e6, True, "large", None):
        with pytest.raises(UsageError, match="U03: diameter: expected auto, or the pixels"):
            check_diameter(wrong)  # type: ignore[arg-type]


def test_lines_for_one_image_and_for_many() -> None:
    scales = Scales()
    assert scales.lines() == []
    scales.add(object())
    one = ImageScale(factor=0.5, diameter=60.0, basis="because")
    scales.add(type("Result", (), {"scale": one}))
    assert scales.lines() == ["scaled by 0.5: because"]
    other = ImageScale(factor=2.0, diameter=None, basis="nothing", bound="limited")
    scales.add(type("Result", (), {"scale": other}))
    assert scales.lines() == [
        "2 images scaled by 0.5 to 2, half of them by at most 0.5, for objects 60 to 60 pixels "
        "across; in 1 nothing was found at any scale; 1 not as wanted: limited"
    ]
