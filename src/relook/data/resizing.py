"""Sizes of images on their way to the network: scaled to fit limits, then padded."""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..structures.detection import Size

Limits = tuple[int, int]  # (long, short): how long the sides of an image may be, in pixels

DIVISOR: Final = 32  # the largest stride before the pooled pyramid level
MINIMUM: Final = 96  # so that a map of stride 32 is at least 3 x 3


def resized_size(height: int, width: int, limits: Limits) -> Size:
    """(height, width) of the largest image of this shape within `limits`, at least 1 x 1.

    Rounds halves up, as the reference does.
    """
    long, short = limits
    scale = min(long / max(height, width), short / min(height, width))
    return max(1, int(height * scale + 0.5)), max(1, int(width * scale + 0.5))


def resize_image(image: NDArray[np.uint8], size: Size) -> NDArray[np.uint8]:
    """`image` (H, W, 3) uint8 at `size`, bilinear by OpenCV's fixed-point rule.

    Other libraries average over more pixels when they shrink, or round differently; the models'
    published numbers hold for this rule.
    """
    height, width = size
    if image.shape[:2] == size:
        return np.ascontiguousarray(image)
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(resized, dtype=np.uint8)


def padded_size(size: Size) -> Size:
    """Size of an image of `size` once it is padded, before its batch is made equal."""
    height, width = (-(-max(side, MINIMUM) // DIVISOR) * DIVISOR for side in size)
    return height, width
