"""The time that a training still needs: steps, and the validations among and after them."""

from __future__ import annotations

from collections import deque
from typing import Final

from .length import Length

LATEST: Final = 200  # steps whose mean is the time of the next ones


def duration(seconds: float) -> str:
    """`seconds` as 45 s, 12:05 min or 3:07:15 h."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, remainder = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}:{remainder:02d} min"
    return f"{minutes // 60}:{minutes % 60:02d}:{remainder:02d} h"


class TimeLeft:
    """Estimate of the seconds that a training still needs, from the steps that were measured.

    The first step of a process, which loads, compiles and fills caches, is measured apart: it
    counts only until there is another. A step that saved the state, or that began an epoch, counts
    with that.
    """

    def __init__(self, length: Length) -> None:
        self.length = length
        self.validation: float | None = None
        """Seconds of one validation; 0 without one, None where it is not known."""
        self._first: float | None = None
        self._latest: deque[float] = deque(maxlen=LATEST)

    def add(self, seconds: float) -> None:
        """Count a step that took `seconds`, validations not included."""
        if self._first is None:
            self._first = seconds
        else:
            self._latest.append(seconds)

    def seconds(self, step: int, elapsed: float) -> float | None:
        """Seconds from the end of `step` to the end of the training, its last validation included.

        `elapsed` are the seconds of training so far, for a budget of minutes. None where nothing
        that would tell it has been measured yet.
        """
        of_steps = self._of_steps(step)
        minutes = self.length.recipe.minutes
        if minutes is not None:
            budget = max(0.0, 60 * minutes - elapsed)
            of_steps = budget if of_steps is None else min(of_steps, budget)
        return None if of_steps is None else of_steps + (self.validation or 0.0)

    def _of_steps(self, step: int) -> float | None:
        """Seconds of the steps after `step`, and of the validations among them."""
        steps, between = self.length.steps, self.length.validations_between(step)
        if steps is None or between is None:
            return None
        if step >= steps:
            return 0.0
        if not self._latest:
            return None
        each = sum(self._latest) / len(self._latest)
        return (steps - step) * each + between * (self.validation or 0.0)
