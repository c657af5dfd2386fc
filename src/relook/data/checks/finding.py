"""A check of an annotation file, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from ..coco.segmentation import Box

if TYPE_CHECKING:
    from .subject import Subject

Level = Literal["error", "warning", "note"]

LEVELS: Final[tuple[Level, ...]] = ("error", "warning", "note")  # worst first
MOST_EXAMPLES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One place that a finding is about."""

    text: str  # for people: annotation 7 in im0.png
    image: str = ""  # file name as in the annotation file
    path: Path | None = None  # of the image
    box: Box | None = None  # x1, y1, x2, y2 in pixels of the image, upright
    annotation: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The fields that are known, as json values."""
        record: dict[str, Any] = {"text": self.text}
        if self.image:
            record["image"] = self.image
        if self.annotation is not None:
            record["annotation"] = self.annotation
        return record


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Hit of a check: how often, in words, and where."""

    count: int
    text: str
    examples: tuple[Example, ...] = ()
    code: str = ""  # in place of that of the check, for errors of the reader
    remedy: str = ""  # in place of that of the check
    level: Level | None = None  # in place of that of the check, where few are concerned


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A check: what it looks for, how bad it is, and what to do."""

    code: str
    level: Level
    finds: str  # for the documentation, without a full stop
    remedy: str  # a sentence; {file} are the file and its images as arguments of a command
    fix: str = ""  # what `--fix` does about it; empty where a person is needed
    run: Callable[[Subject], Iterable[Hit]] = field(compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Finding in a file: how bad, how often, where, and what to do."""

    file: str
    code: str
    level: Level
    count: int
    text: str
    remedy: str
    fixable: bool = False  # `--fix` repairs it
    examples: tuple[Example, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The finding as json values."""
        return {
            "file": self.file,
            "code": self.code,
            "level": self.level,
            "count": self.count,
            "text": self.text,
            "remedy": self.remedy,
            "fixable": self.fixable,
            "examples": [example.to_json() for example in self.examples],
        }


def check(
    code: str, level: Level, *, finds: str, remedy: str, fix: str = ""
) -> Callable[[Callable[[Subject], Iterable[Hit]]], Check]:
    """Make a check of a function over the subject; `fix` is what ``--fix`` does about it."""

    def make(run: Callable[[Subject], Iterable[Hit]]) -> Check:
        return Check(code=code, level=level, finds=finds, remedy=remedy, fix=fix, run=run)

    return make


def finding_of(found: Check, hit: Hit, file: str, arguments: str = "") -> Finding:
    """The finding of a check in a file; `arguments` name it and its images on a command line."""
    remedy = (hit.remedy or found.remedy).replace("{file}", arguments or file)
    return Finding(
        file=file,
        code=hit.code or found.code,
        level=hit.level or found.level,
        count=hit.count,
        text=hit.text,
        remedy=remedy,
        fixable=bool(found.fix) and not hit.remedy,
        examples=hit.examples[:MOST_EXAMPLES],
    )


def worst_first(findings: Iterable[Finding]) -> list[Finding]:
    """Findings by level, then by how often they occur."""
    return sorted(findings, key=lambda f: (LEVELS.index(f.level), -f.count, f.file, f.code))


def milder(level: Level, count: int, total: int, share: float) -> Level | None:
    """`level` where less than `share` of `total` is concerned; else None, for that of the check."""
    return level if count < share * total else None


def limited(examples: Iterable[Example]) -> tuple[Example, ...]:
    """The first few examples."""
    found = []
    for example in examples:
        found.append(example)
        if len(found) == MOST_EXAMPLES:
            break
    return tuple(found)


__all__ = [
    "LEVELS",
    "Check",
    "Example",
    "Finding",
    "Hit",
    "Level",
    "check",
    "finding_of",
    "limited",
    "milder",
    "worst_first",
]
