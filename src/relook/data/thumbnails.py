"""Small grey pictures of image files, read from as few bytes and pixels as they need."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ..structures.rules.reading import DEFAULT_READING, Reading
from .images import Pixels, open_image
from .images.exif import orientation_of
from .images.files import file_bytes, opened_header
from .images.orientation import upright
from .images.shown import as_picture

SIDE: Final = 64  # pixels of a thumbnail

Thumbnail = NDArray[np.uint8]  # (SIDE, SIDE) grey

_JPEG: Final = b"\xff\xd8\xff"
_DECODED: Final = 2 * SIDE  # pixels: the shorter side that is decoded of a JPEG, at least
_WHOLE: Final = 4_000_000  # pixels; larger images are read by bands where that is possible
_BAND: Final = 512  # rows


def read_thumbnail(path: Path, reading: Reading = DEFAULT_READING) -> Thumbnail:
    """The image in a file as grey (64, 64) uint8, upright, its sides squeezed to a square.

    A JPEG is decoded at reduced size, a large TIFF read by bands; all other files are read whole.

    Raises:
        DataError: D01 or D02 for a file that is missing or no whole image.
    """
    data = file_bytes(path, str(path), whole=lambda head: head.startswith(_JPEG))
    if data.startswith(_JPEG) and (grey := _of_jpeg(data, str(path))) is not None:
        return _squeezed(grey)
    with open_image(path, reading) as image:
        height, width = image.size
        if not image.is_windowed or height * width <= _WHOLE:
            return _squeezed(_grey(image.read()))
        rows = []
        for top in range(0, height, _BAND):
            band = _grey(image.read_window(top, 0, min(_BAND, height - top), width))
            size = (4 * SIDE, max(1, round(len(band) * 4 * SIDE / height)))
            rows.append(np.asarray(cv2.resize(band, size, interpolation=cv2.INTER_AREA)))
        return _squeezed(np.concatenate(rows))


def _of_jpeg(data: bytes, label: str) -> NDArray[np.uint8] | None:
    """Grey pixels at reduced size; None where Pillow cannot read them."""
    with opened_header(data, label) as image:
        if image.format != "JPEG":  # MPO, whose pictures have a rule of their own
            return None
        turn = orientation_of(data, image)
        factor = min(image.width, image.height) / _DECODED
        if factor > 1:
            image.draft("L", (int(image.width / factor), int(image.height / factor)))
        try:
            grey = np.asarray(image.convert("L"), dtype=np.uint8)
        except Exception:  # noqa: BLE001 - on hostile bytes, decoders raise anything
            return None
    return upright(grey, turn)


def _grey(pixels: Pixels) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(as_picture(pixels), cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def _squeezed(grey: NDArray[Any]) -> Thumbnail:
    contiguous = np.ascontiguousarray(grey)
    small = cv2.resize(contiguous, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.uint8)
