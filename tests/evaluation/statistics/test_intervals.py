"""Intervals over images and seeds, and of gains."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from relook.errors import DataError
from relook.evaluation.statistics.intervals import estimate, gain, load_resampled, save_resampled


def _noisy(mean: float, deviation: float, seed: int, resamples: int = 4000) -> np.ndarray:
    values = np.random.default_rng(seed).normal(mean, deviation, resamples + 1)
    values[0] = mean
    return values


def test_one_seed_has_the_interval_of_its_images() -> None:
    found = estimate([_noisy(0.4, 0.01, 0)])
    assert found is not None
    assert found.value == pytest.approx(40)
    assert (found.low, found.high) == pytest.approx((40 - 1.96, 40 + 1.96), abs=0.15)


def test_the_spread_of_seeds_widens_it() -> None:
    calm = estimate([_noisy(0.4, 0.001, n) for n in range(4)])
    spread = estimate([_noisy(0.4 + shift, 0.001, 7) for shift in (-0.03, -0.01, 0.01, 0.03)])
    assert calm is not None and spread is not None
    assert calm.value == pytest.approx(spread.value)
    # The mean of four drawn with replacement: the deviation of the four, over two.
    expected = 1.96 * 100 * np.std([-0.03, -0.01, 0.01, 0.03]) / 2
    assert (spread.high - spread.low) / 2 == pytest.approx(expected, rel=0.1)
    assert calm.high - calm.low < 0.4


def test_a_gain_is_paired_by_image() -> None:
    images = _noisy(0, 0.05, 3)
    base, better = 0.4 + images, 0.41 + images
    found = gain([better], [base])
    assert found == pytest.approx((1, 1, 1), abs=1e-9)
    assert found is not None and found.low > 0
    alone = estimate([better])
    assert alone is not None and alone.high - alone.low > 15


def test_seeds_of_two_rows_are_drawn_each_for_itself() -> None:
    seeds = [np.full(2001, 0.4 + shift) for shift in (-0.02, 0.0, 0.02)]
    found = gain(seeds, seeds)
    assert found is not None and found.value == 0
    assert found.low < -1 and found.high > 1


def test_what_is_not_defined_has_no_estimate() -> None:
    assert estimate([]) is None and gain([], [np.ones(3)]) is None
    assert estimate([np.full(5, np.nan)]) is None
    partly = np.array([0.5, np.nan, 0.4, 0.6])
    assert estimate([partly]) == pytest.approx((50, 40.5, 59.5))


def test_resamples_come_back_from_their_file(tmp_path: Path) -> None:
    path = tmp_path / "resampled.npz"
    given = {
        "box": {"ap": np.array([0.5, 0.25]), "overlap 0.10 to 0.20": np.array([0.1, np.nan])},
        "mask": {"ap50": np.array([0.75, 1.0])},
    }
    save_resampled(path, given)
    found = load_resampled(path)
    assert {kind: set(one) for kind, one in found.items()} == {k: set(v) for k, v in given.items()}
    for kind, measures in given.items():
        for name, values in measures.items():
            np.testing.assert_allclose(found[kind][name], values, rtol=1e-6)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04]\x94."])
def test_damaged_resamples_are_named_with_what_to_do(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "resampled.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"D03.*resampled\.npz is damaged.*Delete it and numbers"):
        load_resampled(tmp_path / "resampled.npz")
