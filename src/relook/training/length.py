"""The length of a training: its steps, its validations, and why it ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..errors import counted
from .recipe import UNLIMITED, Recipe

Reason = Literal["patience", "epochs", "steps", "minutes"]


@dataclass(frozen=True, slots=True)
class Length:
    """Steps and validations of a training by `recipe`; a step is an update of the weights."""

    recipe: Recipe
    steps_per_epoch: int

    @property
    def scheduled(self) -> int | None:
        """Steps of all epochs, which the learning rate follows; None where minutes alone end it."""
        if self.recipe.minutes is not None and self.recipe.epochs >= UNLIMITED:
            return None
        return self.recipe.epochs * self.steps_per_epoch

    @property
    def steps(self) -> int | None:
        """Steps at most; None where minutes alone end the training."""
        known = [n for n in (self.scheduled, self.recipe.steps) if n is not None]
        return min(known, default=None)

    @property
    def is_cut(self) -> bool:
        """Return whether `Recipe.steps` ends the training before its epochs do."""
        steps, scheduled = self.recipe.steps, self.scheduled
        return steps is not None and (scheduled is None or steps < scheduled)

    def validations_between(self, step: int) -> int | None:
        """Validations at the end of `step` or later, without the one at the end of the training;
        None where the number of steps is not known."""
        if self.steps is None:
            return None
        every = self.recipe.validate_every * self.steps_per_epoch
        first = -(-max(step, 1) // every)
        return max(0, (self.steps - 1) // every - first + 1)

    def position(self, step: int) -> str:
        """Words for the place of `step`, as in "epoch 2", or "step 20, in epoch 1" inside one."""
        epoch, inside = divmod(step, self.steps_per_epoch)
        return f"step {step}, in epoch {epoch + 1}" if inside else f"epoch {epoch}"

    def sentence(self) -> str:
        """Sentence on when the training ends."""
        recipe, scheduled = self.recipe, self.scheduled
        epochs = (
            f"{counted(recipe.epochs, 'epoch')} of {counted(self.steps_per_epoch, 'step')}, "
            f"{scheduled} in all"
        )
        if recipe.minutes is None:
            text = f"Length: {epochs}"
        elif scheduled is None:
            text = f"Length: {recipe.minutes:g} minutes, {self.steps_per_epoch} steps an epoch"
        else:
            text = f"Length: {recipe.minutes:g} minutes, or {epochs}, if that is earlier"
        if self.is_cut:
            text += (
                f"; it stops after step {recipe.steps} (--steps), with the rates of the beginning "
                "of the whole training"
            )
        elif recipe.steps is not None:
            text += f"; --steps {recipe.steps} is not less and changes nothing"
        if recipe.patience is not None:
            text += (
                f"; it ends earlier after {counted(recipe.patience, 'validation')} without a "
                "better model (--patience)"
            )
        return f"{text}."

    def validation_sentence(self) -> str:
        """Words on when the training validates, without a full stop."""
        recipe = self.recipe
        every = "every epoch"
        if recipe.validate_every > 1:
            every = f"every {recipe.validate_every} epochs"
        between = self.validations_between(0)
        if self.steps is None or between is None:
            return f"after {every}, and when the minutes are over"
        if recipe.minutes is not None:
            return f"after {every}, and when the training ends"
        if between == 0:
            return f"once, at the end, after {self.position(self.steps)}"
        if self.steps % (recipe.validate_every * self.steps_per_epoch) == 0:
            return f"after {every}, {between + 1} times"
        return f"after {every} and at the end, {between + 1} times"

    def reason(self, step: int, *, is_exhausted: bool) -> Reason:
        """Return what ended a training after `step`; `is_exhausted` is that of its patience."""
        if is_exhausted:
            return "patience"
        if self.scheduled is not None and step >= self.scheduled:
            return "epochs"
        if self.recipe.steps is not None and step >= self.recipe.steps:
            return "steps"
        return "minutes" if self.recipe.minutes is not None else "epochs"

    def end_sentence(self, step: int, *, is_exhausted: bool) -> str | None:
        """Sentence on an end before the last of all epochs; None for a training of all of them."""
        reason = self.reason(step, is_exhausted=is_exhausted)
        recipe = self.recipe
        if reason == "epochs":
            return None
        of_all = "" if self.scheduled is None else f" of {self.scheduled}"
        epoch = (step - 1) // self.steps_per_epoch + 1
        patience = counted(recipe.patience or 0, "validation")
        words = {
            "patience": f"{patience} without a better model (--patience)",
            "steps": "the steps that --steps gives are done",
            "minutes": f"the time of --minutes {recipe.minutes or 0:g} is over",
        }
        return f"ended after step {step}{of_all}, in epoch {epoch}: {words[reason]}"
