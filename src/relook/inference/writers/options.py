"""Options of the files that results are saved as."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, Literal

from ...errors import UsageError
from ..results import Result
from .table import PixelSize

_UNITS: Final = {"nm": 1e-3, "um": 1.0, "µm": 1.0, "μm": 1.0, "mm": 1e3, "cm": 1e4, "m": 1e6}
_PIXEL_SIZE: Final = re.compile(r"([\d.eE+-]+)(?:x([\d.eE+-]+))?\s*([a-zµμ]+)")


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


def parse_pixel_size(text: str | None) -> PixelSize | None:
    """(y, x) in micrometres from the value of ``--pixel-size``.

    Raises:
        UsageError: U03 for text that is no size.
    """
    if text is None:
        return None
    match = _PIXEL_SIZE.fullmatch(text.strip())
    try:
        if match is None or match[3] not in _UNITS:
            raise ValueError
        height, width = float(match[1]), float(match[2] or match[1])
    except ValueError:
        raise UsageError(
            "U03", f"--pixel-size: expected a size such as 0.25um or 0.5x0.25um, got {text!r}"
        ) from None
    unit = _UNITS[match[3]]
    return height * unit, width * unit
