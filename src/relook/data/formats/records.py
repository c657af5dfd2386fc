"""Annotations as they are read from a tool's files, and the account of what was left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from ...errors import UsageError, did_you_mean
from ...structures.detection import Size
from .geometry import Shape

NO_CLASS: Final = "object"
"""Class of objects of which nothing says the class."""

Rectangles = Literal["boxes", "masks"]
Outlines = Literal["edges", "centres"]
Objects = Literal["auto", "ids", "components"]
_CHOICES: Final[Mapping[str, tuple[str, ...]]] = {
    "rectangles": ("boxes", "masks"),
    "outlines": ("edges", "centres"),
    "objects": ("auto", "ids", "components"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConvertOptions:
    """Choices of a person on a conversion.

    Raises:
        UsageError: U03 for a value that is none of the possible ones.
    """

    class_name: str | None = None
    """Class of all objects, for formats that do not name classes."""
    attribute: str | None = None
    """Attribute of a region that is its class, for VIA."""
    split: str | None = None
    """Part that is read, where a data set has parts: train, val or test."""
    rectangles: Rectangles = "boxes"
    """Meaning of a rectangle: a box around an object, or its mask."""
    outlines: Outlines = "edges"
    """Place of the corners of polygons: on edges of pixels, or numbers of border pixels."""
    objects: Objects = "auto"
    """Objects of label images: each value is one, or each connected part."""

    def __post_init__(self) -> None:
        for name, known in _CHOICES.items():
            value = getattr(self, name)
            if value not in known:
                raise UsageError("U03", f"{name}: {value!r} is not known; {_hint(value, known)}")
        if self.class_name is not None and not self.class_name.strip():
            raise UsageError("U03", "class: the name is empty. Give one, such as cell.")


def _hint(value: object, known: Iterable[str]) -> str:
    return did_you_mean(str(value), known)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedObject:
    """One object: its class and the shapes that it is made of."""

    name: str
    shapes: tuple[Shape, ...]
    where: str  # in the files, for messages
    extra: Mapping[str, Any] = field(default_factory=dict)  # fields of its COCO annotation


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotatedImage:
    """One image file with its objects, in the frame of `size`."""

    path: Path
    size: Size  # height, width
    objects: tuple[AnnotatedObject, ...]
    split: str | None = None


@dataclass(slots=True)
class Account:
    """Counts of what was left out or changed, with the first place of each, and notes."""

    left_out: Counter[str] = field(default_factory=Counter)
    changed: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    notes: dict[str, None] = field(default_factory=dict)
    classes: dict[str, None] = field(default_factory=dict)  # in the order of the files

    def leave_out(self, reason: str, where: str, count: int = 1) -> None:
        """Count what is not converted."""
        self.left_out[reason] += count
        self.examples.setdefault(reason, where)

    def change(self, change: str, where: str) -> None:
        """Count what is converted, but not as it is written."""
        self.changed[change] += 1
        self.examples.setdefault(change, where)

    def note(self, line: str) -> None:
        """Keep a sentence for people; the same one is kept once."""
        self.notes[line] = None

    def declare(self, names: Iterable[str]) -> None:
        """Keep the order of classes as a file lists them."""
        self.classes.update(dict.fromkeys(name for name in names if name.strip()))

    def lines(self) -> list[str]:
        """All of it as lines for people."""
        lines = list(self.notes)
        for verb, counts in (("left out", self.left_out), ("changed", self.changed)):
            lines += [
                f"{verb}: {count} x {reason} (first: {self.examples[reason]})"
                for reason, count in counts.items()
            ]
        return lines
