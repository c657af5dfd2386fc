"""Annotated boxes by themselves: of what use they are, and their part inside of the image."""

from __future__ import annotations

from .ledger import BOX_FRACTIONS, OUTSIDE, ImageHeader
from .segmentation import Box


def flaw_of(written: Box, image: ImageHeader) -> str:
    """Flaw of a box (x, y, width, height), as the reference has it; empty where there is none."""
    x, y, width, height = written
    if width < 1 or height < 1:
        if width > 0 and height > 0 and max(written) <= 1 and min(written) >= 0:
            return BOX_FRACTIONS
        return "box narrower or lower than 1 pixel"
    if x >= image.width or y >= image.height or x + width <= 0 or y + height <= 0:
        return OUTSIDE
    return ""


def is_thin(bounds: Box) -> bool:
    """Return whether bounds (x1, y1, x2, y2) are narrower or lower than a pixel."""
    return bounds[2] - bounds[0] < 1 or bounds[3] - bounds[1] < 1


def clipped(written: Box, image: ImageHeader) -> Box:
    """(x1, y1, x2, y2) of a box (x, y, width, height), inside the image."""
    x, y, width, height = written
    return (
        max(x, 0.0),
        max(y, 0.0),
        min(x + width, float(image.width)),
        min(y + height, float(image.height)),
    )
