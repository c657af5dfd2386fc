from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from relook.data.images.intensities import (
    count_invalid,
    extremes,
    is_mapped,
    limits_of,
    mapped,
    sampled,
)
from relook.structures.rules.reading import Reading

AUTO = Reading()


def levels(values: object, reading: Reading = AUTO, nodata: float | None = None) -> list[int]:
    row = np.asarray(values)[None, :, None]
    found: list[int] = mapped(row, limits_of(row, reading, nodata), nodata)[0, :, 0].tolist()
    return found


def test_percentiles_of_each_channel_become_0_and_255() -> None:
    values = np.stack([np.arange(1000), 5000 - np.arange(1000)], axis=1)[:, None].astype(np.int32)
    low, high = np.percentile(np.arange(1000), (1, 99.8))
    limits = limits_of(values, AUTO)
    np.testing.assert_allclose(
        limits, [[low, high], *np.percentile(values[..., 1:], (1, 99.8))[None]]
    )
    result = mapped(values, limits)
    assert result[500, 0].tolist() == [round((500 - low) / (high - low) * 255), 126]
    assert (result[0, 0, 0], result[999, 0, 0]) == (0, 255)


@pytest.mark.parametrize("kind", ["uint16", "int16", "uint32", "int64", "float32", "float64"])
def test_the_type_does_not_matter(kind: str) -> None:
    values = np.array([3, 9, 20, 40, 90])
    assert levels(values.astype(kind)) == levels(values)


def test_bounds_are_values_of_the_file() -> None:
    rule = Reading(bounds=((0, 4095),))
    assert levels(np.array([0, 2048, 4095, 9000], np.uint16), rule) == [0, 128, 255, 255]
    with pytest.raises(ValueError, match="2 pairs of bounds for 1 channels"):
        levels(np.array([0.0]), Reading(bounds=((0, 1), (0, 2))))


def test_few_bright_objects_on_an_even_ground_are_seen() -> None:
    values = np.zeros(10_000, np.uint16)
    values[:5] = 700
    assert levels(values)[:6] == [255] * 5 + [0]


def test_constant_images_are_black_and_divide_by_nothing() -> None:
    assert levels(np.full(9, 700, np.uint16)) == [0] * 9
    assert levels(np.full(9, np.nan)) == [0] * 9


def test_nan_is_the_lowest_value_and_infinities_are_the_ends() -> None:
    values = np.array([np.nan, -np.inf, 0.0, 1.0, np.inf])
    assert levels(values) == [0, 0, 0, 255, 255]
    assert count_invalid(values) == 3
    assert count_invalid(np.array([1, 2])) == 0


def test_values_that_were_not_measured_do_not_count() -> None:
    values = np.array([-9999.0] * 50 + [10, 20, 30])
    assert levels(values, nodata=-9999.0)[-3:] == [0, 126, 255]
    assert levels(np.array([65535, 10, 20, 30], np.uint16), nodata=65535) == [0, 0, 126, 255]


def test_eight_bits_stay_unless_asked_for() -> None:
    assert not is_mapped(np.dtype(np.uint8), AUTO)
    assert is_mapped(np.dtype(np.uint8), Reading(intensities="percentiles"))
    assert is_mapped(np.dtype(np.uint16), AUTO)


@given(
    arrays.arrays(
        st.sampled_from([np.uint16, np.int16, np.float32, np.float64, np.int64]),
        st.tuples(st.integers(1, 4), st.integers(1, 4), st.integers(1, 2)),
    )
)
def test_any_values_become_eight_bits_in_their_order(values: np.ndarray) -> None:
    result = mapped(values, limits_of(values, AUTO))
    assert result.dtype == np.uint8
    flat, seen = values[..., 0].ravel(), result[..., 0].ravel()
    known = np.isfinite(flat)
    order = np.argsort(flat[known], kind="stable")
    assert (np.diff(seen[known][order].astype(int)) >= 0).all()


def test_large_images_are_sampled() -> None:
    assert sampled(np.zeros((4000, 4000, 1), np.uint8)).shape == (2000, 2000, 1)
    assert sampled(np.zeros((40, 40, 1), np.uint8)).shape == (40, 40, 1)


def test_extremes_are_those_of_all_blocks() -> None:
    blocks = [np.array([[[3.0, np.nan]], [[5.0, -9.0]]]), np.array([[[-2.0, -9.0]]])]
    assert extremes(iter(blocks), nodata=-9.0).tolist() == [[-2.0, 5.0], [0.0, 0.0]]
