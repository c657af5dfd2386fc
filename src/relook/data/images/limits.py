"""Limits that keep a file from taking the memory of the machine, checked before it is decoded."""

from __future__ import annotations

from PIL import Image

from ...errors import DataError
from ...structures.detection import Size

_VALUES_A_PIXEL = 16  # of a whole image; more channels are read by windows


def most_pixels() -> float:
    """Pixels above which an image is not decoded whole: twice ``PIL.Image.MAX_IMAGE_PIXELS``."""
    limit = Image.MAX_IMAGE_PIXELS
    return float("inf") if limit is None else 2 * limit


def check_pixels(label: str, size: Size, values: int = 1, *, windowed: bool = False) -> None:
    """Refuse an image of (height, width) `size` with so many `values` in a pixel.

    Raises:
        DataError: D02 when decoding it whole would take more than the limit.
    """
    height, width = size
    if height * width <= most_pixels() and height * width * values <= (
        _VALUES_A_PIXEL * most_pixels()
    ):
        return
    advice = "Cut it into tiles" if not windowed else "Read it by windows (open_image)"
    raise DataError(
        "D02",
        f"{label} is too large: {width} x {height} pixels (width x height) of {values} values are "
        f"more than the limit of {most_pixels():,.0f} pixels. {advice}, or raise "
        "PIL.Image.MAX_IMAGE_PIXELS if you trust it.",
    )
