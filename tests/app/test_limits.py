"""Limits, and what is taken of them."""

from __future__ import annotations

import pytest

from relook.app.limits import Budget, Limits
from relook.app.refusals import Refusal
from relook.errors import UsageError


@pytest.mark.parametrize(
    "limits", [{"bytes": 0}, {"pixels": -1}, {"queue": 0}, {"batch": 0}, {"seconds": 0}]
)
def test_a_limit_lets_something_in(limits: dict[str, int]) -> None:
    with pytest.raises(UsageError, match=f"U03: {next(iter(limits))}"):
        Limits(**limits)  # type: ignore[arg-type]


def test_limits_are_said_in_millions() -> None:
    limits = Limits.of(mb=0.5, megapixels=2, queue=3)
    assert (limits.bytes, limits.pixels, limits.queue) == (500_000, 2_000_000, 3)
    assert (limits.all_bytes, limits.all_pixels) == (4_000_000, 16_000_000)


def test_batches_are_for_gpus_unless_they_are_asked_for() -> None:
    assert (Limits().batch_on("cpu"), Limits().batch_on("cuda:0")) == (1, 8)
    assert Limits(batch=3).batch_on("cpu") == 3


def test_what_is_taken_is_given_back_and_no_more_is_taken() -> None:
    budget = Budget(3, "image", lambda: 1.2)
    with budget.taken(2):
        with pytest.raises(Refusal, match="working on 2 images, and takes 3 at a time") as info:
            budget.take(2)
        assert info.value.status == 429 and info.value.headers["Retry-After"] == "2"
        assert budget.used == 2
        with budget.taken(1):
            assert budget.used == 3
    assert budget.used == 0
    with pytest.raises(ValueError, match="inside"), budget.taken(3):
        raise ValueError("inside")
    assert budget.used == 0
