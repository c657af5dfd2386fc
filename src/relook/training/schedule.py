"""The learning rate over a training, as a factor of its peak."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from .recipe import Recipe

WARMUP_SHARE = 0.1  # of the training, at most; so that a short one does not end in its warm-up


@dataclass(slots=True)
class Clock:
    """The time of a training; each process has a clock."""

    local: Callable[[], float] = lambda: 0.0
    """Seconds of training so far in this process."""
    elapsed: float = 0.0
    """Seconds of the slowest process at the start of the step, for decisions that must be equal in
    all processes."""
    local_signal: Callable[[], int] = lambda: 0
    """Request of a signal to this process (`relook.training.ending.Signals`)."""
    signal: float = 0.0
    """The largest of `local_signal` over all processes at the start of the step."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """Rate factors by step; with a time budget, by the larger fraction of steps and time."""

    recipe: Recipe
    steps_per_epoch: int
    elapsed: Callable[[], float] | None = None
    """Seconds of training so far; needed when the recipe has `minutes`."""

    def epochs_passed(self, step: int) -> float:
        """Position of the training at `step`, in epochs of the recipe.

        With a budget of minutes, a training that has used half of its time is at half of its
        epochs or later, for any number of steps.
        """
        passed = step / self.steps_per_epoch
        if self.recipe.minutes is not None and self.elapsed is not None:
            passed = max(passed, self.elapsed() / (60 * self.recipe.minutes) * self.recipe.epochs)
        return min(passed, float(self.recipe.epochs))

    def factor(self, step: int) -> float:
        """The factor in (0, 1] for update `step` of the weights, counted from 0."""
        passed = self.epochs_passed(step)
        return self._decay(passed) * self._warmup(step, passed / self.recipe.epochs)

    def _decay(self, passed: float) -> float:
        if self.recipe.schedule == "cosine":
            return max(0.5 * (1 + math.cos(math.pi * passed / self.recipe.epochs)), 1e-4)
        return 0.1 ** sum(passed >= epoch for epoch in self.recipe.step_epochs)

    def _warmup(self, step: int, fraction: float) -> float:
        by_step = step / self.recipe.warmup_iterations if self.recipe.warmup_iterations else 1.0
        warm = min(max(by_step, fraction / WARMUP_SHARE), 1.0)
        return 1 - (1 - warm) * (1 - self.recipe.warmup_ratio)
