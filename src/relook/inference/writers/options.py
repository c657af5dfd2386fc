"""Options of the files that results are saved as."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from ...errors import UsageError
from ..results import Result
from .table import PixelSize


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveOptions:
    """Options of what is saved.

    Raises:
        UsageError: U03 for a value that makes no sense.
    """

    pixel_size: PixelSize | None = None
    """(y, x) in micrometres, in place of what the file of an image says."""
    simplify: float = 0.0
    """Pixels that polygons may leave the edges of the mask by; 0 keeps the edges."""
    labels: Literal["auto", "off"] = "auto"
    """Words in overlays: where they hide no object, or none."""

    def __post_init__(self) -> None:
        if self.pixel_size is not None and not all(0 < side < 1e9 for side in self.pixel_size):
            raise UsageError(
                "U03", f"pixel_size: expected micrometres above 0, got {self.pixel_size}"
            )
        if not 0 <= self.simplify < 1000:
            raise UsageError("U03", f"simplify: expected 0 or more pixels, got {self.simplify}")
        if self.labels not in ("auto", "off"):
            raise UsageError("U01", f"labels: expected auto or off, got {self.labels!r}")

    def pixel_size_of(self, result: Result) -> PixelSize | None:
        """(y, x) of a pixel of a result in micrometres; None where nothing says it."""
        if self.pixel_size is not None:
            return self.pixel_size
        return None if result.info is None else result.info.pixel_size

    def record(self) -> dict[str, Any]:
        """The options as json values."""
        size = self.pixel_size
        pixel_size = None if size is None else list(size)
        return {"pixel_size": pixel_size, "simplify": self.simplify, "labels": self.labels}


DEFAULT_OPTIONS: Final = SaveOptions()
