"""What the demonstration says before and after, in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from relook.training.time_left import duration

from .plan import ENOUGH_STEPS, LATEST, ROOM, Plan, enough
from .table import HEADINGS, TableRow

COMPARED = {"mask AP": 1, "AP50": 1, "count error": -1, "F1": 1}  # -1: the smaller, the better


def plan_lines(plan: Plan, validation: tuple[int, int]) -> Iterator[str]:
    """The plan; `validation` is how many images of nuclei and of mushrooms there are."""
    nuclei, mushrooms = validation
    yield (
        f"This machine needs {plan.image_seconds:.2g} s for an image, and about "
        f"{plan.step_seconds:.2g} s for a step of training. So {duration(60 * plan.minutes)} go to:"
    )
    yield f"  finding nuclei in {part(plan.nuclei, nuclei)} validation images"
    yield f"  finding mushrooms in {part(plan.mushrooms, mushrooms)}, with each model"
    yield f"  fine-tuning, {duration(60 * plan.training)}, about {plan.steps} steps"
    if plan.from_scratch:
        yield "  training from scratch, for as long"
    else:
        yield "  no training from scratch: the time is too short for two trainings"
    if plan.steps < ENOUGH_STEPS:
        yield (
            f"That is too short: fine-tuning needs about {ENOUGH_STEPS} steps to be worth looking "
            f"at. {_way_out(enough(plan.step_seconds))}"
        )
    if plan.total > plan.minutes * LATEST:
        yield f"Even the least that can be shown takes about {duration(60 * plan.total)}."


def remarks(
    plan: Plan, validation: tuple[int, int], mushrooms: Sequence[TableRow]
) -> Iterator[str]:
    """What a reader of the table should know.

    `validation` is how many images of nuclei and mushrooms there are, `mushrooms` the rows before,
    fine-tuned, and what follows.
    """
    before, tuned = mushrooms[:2]
    if (plan.nuclei, plan.mushrooms) != validation:
        yield "Not all validation images were used: the fewer they are, the rougher the numbers."
    if not plan.from_scratch:
        yield "Not trained from scratch: there was no time for it beside fine-tuning."
    worse = [text for name in COMPARED if (text := _worse(name, before, tuned))]
    if worse:
        yield f"Fine-tuned, it is worse than what it started from: {', '.join(worse)}."
    if tuned.steps is not None and tuned.steps < ENOUGH_STEPS:
        longer = math.ceil(plan.minutes * ROOM * ENOUGH_STEPS / max(tuned.steps, 1))
        yield (
            f"The time was too short: fine-tuning got {tuned.steps} of about {ENOUGH_STEPS} steps "
            f"that it needs. {_way_out(longer)}"
        )


def part(count: int, total: int) -> str:
    """How many of how many."""
    return f"all {total}" if count == total else f"{count} of {total}"


def images(count: int) -> str:
    """1 image, 2 images."""
    return f"{count} image{'' if count == 1 else 's'}"


def _way_out(minutes: int) -> str:
    return (
        f"{minutes} minute{'' if minutes == 1 else 's'} would be enough on this machine: "
        f"make demo MINUTES={minutes}."
    )


def _worse(name: str, before: TableRow, after: TableRow) -> str:
    """What is printed under `name` for both, if it is worse `after`; else nothing."""
    column = HEADINGS.index(name)
    old, new = before.cells()[column], after.cells()[column]
    if old == "-" or (new != "-" and COMPARED[name] * (float(new) - float(old)) >= 0):
        return ""
    return f"{name} {new} in place of {old}"
