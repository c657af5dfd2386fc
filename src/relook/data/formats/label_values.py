"""Values of label images: the number of the object, or its colour, at every pixel."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from tifffile import PHOTOMETRIC, TiffFile

from ...errors import DataError
from ...ops.id_runs import id_runs
from ...ops.runs import Runs
from ..images import open_image
from ..images.files import file_bytes, is_npy, is_tiff, opened_header
from ..images.limits import check_pixels
from ..images.tiff import explained
from ..images.tiff_checks import check_directories
from .geometry import Pixels

Values = NDArray[np.integer[Any]]  # (H, W); below 2**31 they take 32 bits

_LOSSY: Final = {"JPEG", "WEBP", "MPO"}


def label_values(path: Path, *, colours: bool = False) -> Values:
    """Values (H, W) of a label image, 0 for no object; colours are their 24 bits.

    The pixels of a palette are their numbers. With `colours` all of a coded file are colours.

    Raises:
        DataError: D01 if there is no such file, D02 for what is no label image: several pages,
            fractions, negative values, or a format that changes values.
    """
    label = str(path)
    data = file_bytes(path, label)
    if is_tiff(data) or is_npy(data):
        values = _numbered_tiff(path, label) if is_tiff(data) else None
        with open_image(path) as opened:
            check_pixels(label, opened.size)
            if values is None:
                values = opened.native_window(0, 0, *opened.size)
    else:
        values = _coded_values(data, label, colours=colours)
    return _whole(values, label, colours=colours)


def _numbered_tiff(path: Path, label: str) -> NDArray[Any] | None:
    """Values as they are stored of a TIFF file whose brightness is not that of its numbers.

    These have a table of colours, or white is zero: as ImageJ writes masks with an inverted table,
    and tifffile writes truth values. None for others.

    Raises:
        DataError: D02 for a file of several pages or planes.
    """
    with explained(label):
        check_directories(path, label)
        with TiffFile(path, _multifile=False) as tif:
            _check_planes(tif, label)
            page: Any = tif.pages.first
            if page.photometric not in (PHOTOMETRIC.PALETTE, PHOTOMETRIC.MINISWHITE):
                return None
            check_pixels(label, (page.imagelength, page.imagewidth))
            return np.asarray(page.asarray())


def _check_planes(tif: TiffFile, label: str) -> None:
    images = [one for one in tif.series if not (one.keyframe.is_reduced or one.keyframe.is_mask)]
    planes = sum(prod(one.shape) // (prod(one.keyframe.shape) or 1) for one in images)
    if planes > 1:
        raise DataError(
            "D02",
            f"{label} has {planes:,} pages or planes, and a label image has one. Save the one that "
            "belongs to the image, or each object as a file in a folder called as the image.",
        )


def _coded_values(data: bytes, label: str, *, colours: bool) -> NDArray[Any]:
    image = opened_header(data, label)
    check_pixels(label, (image.height, image.width))
    if image.format in _LOSSY:
        raise DataError(
            "D02",
            f"{label} is a {image.format} file, which changes the values of labels. Save label "
            "images as PNG or TIFF.",
        )
    try:
        if colours or image.mode in ("RGB", "RGBA", "LA", "PA"):
            mode = "L" if image.mode == "LA" and not colours else "RGB"
            return np.asarray(image.convert(mode))
        return np.asarray(image)
    except Exception as error:  # noqa: BLE001 - on hostile bytes, decoders raise anything
        raise DataError("D02", f"{label} cannot be decoded: {error}. Save it again.") from None


def _whole(values: NDArray[Any], label: str, *, colours: bool) -> Values:
    if values.ndim == 3 and values.shape[2] == 1:
        values = values[:, :, 0]
    if values.dtype == np.bool_:
        values = values.astype(np.uint8)
    if values.ndim == 3 and values.shape[2] in (3, 4) and values.dtype == np.uint8:
        wide = values.astype(np.int32)
        is_grey = not colours and (values[:, :, :1] == values[:, :, :3]).all()
        return (
            wide[:, :, 0] if is_grey else wide[:, :, 0] << 16 | wide[:, :, 1] << 8 | wide[:, :, 2]
        )
    if values.ndim != 2:
        raise DataError(
            "D02", f"{label} has shape {values.shape}. A label image must be (height, width)."
        )
    if values.dtype.kind == "f" and not (values == np.round(values)).all():  # NaN is not equal
        raise DataError(
            "D02", f"{label} has values with fractions, which number no objects. Save integers."
        )
    if values.size and (float(values.min()) < 0 or float(values.max()) > 2**40):
        raise DataError(
            "D02", f"{label} has values below 0 or above 2**40, which number no objects."
        )
    is_small = not values.size or float(values.max()) < 2**31
    return values.astype(np.int32 if is_small else np.int64)


def numbered_pixels(values: Values) -> Iterator[tuple[int, Pixels]]:
    """(value, its pixels) of each value above 0 of a label image (H, W), in ascending order."""
    if not values.size:
        return
    height = values.shape[0]
    (found,), lengths = id_runs(values.T)
    ends = np.cumsum(lengths)
    order = np.argsort(found, kind="stable")
    found, ends, lengths = found[order], ends[order], lengths[order]
    starts = np.flatnonzero(np.diff(found, prepend=-1))
    for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(found)], strict=True):
        if found[start] > 0:
            last = ends[start:end]
            runs = Runs.of_ranges(last - lengths[start:end], last)
            yield int(found[start]), Pixels(runs, height)


def components(values: Values) -> Values:
    """Numbers of the connected parts (8 neighbours) of what is above 0."""
    _, labels = cv2.connectedComponents((values > 0).astype(np.uint8), connectivity=8)
    return np.asarray(labels)
