"""How the minutes are divided, over machines of any speed."""

from __future__ import annotations

import pytest
from examples.demo.plan import (
    ENOUGH_STEPS,
    LATEST,
    LEAST,
    SHARE,
    STEPS_FOR_BOTH,
    enough,
    plan,
)
from hypothesis import given, settings
from hypothesis import strategies as st

QUICK, USUAL, SLOW = 0.02, 0.7, 3.5  # seconds an image; the last is five times the README's
minutes = st.floats(0.5, 120)
speeds = st.floats(0.001, 60)


def test_a_usual_machine_shows_everything() -> None:
    for speed in (QUICK, USUAL):
        division = plan(10, speed)
        assert (division.nuclei, division.mushrooms, division.from_scratch) == (93, 10, True)
        assert (division.nuclei_pictures, division.mushroom_pictures) == (8, 4)
        assert division.total == pytest.approx(10)
    assert plan(10, USUAL).training == pytest.approx(3.9, abs=0.1)  # as the README has it


def test_a_machine_five_times_slower_fine_tunes_for_half_of_the_minutes() -> None:
    division = plan(10, SLOW)
    assert division.training >= 5
    assert division.steps >= 4 * ENOUGH_STEPS
    assert not division.from_scratch
    assert 8 <= division.nuclei < 93
    assert division.mushrooms == 10
    assert division.total == pytest.approx(10)


@settings(deadline=None, derandomize=True, database=None)
@given(minutes, speeds)
def test_training_has_half_and_all_ends_in_time(given_minutes: float, speed: float) -> None:
    division = plan(given_minutes, speed)
    training = division.trainings * division.training
    assert division.total >= given_minutes * 0.999  # no minute is left unused
    if training >= given_minutes * SHARE * 0.999:
        assert division.total <= given_minutes * LATEST * 1.001
    else:  # one image of each, and less than what would be worth training for
        assert (division.nuclei, division.mushrooms, division.from_scratch) == (1, 1, False)
        assert division.steps < ENOUGH_STEPS
        assert training >= given_minutes * LEAST * 0.999
    if division.total > given_minutes * 1.001:
        assert (division.nuclei, division.mushrooms, division.from_scratch) == (1, 1, False)
    if division.from_scratch:
        assert division.steps >= STEPS_FOR_BOTH


@settings(deadline=None, derandomize=True, database=None)
@given(minutes, speeds, st.floats(1.01, 10))
def test_a_slower_machine_is_never_given_more_to_do(
    given_minutes: float, speed: float, slower: float
) -> None:
    quick, slow = plan(given_minutes, speed), plan(given_minutes, speed * slower)
    assert slow.from_scratch <= quick.from_scratch
    if slow.from_scratch == quick.from_scratch:  # leaving it out makes room for images
        assert slow.nuclei <= quick.nuclei
        assert slow.mushrooms <= quick.mushrooms


@settings(deadline=None, derandomize=True, database=None)
@given(speeds)
def test_the_minutes_that_are_named_are_enough(speed: float) -> None:
    named = enough(plan(1, speed).step_seconds)
    assert plan(named, speed).steps >= ENOUGH_STEPS


@settings(deadline=None, derandomize=True, database=None)
@given(minutes, speeds, st.floats(0.2, 10))
def test_a_plan_that_proved_wrong_is_corrected_for_the_rest(
    given_minutes: float, speed: float, factor: float
) -> None:
    first = plan(given_minutes, speed)
    kept = first.corrected(first.before * factor)
    assert (kept.nuclei, kept.mushrooms) == (first.nuclei, first.mushrooms)
    assert kept.from_scratch <= first.from_scratch
    assert kept.before == pytest.approx(first.before * factor)
    late = kept.before + kept.after + given_minutes * LEAST
    assert kept.total <= max(given_minutes * LATEST, late) * 1.001


def test_few_images_are_all_there_is() -> None:
    division = plan(10, USUAL, nuclei=4, mushrooms=3)
    assert (division.nuclei, division.mushrooms) == (4, 3)
    assert (division.nuclei_pictures, division.mushroom_pictures) == (2, 1)
