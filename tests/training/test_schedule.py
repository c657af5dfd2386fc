"""The learning rate over a training."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relook.training.recipe import Recipe
from relook.training.schedule import Schedule

STEPS = 7330  # of COCO at 16 images a step


def test_1x_schedule_of_the_reference() -> None:
    schedule = Schedule(Recipe(), STEPS)
    assert schedule.factor(0) == pytest.approx(0.001)
    assert schedule.factor(250) == pytest.approx(0.001 + 0.999 * 0.5)
    assert schedule.factor(500) == 1
    assert schedule.factor(8 * STEPS - 1) == 1
    assert schedule.factor(8 * STEPS) == pytest.approx(0.1)
    assert schedule.factor(11 * STEPS - 1) == pytest.approx(0.1)
    assert schedule.factor(11 * STEPS) == pytest.approx(0.01)


def test_warm_up_never_eats_a_short_training() -> None:
    schedule = Schedule(Recipe(epochs=10, step_epochs=(9,)), 4)
    assert schedule.factor(2) < 1
    assert schedule.factor(4) == 1


def test_cosine_ends_near_zero() -> None:
    schedule = Schedule(Recipe(schedule="cosine", warmup_iterations=0), 100)
    assert schedule.factor(0) == 1
    assert schedule.factor(600) == pytest.approx(0.5)
    assert 0 < schedule.factor(1200) < 0.001


def test_minutes_move_the_schedule_on_when_steps_are_slow() -> None:
    clock = [0.0]
    recipe = Recipe(epochs=1000, minutes=2, schedule="cosine", warmup_iterations=0)
    schedule = Schedule(recipe, 100, lambda: clock[0])
    assert schedule.factor(3) == pytest.approx(1, abs=1e-3)
    clock[0] = 60
    assert schedule.factor(4) == pytest.approx(0.5)
    assert schedule.epochs_passed(4) == pytest.approx(500)
    clock[0] = 500
    assert schedule.epochs_passed(5) == 1000


def test_minutes_do_not_slow_a_training_down() -> None:
    schedule = Schedule(Recipe(epochs=2, minutes=1000, step_epochs=(1,)), 10, lambda: 0.0)
    assert schedule.factor(10) == pytest.approx(0.1)


@given(
    step=st.integers(0, 10**6),
    per_epoch=st.integers(1, 5000),
    warmup=st.integers(0, 2000),
    kind=st.sampled_from(["step", "cosine"]),
)
def test_factor_is_always_usable(step: int, per_epoch: int, warmup: int, kind: str) -> None:
    recipe = Recipe.model_validate({"schedule": kind, "warmup_iterations": warmup})
    assert 0 < Schedule(recipe, per_epoch).factor(step) <= 1
