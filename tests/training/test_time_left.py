"""The time left, against trainings on a simulated clock whose whole duration is known."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from relook.training.length import Length
from relook.training.recipe import UNLIMITED, Recipe
from relook.training.time_left import TimeLeft, duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (59.4, "59 s"), (59.6, "1:00 min"), (754, "12:34 min"), (11235, "3:07:15 h")],
)
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@dataclass
class Simulated:
    """A training whose first step is slow, and that saves and validates in between."""

    recipe: Recipe
    steps_per_epoch: int
    step: float = 1.0
    first: float = 20.0
    validation: float = 0.0
    save: float = 0.8
    measured: float = 1.25  # times the true duration, of a validation before there was one
    noise: float = 0.2

    def run(self) -> tuple[list[tuple[float, float | None]], float]:
        """(seconds since the start, estimate) at the end of each step, and seconds of the whole."""
        left = TimeLeft(Length(self.recipe, self.steps_per_epoch))
        left.validation = self.validation * self.measured
        draw = random.Random(0)
        said: list[tuple[float, float | None]] = []
        now = saved = 0.0
        number, of_validation, since = 0, 0.0, 0.0
        while True:
            number += 1
            now += self.first if number == 1 else self.step * draw.uniform(1 - self.noise, 1.2)
            left.add(now - since - of_validation)
            since, of_validation = now, 0.0
            said.append((now, left.seconds(number, now)))
            budget = 60 * (self.recipe.minutes or 1e9)
            is_last = now >= budget or number == left.length.steps
            epoch, inside = divmod(number, self.steps_per_epoch)
            if is_last or (not inside and epoch % self.recipe.validate_every == 0):
                now, of_validation = now + self.validation, self.validation
                left.validation = self.validation
            if is_last or now >= budget:
                return said, now
            if now - saved > 60:
                now, saved = now + self.save, now


CASES = {
    "--steps 60, validation as long as the steps": Simulated(
        Recipe(epochs=12, steps=60), 152, validation=70.0
    ),
    "--steps 20": Simulated(Recipe(epochs=12, steps=20), 152),
    "--steps over two epochs": Simulated(Recipe(epochs=12, steps=200), 152, validation=40.0),
    "epochs": Simulated(Recipe(epochs=3), 100, validation=30.0),
    "every second of seven epochs": Simulated(
        Recipe(epochs=7, validate_every=2), 30, validation=50.0
    ),
    "minutes": Simulated(Recipe(epochs=UNLIMITED, minutes=5), 50, validation=25.0),
    "minutes, with epochs that end earlier": Simulated(
        Recipe(epochs=2, minutes=50), 50, validation=25.0
    ),
    "a long training": Simulated(Recipe(epochs=12), 400, step=0.3, validation=60.0),
}


@pytest.mark.parametrize("name", CASES)
def test_after_a_tenth_the_time_left_is_within_30_percent(name: str) -> None:
    said, whole = CASES[name].run()
    later = [(now, text) for number, (now, text) in enumerate(said, 1) if number > len(said) / 10]
    assert later
    for now, estimate in later:
        assert estimate is not None
        assert estimate == pytest.approx(whole - now, rel=0.3, abs=2.0)


def test_the_last_step_leaves_its_validation() -> None:
    left = TimeLeft(Length(Recipe(epochs=12, steps=1), 152))
    left.validation = 90.0
    left.add(20.0)
    assert left.seconds(1, 20.0) == 90.0


def test_nothing_is_said_of_a_first_step_alone() -> None:
    left = TimeLeft(Length(Recipe(epochs=2), 10))
    assert left.seconds(0, 0.0) is None
    left.add(30.0)
    assert left.seconds(1, 30.0) is None
    left.add(1.0)
    assert left.seconds(2, 31.0) == 18.0
    timed = TimeLeft(Length(Recipe(epochs=UNLIMITED, minutes=1), 10))
    assert timed.seconds(1, 20.0) == 40.0
