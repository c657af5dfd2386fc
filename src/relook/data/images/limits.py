"""Limits that keep a file from taking the memory of the machine, checked before it is decoded."""

from __future__ import annotations

from typing import Final

from PIL import Image

from ...errors import DataError, counted
from ...structures.detection import Size

BYTES_A_PIXEL: Final = 16
"""Bytes that are decoded, times the limit of pixels, in a prediction and on a server."""


def most_pixels() -> float:
    """Pixels above which an image is not decoded whole: twice ``PIL.Image.MAX_IMAGE_PIXELS``."""
    limit = Image.MAX_IMAGE_PIXELS
    return float("inf") if limit is None else 2 * limit


def check_pixels(label: str, size: Size, depth: int = 1, *, windowed: bool = False) -> None:
    """Refuse an image of (height, width) `size` whose pixels take so many bytes each.

    Raises:
        DataError: D02 when decoding it whole would take more than the limit.
    """
    height, width = size
    most = most_pixels()
    if height * width <= most and height * width * depth <= BYTES_A_PIXEL * most:
        return
    advice = "Cut it into tiles" if not windowed else "Read it by windows (open_image)"
    raise DataError(
        "D02",
        f"{label} is too large: {width} x {height} pixels (width x height) of "
        f"{counted(depth, 'byte')} are more than the limit of {most:,.0f} pixels and "
        f"{BYTES_A_PIXEL} times as many bytes. {advice}, or raise PIL.Image.MAX_IMAGE_PIXELS if "
        "you trust it.",
    )
