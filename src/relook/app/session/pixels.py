"""Pixels of images as pictures for the page: whole, as tiles, and small.

They are read as the model reads them, so that a 16-bit image looks as the model sees it. Level 0
of the tiles is full size, and each level is half of the one before. Images that a window can be
read of are never in memory as a whole.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from ...data.images import Pixels, Reading, open_image
from ...data.images.opened import Opened
from ...data.images.shown import as_picture
from ...errors import UsageError
from ...structures.detection import Size

TILE: Final = 512  # pixels
ONE_PICTURE: Final = 2048  # pixels of the longer side up to which an image is one picture
THUMBNAIL: Final = 128  # pixels of its longer side
_OVERVIEW: Final = 4096  # pixels of the longer side of what is kept of a large image
_BAND: Final = 512  # rows that are read at a time for it
_KEPT: Final = 400_000_000  # bytes of pixels
_OPENED: Final = 8  # files


class UnknownTile(UsageError):
    """There is no tile at that place."""


def levels_of(size: Size) -> int:
    """Number of levels of an image of (height, width): 1 for one that is one picture."""
    longest, levels = max(size), 1
    while longest > ONE_PICTURE:
        longest, levels = (longest + 1) // 2, levels + 1
    return levels


class PixelStore:
    """Reads images for the page and keeps the last ones. Threads may share it.

    Args:
        reading: How pixels are read: that of the model.
    """

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._opened: OrderedDict[Path, Opened] = OrderedDict()
        self._kept: OrderedDict[tuple[Path, int], Pixels] = OrderedDict()  # with their level
        self._small: OrderedDict[Path, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def picture(self, path: Path, most: int = ONE_PICTURE) -> bytes:
        """A PNG of the whole image, at most `most` pixels along its longer side.

        Raises:
            DataError: D01, D02 for an image that cannot be read.
        """
        with self._lock:
            return _png(_fitted(self._whole(path, most), most))

    def thumbnail(self, path: Path) -> bytes:
        """A PNG of 128 pixels along the longer side; raises as `picture`."""
        with self._lock:
            if path not in self._small:
                self._small[path] = _png(_fitted(self._whole(path, THUMBNAIL), THUMBNAIL))
                while len(self._small) > 5000:
                    self._small.popitem(last=False)
            return self._small[path]

    def tile(self, path: Path, level: int, column: int, row: int) -> bytes:
        """A PNG of at most 512 x 512 pixels of a level.

        Raises:
            UnknownTile: the image has no such tile.
            DataError: as `picture`.
        """
        with self._lock:
            return _png(self._tile(path, level, column, row))

    def close(self) -> None:
        """Close all files."""
        with self._lock:
            while self._opened:
                self._opened.popitem()[1].close()
            self._kept.clear()

    def _tile(self, path: Path, level: int, column: int, row: int) -> Pixels:
        image = self._open(path)
        height, width = image.size
        if not (0 <= level < levels_of(image.size) and column >= 0 and row >= 0):
            raise UnknownTile("U01", f"there is no level {level} of this image.")
        step = TILE << level
        top, left = row * step, column * step
        if top >= height or left >= width:
            raise UnknownTile("U01", f"there is no tile {column}, {row} of level {level}.")
        base = self._base_level(image)
        if level < base:
            pixels = image.read_window(top, left, min(step, height - top), min(step, width - left))
            return _reduced(as_picture(pixels), 1 << level)
        pixels = self._level(path, base)
        factor = 1 << (level - base)
        side = TILE * factor
        y, x = row * side, column * side
        return _reduced(pixels[y : y + side, x : x + side], factor)

    def _base_level(self, image: Opened) -> int:
        """The level that is kept in memory: 0 for an image that is only read whole."""
        if not image.is_windowed or max(image.size) <= _OVERVIEW:
            return 0
        level = 0
        while max(image.size) >> level > _OVERVIEW:
            level += 1
        return level

    def _whole(self, path: Path, most: int) -> Pixels:
        return self._level(path, self._base_level(self._open(path)))

    def _level(self, path: Path, level: int) -> Pixels:
        """All pixels of a level."""
        key = path, level
        if key not in self._kept:
            image = self._open(path)
            self._kept[key] = _banded(image, level) if level else as_picture(image.read())
        self._kept.move_to_end(key)
        while len(self._kept) > 1 and sum(p.nbytes for p in self._kept.values()) > _KEPT:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _open(self, path: Path) -> Opened:
        if path not in self._opened:
            self._opened[path] = open_image(path, self._reading)
            while len(self._opened) > _OPENED:
                self._opened.popitem(last=False)[1].close()
        self._opened.move_to_end(path)
        return self._opened[path]


def _banded(image: Opened, level: int) -> Pixels:
    """A level of a large image, of which a band of rows is in memory at a time."""
    height, width = image.size
    factor = 1 << level
    rows = max(_BAND, factor) // factor * factor
    bands = [
        _reduced(as_picture(image.read_window(y, 0, min(rows, height - y), width)), factor)
        for y in range(0, height, rows)
    ]
    return np.concatenate(bands)


def _reduced(pixels: Pixels, factor: int) -> Pixels:
    """Pixels at 1/`factor` of the size, each the mean of those it stands for.

    What is missing of the last ones is filled with the border, so that tiles fit together.
    """
    if factor == 1:
        return pixels
    height, width = pixels.shape[:2]
    below, right = -height % factor, -width % factor
    if below or right:
        pixels = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="edge")
    size = (pixels.shape[1] // factor, pixels.shape[0] // factor)
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _fitted(pixels: Pixels, most: int) -> Pixels:
    """Pixels reduced to at most `most` along the longer side."""
    height, width = pixels.shape[:2]
    scale = most / max(height, width)
    if scale >= 1:
        return pixels
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _png(pixels: Pixels) -> bytes:
    bgr = cv2.cvtColor(np.ascontiguousarray(pixels), cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return data.tobytes()
