"""Groups of validation images by the dials that they were composed with (`relook data compose`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..data.coco_json import entries, finite_of, load_tables

DIALS = {"overlap": "overlap (IoU of boxes)", "size_ratio": "largest over smallest object"}
"""Dial -> what it is, for people."""
PARTS = 4  # groups of each dial, of as many images each
FEWEST = 10  # images of a group
_SHOWN = ".4g"  # of a dial


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
        return f"{self.dial} {self.low:{_SHOWN}} to {self.high:{_SHOWN}}"

    @property
    def middle(self) -> float:
        """The middle of the range."""
        return (self.low + self.high) / 2


def dial_groups(path: Path) -> list[Group]:
    """The images of the COCO file at `path`, cut into `PARTS` by each of `DIALS`.

    Images with the same dial, as four digits show it, stay together, so that there may be fewer
    parts. None where the images do not say their dials, or are too few.

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
    values = ((_shown(dials.get(dial)), number) for number, dials in known)
    pairs = sorted((value, number) for value, number in values if value is not None)
    if len(pairs) < PARTS * FEWEST or pairs[0][0] == pairs[-1][0]:
        return []
    return [
        Group(dial, part[0][0], part[-1][0], tuple(number for _, number in part))
        for part in _parts(pairs)
    ]


def _shown(value: object) -> float | None:
    """The number as the name of a group shows it; None for what is no finite number."""
    number = finite_of(value)
    return None if number is None else finite_of(float(f"{number:{_SHOWN}}"))


def _parts(pairs: Sequence[tuple[float, int]]) -> Iterator[Sequence[tuple[float, int]]]:
    """At most `PARTS` stretches of the sorted `pairs`; equal values are in the same one."""
    start = 0
    for part in range(1, PARTS + 1):
        end = max(start, round(part * len(pairs) / PARTS))
        while 0 < end < len(pairs) and pairs[end][0] == pairs[end - 1][0]:
            end += 1
        if end > start:
            yield pairs[start:end]
        start = end
