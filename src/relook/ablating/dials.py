"""Groups of validation images by the dials that they were composed with (`relook data compose`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.coco_json import entries, load_tables

DIALS = {"overlap": "overlap (IoU of boxes)", "size_ratio": "largest over smallest object"}
"""Dial -> what it is, for people."""
PARTS = 4  # groups of each dial, of as many images each
FEWEST = 10  # images of a group


@dataclass(frozen=True, slots=True)
class Group:
    """Images for which a dial was in a range."""

    dial: str
    low: float
    high: float
    images: tuple[int, ...]  # ids

    @property
    def name(self) -> str:
        """Unique among the groups of a file."""
        return f"{self.dial} {self.low:.2f} to {self.high:.2f}"

    @property
    def middle(self) -> float:
        """The middle of the range."""
        return (self.low + self.high) / 2

    def to_json(self) -> dict[str, Any]:
        """A dictionary that json can write."""
        return asdict(self)


def dial_groups(path: Path) -> list[Group]:
    """The images of the COCO file at `path`, cut into `PARTS` by each of `DIALS`.

    None where its images do not say their dials, or are too few.

    Raises:
        DataError: as `load_tables` and `entries`.
    """
    content = load_tables(path)
    known = [
        (number, image["dials"])
        for number, image in entries(path, content, "images")
        if isinstance(image.get("dials"), dict)
    ]
    return [group for dial in DIALS for group in _groups(dial, known)]


def _groups(dial: str, known: Sequence[tuple[int, dict[str, Any]]]) -> list[Group]:
    pairs = sorted(
        (float(dials[dial]), number)
        for number, dials in known
        if isinstance(dials.get(dial), int | float)
    )
    if len(pairs) < PARTS * FEWEST or pairs[0][0] == pairs[-1][0]:
        return []
    parts = [[pairs[i] for i in rows] for rows in np.array_split(np.arange(len(pairs)), PARTS)]
    return [
        Group(dial, part[0][0], part[-1][0], tuple(number for _, number in part)) for part in parts
    ]
