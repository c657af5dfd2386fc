"""The choice of what is read of a TIFF file: image, page, planes and channels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from tifffile import TiffFile, TiffPageSeries

from ...errors import DataError, counted
from ...structures.rules.reading import Reading
from .channels import choose_page, choose_planes
from .tiff_checks import MOST_PAGES

_PAGE_AXES: Final = ("YX", "YXS", "SYX")
_THUMBNAIL: Final = 4  # times fewer pixels than the largest image: a thumbnail or a label


@dataclass(frozen=True, slots=True)
class Choice:
    """The part of a series that is read."""

    series: TiffPageSeries
    axes: str  # of the whole series
    planes: NDArray[np.int64]  # (Z, C): number of the stored page
    samples: int  # channels in each stored page
    how: str  # max or mean over Z
    used: tuple[str, ...]

    @property
    def channels(self) -> int:
        """Channels of the image."""
        return self.samples * int(self.planes.shape[1])


def choose(tif: TiffFile, reading: Reading, label: str) -> Choice:
    """The image of `tif` that `reading` means.

    Reduced images and masks never count. Where images of several sizes are left, the largest is
    meant if all others have less than a quarter of its pixels.

    Raises:
        DataError: D02 where nothing says which of several images or pages is meant.
    """
    series, words = _images(tif, label)
    tables = [_table(one, label) for one in series]
    pages = [len(table) for table in tables]
    axes = "/".join(_axes(one) for one in series)
    shape = series[0].shape if len(series) == 1 else (len(series), *series[0].shape)
    page = choose_page(sum(pages), axes, shape, reading, label)
    used = [*words, *([f"page {page} of {sum(pages)}"] if sum(pages) > 1 else [])]
    which = 0
    while page >= pages[which]:
        page -= pages[which]
        which += 1
    chosen, planes = series[which], tables[which][page]
    if len(planes) > 1:
        kept, said = choose_planes(len(planes), reading, label)
        planes = planes[list(kept)]
        used.append(said)
    how = "mean" if reading.z == "mean" else "max"
    return Choice(chosen, _axes(chosen), planes, _samples(chosen), how, tuple(used))


def _images(tif: TiffFile, label: str) -> tuple[list[TiffPageSeries], list[str]]:
    """Images of the file that may be meant."""
    first: Any = tif.pages.first
    if not first.imagewidth or not first.imagelength:
        raise DataError(
            "D02",
            f"{label} has no pixels: its header says {first.imagewidth} x {first.imagelength} "
            "(width x height). Copy, download or save it again.",
        )
    usable = [one for one in tif.series if prod(one.shape)]
    found = [one for one in usable if not _is_aside(one)]
    aside = len(usable) - len(found)
    words = [f"{aside} reduced image{'s' * (aside > 1)} left out"] if aside else []
    if not found:
        raise DataError("D02", f"{label} holds no image. Save it again.")
    pixels = [_pixels(one) for one in found]
    largest = max(pixels)
    kept = [one for one, count in zip(found, pixels, strict=True) if count == largest]
    small = len(found) - len(kept)
    if not small:
        return found, words
    if all(count == largest or count * _THUMBNAIL <= largest for count in pixels):
        return kept, [*words, f"{small} smaller image{'s' * (small > 1)} left out"]
    return found, words


def _is_aside(series: TiffPageSeries) -> bool:
    """Return whether a series is a thumbnail, a level of a pyramid, or a mask."""
    page = series.keyframe
    return bool(page.is_reduced or page.is_mask)


def _pixels(series: TiffPageSeries) -> int:
    return int(series.keyframe.imagelength) * int(series.keyframe.imagewidth)


def _axes(series: TiffPageSeries) -> str:
    return str(series.axes)


def _samples(series: TiffPageSeries) -> int:
    page = series.keyframe
    return int(page.shape[page.axes.index("S")]) if "S" in page.axes else 1


def _table(series: TiffPageSeries, label: str) -> NDArray[np.int64]:
    """Numbers of stored pages (P, Z, C) by page that can be chosen, plane and channel."""
    axes, shape = _axes(series), [int(length) for length in series.shape]
    inner = str(series.keyframe.axes)
    while shape[-1] == 1 and len(shape) > len(inner) and not axes.endswith(inner):
        axes, shape = axes[:-1], shape[:-1]  # as of an array (H, W, 1)
    outer = len(axes) - len(inner)
    if inner not in _PAGE_AXES or outer < 0 or tuple(shape[outer:]) != series.keyframe.shape:
        raise DataError(
            "D02",
            f"{label} has pages of axes {inner} in a stack of {axes}, which cannot be read. Save "
            "each plane as a page of its own, as ImageJ does.",
        )
    pages = prod(shape[:outer])
    if pages > MOST_PAGES:
        raise DataError(
            "D02",
            f"{label} says it has {pages:,} pages, more than {MOST_PAGES:,}. Save it again, in "
            "several files.",
        )
    numbers = np.arange(pages).reshape(shape[:outer])
    channels = [i for i, axis in enumerate(axes[:outer]) if axis == "C" and "S" not in inner]
    depth = [i for i, axis in enumerate(axes[:outer]) if axis == "Z"]
    rest = [i for i in range(outer) if i not in (*channels, *depth)]
    sizes = [prod(shape[i] for i in group) for group in (rest, depth, channels)]
    return numbers.transpose([*rest, *depth, *channels]).reshape(sizes)


def colours_of(choice: Choice) -> tuple[tuple[int, ...] | None, str]:
    """Channels that are grey or RGB, and a word for those beyond; None where nothing says."""
    page: Any = choice.series.keyframe
    count = choice.channels
    extra = tuple(int(kind) for kind in page.extrasamples)
    is_alpha = bool(extra) and all(kind in (1, 2) for kind in extra)
    if choice.samples > 1 and page.photometric in (2, 6) and count >= 3:  # RGB, YCbCr
        beyond = count - 3
        word = "alpha" if is_alpha else f"{counted(beyond, 'channel')} beyond RGB"
        return (0, 1, 2), word if beyond else ""
    if count == 1:
        return (0,), ""
    if choice.samples == count and is_alpha and count - len(extra) == 1:
        return (0,), "alpha"
    return None, ""


def names_of(tif: TiffFile, count: int) -> tuple[str, ...]:
    """Names of `count` channels from the metadata of OME or ImageJ; empty where there are none."""
    import re

    names: Sequence[str] = ()
    if tif.is_ome:
        found = re.findall(
            r'<(?:\w+:)?Channel\b[^>]*?\bName="([^"]{1,60})"', tif.ome_metadata or ""
        )
        names = found[:count]
    elif tif.is_imagej:
        labels = (tif.imagej_metadata or {}).get("Labels") or ()
        names = [str(label)[:60] for label in labels[:count]] if len(labels) == count else ()
    return tuple(names) if len(names) == count else ()
