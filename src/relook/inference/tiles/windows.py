"""Windows of images: of arrays in memory, and of TIFF files without reading the rest."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from ...data.images import Pixels, image_size, read_image
from ...errors import DataError
from ...structures.detection import Size

WHOLE: Final = 40_000_000
"""Pixels up to which an image is read whole, and kept in its result."""
_CACHE: Final = 256 << 20  # bytes of decoded strips or tiles of a file
_SEGMENT: Final = 256 << 20  # bytes: the largest strip or tile that is decoded for a window
_SUFFIXES: Final = (".tif", ".tiff")


class OpenedImage(Protocol):
    """An image of which pixels are read when they are asked for."""

    @property
    def size(self) -> Size:
        """(height, width) in pixels."""
        ...

    def read(self) -> Pixels:
        """All pixels (H, W, 3) uint8."""
        ...

    def read_window(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Pixels (height, width, 3) uint8 of a window."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


def open_image(source: Any) -> OpenedImage:
    """The image of `source`, as `data.images.read_image` takes it; a large TIFF is read by windows.

    Raises:
        DataError: D01 for a missing file, D02 for what is no image that can be read.
    """
    if isinstance(source, str | Path) and Path(source).suffix.lower() in _SUFFIXES:
        opened = _tiff(Path(source))
        if opened is not None:
            return opened
    return ArrayWindows(read_image(source))


def size_of(path: Path) -> Size:
    """(height, width) of the image in a file, from its header.

    Raises:
        DataError: D01 for a missing file, D02 for a file that is no image.
    """
    if path.suffix.lower() in _SUFFIXES:
        opened = _tiff(path)
        if opened is not None:
            opened.close()
            return opened.size
    return image_size(path)


class ArrayWindows:
    """An image (H, W, 3) in memory."""

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels

    @property
    def size(self) -> Size:
        """(height, width) in pixels."""
        return int(self._pixels.shape[0]), int(self._pixels.shape[1])

    def read(self) -> Pixels:
        """All pixels."""
        return self._pixels

    def read_window(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Pixels (height, width, 3) of a window, as a copy."""
        return self._pixels[top : top + height, left : left + width].copy()

    def close(self) -> None:
        """Nothing is open."""


class TiffWindows:
    """The first page of a TIFF file: 8-bit grey or RGB, read tile by tile or strip by strip."""

    def __init__(self, file: Any, path: Path) -> None:
        self._file, self._page, self._path = file, file.pages[0], path
        self._segments: OrderedDict[int, NDArray[np.uint8] | None] = OrderedDict()
        self._bytes = 0

    @property
    def size(self) -> Size:
        """(height, width) in pixels."""
        return int(self._page.imagelength), int(self._page.imagewidth)

    def read(self) -> Pixels:
        """All pixels, of an image that is not too large for it."""
        return read_image(self._path)

    def read_window(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Pixels (height, width, 3) of a window.

        Raises:
            DataError: D02 for a part of the file that cannot be decoded.
        """
        page = self._page
        tall = page.tilelength if page.is_tiled else page.rowsperstrip
        wide = page.tilewidth if page.is_tiled else page.imagewidth
        across = -(-page.imagewidth // wide)
        window = np.zeros((height, width, page.samplesperpixel), dtype=np.uint8)
        for row in range(top // tall, -(-(top + height) // tall)):
            for column in range(left // wide, -(-(left + width) // wide)):
                values = self._segment(row * across + column)
                if values is None:  # a sparse file leaves out what is black
                    continue
                y, x = row * tall, column * wide
                y0, x0 = max(top, y), max(left, x)
                y1 = min(top + height, y + values.shape[0])
                x1 = min(left + width, x + values.shape[1])
                window[y0 - top : y1 - top, x0 - left : x1 - left] = values[
                    y0 - y : y1 - y, x0 - x : x1 - x
                ]
        if window.shape[2] == 1:
            return np.asarray(cv2.cvtColor(window[:, :, 0], cv2.COLOR_GRAY2RGB), dtype=np.uint8)
        return window

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _segment(self, number: int) -> NDArray[np.uint8] | None:
        """One strip or tile, decoded; the ones used last are kept."""
        if number in self._segments:
            self._segments.move_to_end(number)
            return self._segments[number]
        page = self._page
        try:
            handle = self._file.filehandle
            handle.seek(page.dataoffsets[number])
            data = handle.read(page.databytecounts[number])
            values, _, _ = page.decode(data or None, number, jpegtables=page.jpegtables)
        except Exception as error:  # noqa: BLE001 - on hostile bytes, decoders raise anything
            raise DataError(
                "D02",
                f"{self._path} cannot be decoded: {error}. Copy, download or save it again.",
            ) from None
        segment = None if values is None else np.asarray(values, dtype=np.uint8)[0]
        self._bytes += 0 if segment is None else segment.nbytes
        self._segments[number] = segment
        while self._bytes > _CACHE and len(self._segments) > 1:
            _, oldest = self._segments.popitem(last=False)
            self._bytes -= 0 if oldest is None else oldest.nbytes
        return segment


def _tiff(path: Path) -> TiffWindows | None:
    """The file as windows where it is large and of a kind that can be read so."""
    try:
        import tifffile

        file = tifffile.TiffFile(path)
    except Exception:  # noqa: BLE001 - whatever it is, the reader of whole images tells it better
        return None
    try:
        page: Any = file.pages[0]
    except Exception:  # noqa: BLE001 - as above
        file.close()
        return None
    segment = (
        page.tilelength * page.tilewidth if page.is_tiled else page.rowsperstrip * page.imagewidth
    )
    fits = (
        page.imagelength * page.imagewidth > WHOLE
        and len(file.pages) == 1
        and page.dtype == np.uint8
        and page.samplesperpixel in (1, 3)
        and page.planarconfig == 1
        and page.photometric in (1, 2, 6)
        and page.imagedepth == 1
        and segment * page.samplesperpixel <= _SEGMENT
        and int(page.tags.valueof(274, 1)) == 1
    )
    if not fits:
        file.close()
        return None
    return TiffWindows(file, path)
