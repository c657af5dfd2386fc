"""A class of a data set, as its annotation file has it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Category:
    """A class of objects as the annotation file names it."""

    id: int
    name: str
