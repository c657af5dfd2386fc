"""Label images: a TIFF whose values are the numbers of the objects."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import tifffile
from numpy.typing import NDArray

from ..results import Result
from .shapes import Window, object_windows
from .table import PixelSize

BAND: Final = 512  # rows that are in memory
STRIP: Final = 64  # rows of a strip of the file
_LARGEST: Final = np.iinfo(np.uint16).max  # objects
_CM: Final = 1e4  # micrometres


def label_image(result: Result) -> NDArray[Any]:
    """Number of the object at every pixel (H, W): rows of the result from 1; 0 is no object.

    Where objects overlap, the one with the higher score is seen. 16 bits, or 32 for more than
    65,535 objects.
    """
    labels: NDArray[Any] = np.zeros(result.size, _kind(result))
    _draw(list(object_windows(result)), labels, 0)
    return labels


def visible_pixels(result: Result) -> NDArray[np.int64]:
    """Pixels (N,) at which each object is seen in the label image; never all of it in memory."""
    visible = np.zeros(len(result) + 1, np.int64)
    for band, rows in _bands(result):
        visible += np.bincount(band[:rows].ravel(), minlength=len(visible))
    return visible[1:]


def write_labels(
    path: Path, result: Result, pixel_size: PixelSize | None = None
) -> NDArray[np.int64]:
    """Write the label image as an OME-TIFF in compressed strips; return `visible_pixels`.

    ImageJ without Bio-Formats opens strips, but no tiles.

    `pixel_size` (y, x) in micrometres goes into the OME metadata and the TIFF's resolution. Never
    more than a band of 512 rows is in memory.

    Raises:
        OSError: when the file cannot be written.
    """
    height, width = result.size
    visible = np.zeros(len(result) + 1, np.int64)

    stored = np.dtype(_kind(result)).newbyteorder("<")

    def strips() -> Iterator[bytes]:
        for band, rows in _bands(result):
            visible[:] += np.bincount(band[:rows].ravel(), minlength=len(visible))
            for top in range(0, rows, STRIP):
                yield zlib.compress(band[top : min(top + STRIP, rows)].astype(stored).tobytes())

    metadata: dict[str, Any] = {"axes": "YX"}
    options: dict[str, Any] = {}
    if pixel_size is not None:
        tall, wide = pixel_size
        metadata |= {"PhysicalSizeY": tall, "PhysicalSizeYUnit": "µm"}
        metadata |= {"PhysicalSizeX": wide, "PhysicalSizeXUnit": "µm"}
        options = {"resolution": (_CM / wide, _CM / tall), "resolutionunit": "CENTIMETER"}
    tifffile.imwrite(
        path,
        strips(),
        shape=(height, width),
        dtype=stored,
        rowsperstrip=STRIP,
        byteorder="<",
        photometric="minisblack",
        compression="zlib",
        bigtiff=height * width >= 2**30,
        ome=True,
        metadata=metadata,
        **options,
    )
    return visible[1:]


def _kind(result: Result) -> type[np.uint16 | np.uint32]:
    return np.uint16 if len(result) <= _LARGEST else np.uint32


def _bands(result: Result) -> Iterator[tuple[NDArray[Any], int]]:
    """Bands (512, W) of the label image from the top, and the rows of each in the image."""
    height, width = result.size
    reach = np.array(
        [(top, top + mask.shape[0]) for mask, _, top in object_windows(result)], np.int64
    ).reshape(-1, 2)
    for start in range(0, height, BAND):
        band: NDArray[Any] = np.zeros((BAND, width), _kind(result))
        inside = (reach[:, 0] < start + BAND) & (reach[:, 1] > start)
        _draw(list(object_windows(result, inside)), band, start, np.flatnonzero(inside))
        yield band, min(BAND, height - start)


def _draw(
    windows: list[Window],
    labels: NDArray[Any],
    start: int,
    rows: NDArray[np.int64] | None = None,
) -> None:
    """Write the numbers of objects into `labels`, whose first row is row `start` of the image."""
    numbers = range(len(windows)) if rows is None else rows.tolist()
    for number, (window, left, top) in reversed(list(zip(numbers, windows, strict=True))):
        first, last = max(top, start), min(top + window.shape[0], start + labels.shape[0])
        if last > first:  # the best last, so that it stays on top
            part = window[first - top : last - top]
            place = np.s_[first - start : last - start, left : left + part.shape[1]]
            labels[place][part] = number + 1
