"""Spelling of numbers and choices."""

from __future__ import annotations

from collections.abc import Sequence


def numbers(values: Sequence[float]) -> str:
    """``"1, 2 and 3"``."""
    texts = [f"{value:g}" for value in values]
    return " and ".join([", ".join(texts[:-1]), texts[-1]] if len(texts) > 1 else texts)


def on_off(value: bool) -> str:
    """``"yes"`` or ``"no"``."""
    return "yes" if value else "no"


def stages_of(chosen: Sequence[bool]) -> str:
    """``"stages 2, 3 and 4"`` of the four stages of a backbone."""
    found = [i for i, one in enumerate(chosen, start=1) if one]
    return f"stage{'s' * (len(found) != 1)} {numbers(found)}" if found else "no stage"
