"""Choice of the corrected images that measure a model and are not learned from.

With fewer than five images all are learned from, and nothing is measured: a score on images that a
model has learned from says nothing. With five or more, a fifth is held out. Images that are done
and were not chosen for learning measure too. An image that was held out stays so, and where a
taught model learns again, only images that it never learned from are held out: otherwise its first
score would be too good. Which images are held out depends on their names in the project, not on
chance nor on where its folder is. One of them has objects where any has: without objects there is
no AP.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from ...errors import counted
from ...runtime.json_files import read_json, write_json

FEWEST: Final = 5  # images, of which one is held out
SHARE: Final = 5  # one in so many
MOST_OTHERS: Final = 50  # images that were not chosen
SURE: Final = 3  # images; with fewer, a score is called a rough one


@dataclass(frozen=True, slots=True)
class Learned:
    """Names of images that models of a project have learned from, and of those held out."""

    learned: list[str] = field(default_factory=list)
    held_out: list[str] = field(default_factory=list)

    @classmethod
    def read(cls, path: Path) -> Learned:
        """Read the names from a file; there are none without it.

        Raises:
            DataError: D03 for a damaged file.
        """
        if not path.is_file():
            return cls()
        return read_json(path, cls, "Delete it: models then count as if they had learned nothing.")

    def write(self, path: Path) -> None:
        """Write the file; R02 when it cannot be written."""
        write_json(path, {"learned": self.learned, "held_out": self.held_out})

    def after(self, parts: Parts) -> Learned:
        """The names after a training on `parts`."""
        held = dict.fromkeys([*self.held_out, *parts.held_out])
        learned = dict.fromkeys([*self.learned, *parts.learned])
        return Learned([*learned], [name for name in held if name not in learned])


@dataclass(frozen=True, slots=True)
class Parts:
    """Names of images that are learned from and of those that measure."""

    learned: tuple[str, ...]
    held_out: tuple[str, ...]

    def words(self) -> str:
        """Describe in sentences what is measured."""
        number = len(self.held_out)
        learned = f"The model learns from {counted(len(self.learned), 'corrected image')}"
        if not number:
            return (
                f"{learned}. That is too few to measure it: from {FEWEST} on, a fifth is kept back "
                "for that. Look at other images to see whether it became better."
            )
        images = counted(number, "image")
        words = f"{learned}, and is measured on {images} that it does not learn from."
        if number < SURE:
            words += f" A score of {images} is a rough one."
        return words


def divide(
    chosen: Iterable[str],
    others: Collection[str],
    before: Learned,
    *,
    is_taught: bool,
    empty: Collection[str] = (),
) -> Parts:
    """The parts of the `chosen` images; `others` are done and were not chosen.

    `is_taught` says whether the model to start from has learned from images of the project; `empty`
    images have no objects.
    """
    names = sorted(dict.fromkeys(chosen), key=_digest)
    known = set(before.learned) if is_taught else set()
    held: list[str] = []
    if len(names) >= FEWEST:
        usual = [name for name in names if name in before.held_out]
        new = [name for name in names if name not in before.held_out and name not in known]
        held = _held([*usual, *new], max(len(names) // SHARE, 1), empty)
    more = [name for name in sorted(others, key=_digest) if name not in known and name not in names]
    learned = tuple(name for name in names if name not in held)
    return Parts(learned, (*held, *more[:MOST_OTHERS]))


def _held(names: list[str], number: int, empty: Collection[str]) -> list[str]:
    """The first names; where all of them are `empty`, one that is not takes the last place."""
    held = names[:number]
    if all(name in empty for name in held):
        held[-1:] = [name for name in names if name not in empty][:1] or held[-1:]
    return held


def _digest(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()
