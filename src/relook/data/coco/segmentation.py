"""Masks of annotations: polygons and run-length codes, checked before C code sees them, and maps.

pycocotools reads memory that is not its own when a run-length code is malformed or when a
polygon leaves the image by far. Here every code is decoded and checked in numpy, and polygons
are handed over only with finite coordinates near the image and outlines of sane length.

A mask is represented by its runs in between (`ops.runs`): numbers of pixels down the columns of
the image, which is what all run-length codes of COCO mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ...ops.rle import decode_counts
from ...ops.runs import Runs
from ...structures.detection import Size
from .ledger import MASK_OUTSIDE
from .polygon_measures import measured

Lengths = NDArray[np.int64]  # of background, foreground, background, ...


class StoredMask(Protocol):
    """A mask whose pixels stay in a file of their own until they are needed."""

    def runs(self, height: int, width: int) -> Runs:
        """The runs of the mask in an image of this size.

        Raises:
            DataError: What is wrong with the file.
        """
        ...


Coded = list[list[float]] | dict[str, Any]  # as it stands in a json: polygons, run lengths
Segmentation = Coded | StoredMask

Box = tuple[float, float, float, float]  # x1, y1, x2, y2

MOST_OUTLINE: Final = 4_000_000  # pixels; the rasteriser keeps 80 bytes for each
_FAR: Final = "has a polygon with coordinates that are far outside of the image"
_NUMBERS: Final = frozenset({int, float})


class MalformedMaskError(ValueError):
    """Not a mask at all; the message says why, as the end of a sentence about the annotation."""


class EmptyMaskError(ValueError):
    """A well-formed mask without a single pixel; the message is the reason to count it under."""


class CheckedMask(NamedTuple):
    """A segmentation that is safe to rasterise."""

    segmentation: Coded
    left_out: int  # polygons with fewer than three points, or that cover no pixel of the image
    bounds: Box  # of the polygons, cut to the image; of the pixels for run lengths


class _Outline(NamedTuple):
    """Bounds of a polygon, and whether it covers a pixel of the image."""

    bounds: Box
    is_usable: bool


def checked(value: object, height: int, width: int) -> tuple[Coded, int]:
    """A segmentation that is safe to rasterise, and how many of its polygons were left out.

    Polygons left out have fewer than three points or cover no pixel of the image.

    Raises:
        MalformedMaskError: neither polygons nor a run-length code of this image.
        EmptyMaskError: there is nothing in it.
    """
    mask = checked_mask(value, height, width)
    return mask.segmentation, mask.left_out


def checked_mask(value: object, height: int, width: int) -> CheckedMask:
    """A segmentation that is safe to rasterise, with its bounds.

    Raises:
        MalformedMaskError: neither polygons nor a run-length code of this image.
        EmptyMaskError: there is nothing in it.
    """
    if isinstance(value, dict):
        code = checked_code(value, height, width)
        runs = runs_of(code, height, width)
        if not len(runs.starts):
            raise EmptyMaskError("mask without a pixel")
        return CheckedMask(code, 0, enclosing_box(runs, height))
    if not isinstance(value, list):
        raise MalformedMaskError(f"is {_named(value)}, not polygons or a run-length code")
    outlines = [_outline(part, height, width) for part in value]
    usable = [outline.bounds for outline in outlines if outline and outline.is_usable]
    if not usable:
        raise EmptyMaskError(_reason(outlines, height, width))
    left, top, right, bottom = usable[0]
    for x1, y1, x2, y2 in usable[1:]:
        left, top, right, bottom = min(left, x1), min(top, y1), max(right, x2), max(bottom, y2)
    box = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
    if len(usable) == len(outlines):
        return CheckedMask(value, 0, box)
    parts = [
        part for part, outline in zip(value, outlines, strict=True) if outline and outline.is_usable
    ]
    return CheckedMask(parts, len(value) - len(parts), box)


def checked_runs(value: dict[str, Any], size: Size) -> Runs:
    """The pixels of a run-length code in an image of (height, width) `size`, decoded once.

    Raises:
        MalformedMaskError: no run-length code of this image.
        EmptyMaskError: there is nothing in it.
    """
    runs = runs_of(checked_code(value, *size), *size)
    if not len(runs.starts):
        raise EmptyMaskError("mask without a pixel")
    return runs


def checked_code(value: dict[str, Any], height: int, width: int) -> dict[str, Any]:
    """A run-length code for an image of this size, its runs not looked at yet.

    Raises:
        MalformedMaskError: it is made for another size, or its counts are neither text nor a list.
    """
    return {"size": [height, width], "counts": _plain_counts(value, height, width)}


def is_numbers(values: list[Any]) -> bool:
    """Return whether a list has numbers, and nothing else."""
    return bool(values) and _NUMBERS.issuperset(map(type, values))


def is_fractions(value: object) -> bool:
    """Return whether polygons have numbers from 0 to 1 only, of which some are no integers."""
    if not isinstance(value, list) or not value:
        return False
    numbers = [number for part in value if isinstance(part, list) for number in part]
    if not numbers or not all(isinstance(number, int | float) for number in numbers):
        return False
    return min(numbers) >= 0 and max(numbers) <= 1 and any(n not in (0, 1) for n in numbers)


def polygon_bounds(value: object, height: int, width: int) -> Box | None:
    """Bounds of polygons, cut to the image; None for all that is not a list of polygons."""
    if not isinstance(value, list) or not value:
        return None
    xs: list[float] = []
    ys: list[float] = []
    for part in value:
        if not isinstance(part, list) or not is_numbers(part) or len(part) < 6:
            return None
        xs += min(part[::2]), max(part[::2])
        ys += min(part[1::2]), max(part[1::2])
    try:
        left, top, right, bottom = float(min(xs)), float(min(ys)), float(max(xs)), float(max(ys))
    except OverflowError:
        return None
    box = max(left, 0.0), max(top, 0.0), min(right, float(width)), min(bottom, float(height))
    return box if box[2] > box[0] and box[3] > box[1] else None  # not for NaN either


def area_of(segmentation: Segmentation, height: int, width: int) -> float:
    """Pixels that a checked segmentation covers."""
    return float(runs_of(segmentation, height, width).area)


def runs_of(segmentation: Segmentation, height: int, width: int) -> Runs:
    """Runs of a checked segmentation.

    Raises:
        MalformedMaskError: a run-length code that does not describe an image of this size.
        DataError: What is wrong with the file of a `StoredMask`.
    """
    if isinstance(segmentation, list):
        codes = coco_mask.frPyObjects(segmentation, height, width)
        code = codes[0] if len(codes) == 1 else coco_mask.merge(codes)
        return Runs.of_lengths(_decompressed(code["counts"].decode("ascii")))
    if not isinstance(segmentation, dict):
        return segmentation.runs(height, width)
    counts = segmentation["counts"]
    lengths = _decompressed(counts) if isinstance(counts, str) else _listed(counts)
    if lengths.size and (int(lengths.min()) < 0 or int(lengths.max()) > height * width):
        raise MalformedMaskError("holds runs that are negative or longer than the image")
    total = int(lengths.sum())
    if total != height * width:
        raise MalformedMaskError(
            f"covers {total} pixels, the image has {height} x {width} = {height * width}"
        )
    return Runs.of_lengths(lengths)


def fill(mask: NDArray[np.bool_], runs: Runs) -> None:
    """Set the pixels of `runs` in `mask` (H, W), which is all False."""
    height = mask.shape[0]
    if not len(runs.starts):
        return
    # Only in the box of the object: most objects are far smaller than their image.
    x1, y1, x2, y2 = runs.bounds(height)
    rows = y2 - y1
    (first, top), (last, low) = np.divmod(runs.starts, height), np.divmod(runs.ends - 1, height)
    inside = np.zeros((x2 - x1) * rows + 1, dtype=np.int8)
    inside[(first - x1) * rows + top - y1] = 1
    inside[(last - x1) * rows + low - y1 + 1] -= 1  # 0 where the next run starts at once
    columns = inside[:-1].cumsum(dtype=np.int8).reshape(x2 - x1, rows)
    mask[y1:y2, x1:x2] = columns.T.view(bool)


def rasterised(segmentation: Segmentation, height: int, width: int) -> NDArray[np.bool_]:
    """Mask (height, width) of a checked segmentation."""
    mask = np.zeros((height, width), dtype=bool)
    fill(mask, runs_of(segmentation, height, width))
    return mask


def enclosing_box(runs: Runs, height: int) -> Box:
    """Smallest (x1, y1, x2, y2) around `runs` in an image of `height`, as floats."""
    x1, y1, x2, y2 = runs.bounds(height)
    return float(x1), float(y1), float(x2), float(y2)


def _named(value: object) -> str:
    return "a text" if isinstance(value, str) else f"a {type(value).__name__}"


def _plain_counts(code: dict[str, Any], height: int, width: int) -> str | list[int]:
    size, counts = code.get("size"), code.get("counts")
    if not isinstance(size, list | tuple) or list(size) != [height, width]:
        swapped = isinstance(size, list | tuple) and list(size) == [width, height]
        more = ": height and width are the other way round" if swapped else ""
        raise MalformedMaskError(
            f"is made for size {size!r}, the image has {[height, width]}{more}"
        )
    if isinstance(counts, bytes):
        counts = counts.decode("ascii", errors="replace")
    if isinstance(counts, str | list):
        return counts
    raise MalformedMaskError(f"has counts of type {type(counts).__name__}, not text or a list")


def _listed(counts: list[int]) -> Lengths:
    if not all(type(count) is int for count in counts):
        raise MalformedMaskError("has counts that are not all integers")
    try:
        return np.array(counts, dtype=np.int64)
    except OverflowError:
        raise MalformedMaskError("has counts longer than any image") from None


def _decompressed(text: str) -> Lengths:
    try:
        return decode_counts(text)
    except ValueError as error:
        raise MalformedMaskError(str(error)) from None


def _outline(part: object, height: int, width: int) -> _Outline | None:
    """The outline of a polygon; None with fewer than 3 points.

    Raises:
        MalformedMaskError: it is no polygon, or far outside of the image.
    """
    if not isinstance(part, list) or (part and not _NUMBERS.issuperset(map(type, part))):
        if isinstance(part, dict):
            keys = ", ".join(str(key) for key in list(part)[:4]) or "nothing in them"
            raise MalformedMaskError(f"is a list of objects with {keys}, not of polygons")
        raise MalformedMaskError("is not a list of polygons [[x1, y1, x2, y2, ...], ...]")
    if len(part) % 2:
        raise MalformedMaskError(f"has a polygon of {len(part)} numbers, which is odd")
    if len(part) < 6:
        return None
    try:
        box, outline, area = measured(part)
    except OverflowError:
        raise MalformedMaskError(_FAR) from None
    reach = max(height, width)
    # Also true for NaN, which compares as false.
    near = min(box[:2]) >= -reach and box[2] <= width + reach and box[3] <= height + reach
    if not near or outline != outline:
        raise MalformedMaskError(_FAR)
    if outline > min(MOST_OUTLINE, 8 * (height + 1) * (width + 1)):
        raise MalformedMaskError(f"has an outline of {math.floor(outline)} pixels")
    inside = min(box[:2]) >= 0 and box[2] <= width and box[3] <= height
    if inside and area > 2 * outline:
        return _Outline(box, True)
    # Small, thin or partly outside: only the rasteriser knows whether a pixel is left.
    return _Outline(box, bool(len(runs_of([part], height, width).starts)))


def _reason(outlines: Sequence[_Outline | None], height: int, width: int) -> str:
    """Return why polygons cover no pixel of an image."""
    boxes = [outline.bounds for outline in outlines if outline is not None]
    is_outside = [x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0 for x1, y1, x2, y2 in boxes]
    if boxes and all(is_outside):
        return MASK_OUTSIDE
    return "polygon with fewer than 3 points or without area"
