"""Groups of validation images by the dials of their composition (`relook data compose`)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..data.coco.json_form import entries, finite_of, load_tables

DIALS = {"overlap": "overlap (IoU of boxes)", "size_ratio": "largest over smallest object"}
"""Dial -> its title in tables and charts."""
PARTS = 4  # groups of each dial, of as many images each
FEWEST = 10  # images of a group


@dataclass(frozen=True, slots=True)
class Group:
    """Images whose dial is in a range."""

    dial: str
    low: float
    high: float
    images: tuple[int, ...]  # ids

    @property
    def name(self) -> str:
        """Name, unique among the groups of a file."""
        return f"{self.dial} {self.low:.4g} to {self.high:.4g}"

    @property
    def middle(self) -> float:
        """The middle of the range."""
        return (self.low + self.high) / 2


def dial_groups(path: Path) -> list[Group]:
    """The images of the COCO file at `path`, cut into `PARTS` by each of `DIALS`.

    Images with equal dials stay in one group. Ranges with equal names are merged, so that there
    may be fewer groups. Empty where the images have no dials, or are too few.

    Raises:
        DataError: as `load_tables` and `entries`.
    """
    content = load_tables(path)
    images = [
        (number, image["dials"])
        for number, image in entries(path, content, "images")
        if isinstance(image.get("dials"), dict)
    ]
    return [group for dial in DIALS for group in _groups(dial, images)]


def _groups(dial: str, images: Sequence[tuple[int, dict[str, Any]]]) -> list[Group]:
    values = ((finite_of(dials.get(dial)), number) for number, dials in images)
    pairs = sorted((value, number) for value, number in values if value is not None)
    if len(pairs) < PARTS * FEWEST:
        return []
    named: dict[str, Group] = {}
    for part in _parts(pairs):
        group = Group(dial, part[0][0], part[-1][0], tuple(number for _, number in part))
        before = named.get(group.name)
        if before is not None:  # ranges with equal names are merged
            group = replace(group, low=before.low, images=before.images + group.images)
        named[group.name] = group
    return list(named.values()) if len(named) > 1 else []


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
