"""Choices of a person on how an annotation file is read."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Final, Literal

BoxSource = Literal["as-written", "from-masks"]
CrowdUse = Literal["as-crowd", "as-objects"]
NameMatch = Literal["exact", "basename"]
DuplicateUse = Literal["keep", "drop"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leniency:
    """Choices where an annotation file can be read in two ways; the defaults are the strict ones.

    Each is an option of the same name on the command line: `ignore_unknown` is
    ``--ignore-unknown``.
    """

    boxes: BoxSource = "as-written"
    """Boxes as the file has them, or the bounds of the masks where there are masks."""
    crowd: CrowdUse = "as-crowd"
    """Annotations with ``iscrowd: 1`` as regions that are not learned, or as objects."""
    match: NameMatch = "exact"
    """Images by their path in the folder, or by the last part of it where only one file has it."""
    ignore_unknown: bool = False
    """Leave out objects of unknown categories, and count them, in place of an error."""
    duplicates: DuplicateUse = "keep"
    """Masks of one class that are in an image twice: keep both, or the first only."""
    skip_missing: bool = False
    """Leave out images without a file, and count them, in place of an error."""
    keep_root: bool = False
    """Keep a category that only names the project, as exports of Roboflow have it."""

    def changed(self) -> dict[str, Any]:
        """Fields that differ from the defaults, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value != getattr(STRICT, name)}


STRICT: Final = Leniency()
