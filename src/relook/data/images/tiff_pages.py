"""Values of single pages of a TIFF file, by windows where the file allows it."""

from __future__ import annotations

import io
from math import ceil, prod
from pathlib import Path
from typing import Any, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffPageSeries

from ...errors import DataError
from ...runtime.edition import extra
from ...runtime.opencv_logs import no_opencv_logs
from ...structures.detection import Size
from .limits import BYTES_A_PIXEL, check_pixels, most_pixels
from .orientation import Window

_JPEG: Final = {6, 7, 34892, 33007}  # compressions that have tables
_OF_OPENCV: Final = {1, 2, 3, 4, 5, 7, 8, 32773, 32946, 34925, 50000, 50001}  # of its libtiff
_LARGEST_SEGMENT: Final = 64_000_000  # values that may be decoded for a window


Samples = list[int] | None  # numbers of the values of a pixel; None: all


class Pages(Protocol):
    """Values of the stored pages of a series."""

    is_windowed: bool

    def window(self, number: int, window: Window, samples: Samples = None) -> NDArray[Any]:
        """Values (height, width, S) of a window of page `number`: all samples, or these."""
        ...


class MappedPages:
    """Pages that lie in the file one after the other, without compression."""

    is_windowed = True

    def __init__(self, source: Path | bytes, series: TiffPageSeries) -> None:
        page = series.keyframe
        dtype = np.dtype(page.parent.byteorder + np.dtype(page.dtype).char)
        offset, count = int(series.dataoffset or 0), prod(series.shape)
        if isinstance(source, Path):
            flat: NDArray[Any] = np.memmap(source, dtype, "r", offset, (count,))
        else:
            flat = np.frombuffer(source, dtype, count, offset)
        self._pages = flat.reshape(-1, *page.shape)
        self._axes = page.axes

    def window(self, number: int, window: Window, samples: Samples = None) -> NDArray[Any]:
        """Values (height, width, S) of a window of page `number`: all samples, or these."""
        values = np.asarray(_cut(self._pages[number], self._axes, window, samples))
        return values.astype(values.dtype.newbyteorder("="))


