"""Units dealt out to parts: everything once, in the numbers asked for, and as alike as possible."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.data.splits.dealing import deal, whole_targets

SHARES = st.sampled_from([(0.8, 0.2), (0.7, 0.2, 0.1), (0.5, 0.5), (0.25,) * 4, (0.98, 0.02)])


@given(st.integers(4, 300), SHARES)
def test_targets_are_whole_and_nobody_is_left_out(number: int, shares: tuple[float, ...]) -> None:
    targets = whole_targets(number, shares)
    assert sum(targets) == number
    assert min(targets) >= 1
    largest = max(range(len(shares)), key=lambda part: shares[part])
    for part, (target, share) in enumerate(zip(targets, shares, strict=True)):
        assert abs(target - number * share) < 1 or target == 1 or part == largest


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(0, 9), st.integers(0, 3)), min_size=4)
    .filter(lambda units: len(units) <= 40),
    SHARES,
    st.integers(0, 3),
)  # fmt: skip
def test_parts_have_their_number_of_images(
    units: list[tuple[int, int, int]], shares: tuple[float, ...], seed: int
) -> None:
    content = np.array(units, dtype=np.float64)
    sizes = [unit[0] for unit in units]
    parts = deal(sizes, content, [4, 1, 1], shares, seed)
    assert len(parts) == len(units)
    assert set(parts) == set(range(len(shares)))
    assert parts == deal(sizes, content, [4, 1, 1], shares, seed)
    counts = [
        sum(s for s, p in zip(sizes, parts, strict=True) if p == n) for n in range(len(shares))
    ]
    targets = whole_targets(sum(sizes), shares)
    bound = (len(shares) - 1) * max(sizes)
    assert all(abs(count - target) <= bound for count, target in zip(counts, targets, strict=True))
    if max(sizes) == 1:
        assert counts == targets


def test_a_rare_class_and_crowded_images_are_shared() -> None:
    rare = [1.0] * 10 + [0.0] * 90
    objects = [float(1 + number % 50) for number in range(100)]
    content = np.stack([np.ones(100), rare, objects], axis=1)
    parts = deal([1] * 100, content, [4, 1, 1], (0.8, 0.2), 0)
    assert Counter(parts) == {0: 80, 1: 20}
    own = np.array(parts) == 1
    assert content[own, 1].sum() == 2
    assert content[own, 2].sum() / content[:, 2].sum() == pytest.approx(0.2, abs=0.005)


def test_what_is_there_once_is_trained_on() -> None:
    content = np.stack([np.ones(20), np.eye(20)[3]], axis=1)
    for seed in range(5):
        assert deal([1] * 20, content, [4, 1], (0.8, 0.1, 0.1), seed)[3] == 0


def test_other_seeds_make_other_parts() -> None:
    content = np.ones((30, 1))
    found = {tuple(deal([1] * 30, content, [1], (0.8, 0.2), seed)) for seed in range(5)}
    assert len(found) == 5


def test_a_large_group_goes_where_there_is_room() -> None:
    parts = deal([60, 1, 1, 1, 1], np.array([[60.0], [1], [1], [1], [1]]), [1], (0.5, 0.5), 0)
    assert parts.count(parts[0]) == 1
    assert deal([9, 9], np.array([[9.0], [9]]), [1], (0.9, 0.1), 0) in ([0, 1], [1, 0])
