"""Count of annotations of a file that were left out or changed, by reason."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

CLIPPED: Final = "box clipped to the image"
PARTS: Final = "parts of a polygon without area left out"
FROM_MASK: Final = "box computed from the mask"
NO_AREA: Final = "area is 0 or less"
AREA_FROM_MASK: Final = f"{NO_AREA}: computed from the mask"
AREA_FROM_BOX: Final = f"{NO_AREA}: computed from the box"
AS_OBJECT: Final = "crowd region read as an object (--crowd as-objects)"
NO_MASK: Final = "no mask, while others have one"
FRACTIONS: Final = "numbers from 0 to 1, which are fractions of the image"
BOX_FRACTIONS: Final = f"box of {FRACTIONS}"
MASK_FRACTIONS: Final = f"polygon of {FRACTIONS}"
OUTSIDE: Final = "box outside of the image"
MASK_OUTSIDE: Final = "polygon outside of the image"
NO_IMAGE: Final = "its image was left out"
MOST_CASES: Final = 12  # ids that are kept of each reason
_PLAIN: Final = frozenset({CLIPPED, PARTS})  # changes that evaluations do not need to know


@dataclass(slots=True)
class Ledger:
    """Counts of what was left out or changed, with the first annotation each happened to."""

    skipped: Counter[str] = field(default_factory=Counter)
    adjusted: Counter[str] = field(default_factory=Counter)
    examples: dict[str, int] = field(default_factory=dict)
    cases: dict[str, list[int]] = field(default_factory=dict)  # the first few ids of each

    def skip(self, reason: str, identity: int) -> None:
        """Count an object that is left out."""
        self.skipped[reason] += 1
        self._note(reason, identity)

    def count(self, reason: str) -> int:
        """Annotations that were left out or changed for a reason."""
        return self.skipped[reason] + self.adjusted[reason]

    @property
    def is_rewritten(self) -> bool:
        """Return whether objects are other than the file has them."""
        return not _PLAIN.issuperset(self.adjusted)

    def adjust(self, change: str, identity: int) -> None:
        """Count an object that is kept but changed."""
        self.adjusted[change] += 1
        self._note(change, identity)

    def _note(self, reason: str, identity: int) -> None:
        self.examples.setdefault(reason, identity)
        cases = self.cases.setdefault(reason, [])
        if len(cases) < MOST_CASES:
            cases.append(identity)


@dataclass(frozen=True, slots=True)
class ImageHeader:
    """Image that an annotation has to fit."""

    file_name: str
    width: int
    height: int
    turn: int = 1  # orientation by which annotations of this size are turned upright
    orientation: int = 1  # of the image as it is stored