class CodedPages:
    """Pages in strips or tiles, of which those that a window touches are decoded."""

    def __init__(self, tif: TiffFile, source: Path | bytes, series: TiffPageSeries, label: str):
        page = series.keyframe
        self._tif, self._source, self._series, self._label = tif, source, series, label
        self._segment = (
            (page.tilelength, page.tilewidth)
            if page.is_tiled
            else (min(page.rowsperstrip, page.imagelength), page.imagewidth)
        )
        samples = page.samplesperpixel if page.planarconfig == 1 else 1
        values = prod(self._segment) * samples
        whole = page.imagelength * page.imagewidth * samples
        self._by_opencv = not can_decode(page)
        self.is_windowed = (
            not self._by_opencv
            and page.imagedepth == 1
            and values <= _LARGEST_SEGMENT
            and (values < whole or whole <= most_pixels())
        )
        self._whole: tuple[int, NDArray[Any]] | None = None

    def window(self, number: int, window: Window, samples: Samples = None) -> NDArray[Any]:
        """Values (height, width, S) of a window of page `number`: all samples, or these.

        Raises:
            DataError: D02 for a page that is cut off, cannot be decoded, or is too large.
        """
        page: Any = self._series.pages[number]
        if page is None:
            raise DataError(
                "D02",
                f"{self._label}: page {number} of it is in another file of its series, and only "
                "files that hold all of their pages are read. Save it as one file.",
            )
        keyframe = self._series.keyframe
        size = keyframe.imagelength, keyframe.imagewidth
        if self.is_windowed and (window[2:] != size or samples is not None):
            self._check_whole(page)
            return self._segments(page, window, samples)
        if self._whole is None or self._whole[0] != number:
            self._check_size(size)
            self._check_whole(page)
            self._whole = number, self._decoded(page)
        values = _cut(self._whole[1], keyframe.axes, window, samples)
        if window[2:] == size and len(self._series.pages) > 1:
            self._whole = None
        return values

    def _check_size(self, size: Size) -> None:
        """Refuse a page of which more is decoded at once than its pixels justify."""
        keyframe = self._series.keyframe
        samples, dtype = keyframe.samplesperpixel, np.dtype(keyframe.dtype)
        depth = samples * dtype.itemsize
        if depth > BYTES_A_PIXEL and prod(size) * samples > _LARGEST_SEGMENT:
            raise DataError(
                "D02",
                f"{self._label} has {samples} samples a pixel of type {dtype.name}, which can only "
                f"be decoded together: {prod(size) * depth / 1e6:,.0f} MB. Save it in strips or "
                "tiles, or the channels that are meant in a file of their own.",
            )
        check_pixels(self._label, size, depth)

    def _check_whole(self, page: Any) -> None:
        """Refuse a page whose strips or tiles lie beyond the end of the file."""
        offsets = np.array(page.dataoffsets, dtype=object)
        counts = np.array(page.databytecounts, dtype=object)
        keyframe = page.keyframe
        expected = prod(keyframe.chunked)
        ends = offsets[: len(counts)] + counts[: len(offsets)]
        if len(ends) < expected or (ends > self._tif.filehandle.size).any():
            raise DataError(
                "D02",
                f"{self._label} is cut off: the file ends before its pixels do. Copy or download "
                "it again.",
            )

    def _decoded(self, page: Any) -> NDArray[Any]:
        if self._by_opencv:
            return decoded_by_opencv(self._source, page, self._label)
        return np.asarray(page.asarray(maxworkers=1))

    def _segments(self, page: Any, window: Window, samples: Samples) -> NDArray[Any]:
        """Values of a window from the strips or tiles that it touches."""
        keyframe = page.keyframe
        top, left, height, width = window
        tall, wide = self._segment
        rows, columns = ceil(keyframe.imagelength / tall), ceil(keyframe.imagewidth / wide)
        wanted = list(range(keyframe.samplesperpixel)) if samples is None else samples
        is_separate = keyframe.planarconfig == 2 and keyframe.samplesperpixel > 1
        numbers = [
            (sample * rows + row) * columns + column
            for sample in (wanted if is_separate else [0])
            for row in range(top // tall, (top + height - 1) // tall + 1)
            for column in range(left // wide, (left + width - 1) // wide + 1)
        ]
        result = np.zeros((height, width, len(wanted)), keyframe.dtype)
        options: dict[str, Any] = {}
        if keyframe.compression in _JPEG:
            options = {"jpegtables": page.jpegtables, "jpegheader": keyframe.jpegheader}
        file = page.parent.filehandle
        for number in numbers:
            file.seek(page.dataoffsets[number])
            data = file.read(page.databytecounts[number]) or None
            values, (sample, _, y, x, _), _ = keyframe.decode(data, number, **options)
            if values is None:  # a tile that was never written
                continue
            part = values[0]
            y0, x0 = max(y, top), max(x, left)
            y1 = min(y + part.shape[0], top + height)
            x1 = min(x + part.shape[1], left + width)
            if y0 < y1 and x0 < x1:
                place = result[y0 - top : y1 - top, x0 - left : x1 - left]
                part = part[y0 - y : y1 - y, x0 - x : x1 - x]
                if is_separate:
                    place[:, :, wanted.index(sample)] = part[:, :, 0]
                else:
                    place[:] = part if samples is None else part[:, :, samples]
        return result


def can_decode(page: Any) -> bool:
    """Return whether tifffile can decode a page with the codecs that are installed."""
    from tifffile import TIFF

    if page.is_subsampled and page.compression not in _JPEG:
        return False
    try:
        if page.compression != 1:
            TIFF.DECOMPRESSORS[page.compression]
        if page.predictor != 1:
            TIFF.UNPREDICTORS[page.predictor]
    except KeyError:
        return False
    return True


def decoded_by_opencv(source: Path | bytes, page: Any, label: str) -> NDArray[Any]:
    """Values of a page as OpenCV's libtiff decodes them, in the axes of the page.

    Raises:
        DataError: D02 where OpenCV cannot, or gives another shape.
    """
    values = _by_opencv(source, page) if int(page.compression) in _OF_OPENCV else None
    if values is not None:
        if values.ndim == 3 and values.shape[2] >= 3:
            values = values[:, :, [2, 1, 0, *range(3, values.shape[2])]]
        if page.axes == "SYX" and values.ndim == 3:
            values = values.transpose(2, 0, 1)
        if values.shape == tuple(page.shape) and (
            values.dtype == page.dtype or page.bitspersample < 8
        ):
            return np.asarray(values)
    name = getattr(page.compression, "name", page.compression)
    raise DataError(
        "D02",
        f"{label} is compressed by {name}, which needs a codec that is not installed: "
        f"{extra('microscopy')}. Or save it without compression.",
    )


def _by_opencv(source: Path | bytes, page: Any) -> NDArray[Any] | None:
    data = source.read_bytes() if isinstance(source, Path) else source
    flags = cv2.IMREAD_UNCHANGED | cv2.IMREAD_IGNORE_ORIENTATION
    number = int(page.index if isinstance(page.index, int) else page.index[0])
    try:
        with no_opencv_logs():
            is_read, found = cv2.imdecodemulti(
                np.frombuffer(data, np.uint8), flags, range=(number, number + 1)
            )
    except cv2.error:
        return None
    return np.asarray(found[0]) if is_read and len(found) == 1 else None


def stream_of(source: Path | bytes) -> Any:
    """The file that tifffile opens."""
    return source if isinstance(source, Path) else io.BytesIO(source)


def _cut(values: NDArray[Any], axes: str, window: Window, samples: Samples) -> NDArray[Any]:
    """A window (height, width, S) of the values of a page: all samples, or these."""
    top, left, height, width = window
    rows, columns = slice(top, top + height), slice(left, left + width)
    if axes == "SYX":
        part = values[:, rows, columns].transpose(1, 2, 0)
    else:
        part = values[rows, columns]
        part = part[:, :, None] if axes == "YX" else part
    return part if samples is None else part[:, :, samples]
