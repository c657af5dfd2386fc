"""Spelling of numbers and choices."""

from __future__ import annotations

from collections.abc import Sequence


def numbers(values: Sequence[float]) -> str:
    """Return ``"1, 2 and 3"``."""
    texts = [f"{value:g}" for value in values]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def on_off(value: bool) -> str:
    """Return ``"yes"`` or ``"no"``."""
    return "yes" if value else "no"


def stages_of(chosen: Sequence[bool]) -> str:
    """Return ``"stages 2, 3 and 4"``, from a flag for each of the four stages of a backbone."""
    stages = [i for i, is_chosen in enumerate(chosen, start=1) if is_chosen]
    return f"stage{'s' * (len(stages) != 1)} {numbers(stages)}" if stages else "no stage"
