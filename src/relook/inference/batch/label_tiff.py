"""The numbers of objects at every pixel of a large image, as a TIFF written part by part."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...ops.rle import decode_window
from ..results import Result

_SIDE: Final = 512  # pixels of the square parts of the file
_MOST_16_BITS: Final = 2**16 - 1  # objects


def write_label_tiff(path: Path, result: Result) -> NDArray[np.int64]:
    """Write the number of the object seen at every pixel, from 1, the best; 0 for none.

    16 bits, or 32 where there are more than 65,535 objects; tiled and compressed. Never more than a
    band of 512 rows is in memory. Return the pixels seen of each object (N,).

    Raises:
        OSError: when the file cannot be written.
    """
    import tifffile

    height, width = result.size
    visible = np.zeros(len(result) + 1, dtype=np.int64)
    kind = np.uint16 if len(result) <= _MOST_16_BITS else np.uint32

    def parts() -> Iterator[NDArray[Any]]:
        for band in _bands(result, kind):
            visible[:] += np.bincount(band[:, :width].ravel(), minlength=len(visible))
            for left in range(0, width, _SIDE):
                yield np.ascontiguousarray(band[:, left : left + _SIDE])

    tifffile.imwrite(
        path,
        parts(),
        shape=(height, width),
        dtype=kind,
        tile=(_SIDE, _SIDE),
        photometric="minisblack",
        compression="zlib",
        bigtiff=height * width >= 2**30,
        metadata=None,
    )
    return visible[1:]


def _bands(result: Result, kind: type) -> Iterator[NDArray[Any]]:
    """Bands of 512 rows from the top, whole parts wide and with rows below the image as zeros."""
    height, width = result.size
    masks = result.masks or ()
    reach = np.zeros((len(masks), 2), dtype=np.int64)
    for row, mask in enumerate(masks):
        window, _, top = decode_window(mask)
        reach[row] = top, top + window.shape[0]
    for start in range(0, height, _SIDE):
        band: NDArray[Any] = np.zeros((_SIDE, -(-width // _SIDE) * _SIDE), dtype=kind)
        inside = (reach[:, 0] < start + _SIDE) & (reach[:, 1] > start)
        for row in np.flatnonzero(inside)[::-1].tolist():  # the best last, so that it stays on top
            window, left, top = decode_window(masks[row])
            first, last = max(top, start), min(top + window.shape[0], start + _SIDE)
            part = window[first - top : last - top]
            band[first - start : last - start, left : left + part.shape[1]][part] = row + 1
        if start + _SIDE > height:
            band[height - start :] = 0
        yield band
