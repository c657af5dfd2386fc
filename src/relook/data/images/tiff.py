"""TIFF, OME-TIFF, ImageJ, BigTIFF, LSM, SVS and GeoTIFF, by tifffile."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from tifffile import TiffFile

from ...errors import DataError
from ...structures.rules.reading import Reading
from . import orientation
from .geo import georeference
from .info import Facts
from .orientation import Window
from .tiff_checks import check_directories
from .tiff_choice import choose, colours_of, names_of
from .tiff_pages import CodedPages, MappedPages, Pages, Samples, stream_of
from .tiff_sizes import pixel_size_of

logging.getLogger("tifffile").addHandler(logging.NullHandler())  # what it says ends in errors

_WHITE_IS_ZERO, _PALETTE, _CMYK, _YCBCR, _MOSAIC = 0, 3, 5, 6, 32803
_PLAIN: Final = {_WHITE_IS_ZERO, 1, 2, _PALETTE, _CMYK, _YCBCR, _MOSAIC, 34892}
_KINDS: Final = ("ome", "imagej", "lsm", "svs", "ndpi", "stk", "fluoview", "micromanager")
_NAMES: Final = {"ome": "OME-TIFF", "imagej": "ImageJ TIFF"}
_HOSTILE: Final = (MemoryError, RecursionError)


class TiffPlanes:
    """One image of a TIFF file: a page of its series, over its z planes.

    Raises:
        DataError: D02 for a file that is damaged, or where nothing says which page is meant.
    """

    def __init__(self, source: Path | bytes, reading: Reading, label: str) -> None:
        self._label = label
        with explained(label):
            check_directories(source, label)
            self._tif = TiffFile(stream_of(source), _multifile=False)
        try:
            with explained(label):
                self._choice = choose(self._tif, reading, label)
                self._page: Any = self._choice.series.keyframe
                self._check_kind()
                self._pages = self._opened_pages(source)
                self._facts = self._found_facts(source)
        except BaseException:
            self._tif.close()
            raise

    @property
    def facts(self) -> Facts:
        """Facts that are known before a pixel is decoded."""
        return self._facts

    def values(self, window: Window, channels: tuple[int, ...] | None) -> NDArray[Any]:
        """Values (height, width, C) of a window in the frame of the file.

        Raises:
            DataError: D02 for a file that is cut off, or cannot be decoded.
        """
        wanted = range(self._facts.channels) if channels is None else channels
        count = self._facts.channels // self._choice.planes.shape[1]
        samples: dict[int, list[int]] = {}  # by page
        for channel in wanted:
            samples.setdefault(channel // count, []).append(channel % count)
        with explained(self._label):
            read = {
                page: self._over_z(page, window, None if kept == list(range(count)) else kept)
                for page, kept in samples.items()
            }
        if len(read) == 1:
            (only,) = read.values()
            return only
        places = {page: iter(np.moveaxis(values, 2, 0)) for page, values in read.items()}
        return np.stack([next(places[channel // count]) for channel in wanted], axis=2)

    def close(self) -> None:
        """Close the file."""
        self._tif.close()

    def _over_z(self, channel: int, window: Window, samples: Samples) -> NDArray[Any]:
        """Values (height, width, S) of one channel's pages, over its z planes."""
        numbers = self._choice.planes[:, channel].tolist()
        if len(numbers) == 1:
            return self._page_values(numbers[0], window, samples)
        total: NDArray[Any] | None = None
        for number in numbers:
            values = self._page_values(number, window, samples)
            if self._choice.how == "mean":
                wide = values.astype(np.float64)
                total = wide if total is None else total + wide
            else:
                total = values if total is None else np.fmax(total, values)
        assert total is not None  # a table has at least one plane
        if self._choice.how == "mean":
            total = total / len(numbers)
            kind = self._facts.dtype
            return np.asarray(total if kind.kind == "f" else total.round(), dtype=kind)
        return total

    def _page_values(self, number: int, window: Window, samples: Samples) -> NDArray[Any]:
        """Values (height, width, S) of a page: all its samples, or these."""
        if self._facts.channels == self._choice.channels:
            return self._as_values(self._pages.window(number, window, samples))
        values = self._as_values(self._pages.window(number, window))  # colours of inks or a table
        return values if samples is None else values[:, :, samples]

    def _as_values(self, stored: NDArray[Any]) -> NDArray[Any]:
        """Values (height, width, C) of stored ones: black is low, colours are looked up."""
        page = self._page
        if page.photometric == _PALETTE and page.colormap is not None:
            return _looked_up(stored, page.colormap)
        if page.photometric == _CMYK and stored.shape[2] >= 4:
            shift = 8 * (stored.dtype.itemsize - 1)
            inks = np.ascontiguousarray(stored[:, :, :4] >> shift, dtype=np.uint8)
            return np.asarray(Image.fromarray(inks, "CMYK").convert("RGB"))
        bits = int(page.bitspersample)
        if page.photometric == _WHITE_IS_ZERO and stored.dtype.kind in "ub":
            stored = ~stored if bits == 1 or stored.dtype == np.bool_ else (2**bits - 1) - stored
        if bits < 8 and stored.dtype == np.uint8:
            levels = stored.astype(np.uint16) * 255 // (2**bits - 1)
            return np.asarray(levels, dtype=np.uint8)
        return stored

    def _check_kind(self) -> None:
        page = self._page
        if page.dtype is None or page.dtype.kind not in "uifb":
            raise DataError(
                "D02",
                f"{self._label} holds values of type {page.dtype}, which have no brightness. Save "
                "their magnitude as float or integers.",
            )
        if page.photometric not in _PLAIN:
            name = getattr(page.photometric, "name", page.photometric)
            raise DataError(
                "D02",
                f"{self._label} has colours of the kind {name}, which cannot be read. Save it as "
                "grey or RGB.",
            )
        if page.photometric == _CMYK and page.dtype.kind != "u":
            raise DataError(
                "D02",
                f"{self._label} has inks (SEPARATED) of type {page.dtype}, which cannot be read. "
                "Save it as grey or RGB.",
            )

    def _opened_pages(self, source: Path | bytes) -> Pages:
        series = self._choice.series
        if series.dataoffset is not None and self._page.is_final:
            whole = series.dataoffset + series.nbytes
            if whole > self._tif.filehandle.size:
                raise DataError(
                    "D02",
                    f"{self._label} is cut off: the file ends before its pixels do. Copy or "
                    "download it again.",
                )
            if self._page.bitspersample in (8, 16, 32, 64) and self._page.dtype.kind in "uif":
                return MappedPages(source, series)
        return CodedPages(self._tif, source, series, self._label)

    def _found_facts(self, source: Path | bytes) -> Facts:
        choice, page = self._choice, self._page
        colours, extra = colours_of(choice)
        channels, dtype = choice.channels, np.dtype(page.dtype).newbyteorder("=")
        used, axes = choice.used, choice.axes
        if page.photometric in (_PALETTE, _CMYK) and channels in (1, 4, 5):
            channels, colours, extra, dtype = 3, (0, 1, 2), "", np.dtype(np.uint8)
            axes += "" if "S" in axes else "S"  # what is read has three values a pixel
        if page.photometric == _MOSAIC:
            used += ("a mosaic of red, green and blue pixels, taken for grey",)
        tag = page.tags.get(orientation.TAG)
        turn = orientation.known(None if tag is None else int(tag.value))
        size = int(page.imagelength), int(page.imagewidth)
        crs, transform, pixel = georeference(source, page)
        return Facts(
            format=next(
                (_NAMES.get(kind, kind.upper()) for kind in _KINDS if _is(self._tif, kind)),
                "GeoTIFF" if page.is_geotiff else "TIFF",
            ),
            axes=axes,
            dtype=dtype,
            size=size,
            channels=channels,
            colours=colours,
            names=names_of(self._tif, channels),
            extra=extra,
            used=used,
            orientation=turn,
            pixel_size=pixel or pixel_size_of(self._tif, page),
            crs=crs,
            transform=transform,
            is_windowed=self._pages.is_windowed,
            nodata=_nodata(page),
            decoded=choice.samples * len(choice.planes),
        )


@contextmanager
def explained(label: str) -> Iterator[None]:
    """Raise D02 for what tifffile and its codecs raise in the block."""
    try:
        yield
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - on hostile bytes, codecs raise anything
        name = type(error).__name__ if isinstance(error, _HOSTILE) else error
        raise DataError(
            "D02",
            f"{label} is a TIFF file that cannot be decoded: {name!s:.200}. Copy, download or save "
            "it again.",
        ) from None


def _looked_up(stored: NDArray[Any], colours: NDArray[Any]) -> NDArray[np.uint8]:
    table = np.asarray(colours)
    if table.max() > 255:  # as the standard says; some programs write 8 bits
        table = table >> 8
    index = np.minimum(stored[:, :, 0].astype(np.int64), table.shape[1] - 1)
    return np.moveaxis(table.astype(np.uint8)[:, index], 0, -1)


def _nodata(page: Any) -> float | None:
    """The value that GDAL says was not measured."""
    tag = page.tags.get(42113)
    try:
        value = None if tag is None else float(str(tag.value).strip(" \0"))
    except ValueError:
        return None
    return value if value is not None and np.isfinite(value) else None


def _is(tif: TiffFile, kind: str) -> bool:
    return bool(getattr(tif, f"is_{kind}", False))
