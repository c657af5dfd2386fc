"""The picture at reduced size that stands for an image too large to be kept."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...data.images import OpenedImage, Pixels
from ...data.images.shown import as_picture
from ...ops.rle import RLE, decode_window, encode_window
from ...structures.detection import Size

LONGEST: Final = 4000  # pixels of its longer side, at most
_BAND: Final = 1024  # rows that are read at a time


def read_overview(opened: OpenedImage, longest: int = LONGEST) -> Pixels:
    """The image at reduced size, (h, w, 3) with at most `longest` pixels a side, read by bands.

    Values that are not finite are then counted in the `info` of `opened`.

    Raises:
        DataError: D02 for a part of the image that cannot be read.
    """
    height, width = opened.size
    factor = -(-max(height, width) // longest)
    band = max(1, _BAND // factor) * factor
    rows = []
    for top in range(0, height, band):
        tall = min(band, height - top)
        size = (-(-width // factor), -(-tall // factor))
        pixels = as_picture(opened.read_window(top, 0, tall, width, counted=True))
        rows.append(np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)))
    return np.concatenate(rows).astype(np.uint8)


def reduced(
    size: Size, boxes: NDArray[Any], masks: Sequence[RLE] | None, small: Size
) -> tuple[NDArray[np.float32], tuple[RLE, ...] | None]:
    """Boxes and masks of an image of `size` in pixels of its overview, of size `small`.

    No mask vanishes.
    """
    factors = np.array([small[1] / size[1], small[0] / size[0]])
    moved = (boxes * np.tile(factors, 2)).astype(np.float32)
    if masks is None:
        return moved, None
    codes = []
    for mask in masks:
        window, left, top = decode_window(mask)
        if not window.size:
            codes.append(encode_window(window, 0, 0, small))
            continue
        rows, columns = np.nonzero(window)
        y = ((rows + top + 0.5) * factors[1]).astype(np.int64).clip(0, small[0] - 1)
        x = ((columns + left + 0.5) * factors[0]).astype(np.int64).clip(0, small[1] - 1)
        first_y, first_x = int(y.min()), int(x.min())
        seen = np.zeros((int(y.max()) - first_y + 1, int(x.max()) - first_x + 1), dtype=np.int64)
        np.add.at(seen, (y - first_y, x - first_x), 1)
        least = min(float(seen.max()), 0.5 / float(factors.prod()))
        codes.append(encode_window(seen >= least, first_x, first_y, small))
    return moved, tuple(codes)
