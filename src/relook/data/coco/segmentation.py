"""Masks of annotations: polygons and run-length codes, checked before C code sees them, and maps.

pycocotools reads memory that is not its own when a run-length code is malformed or when a
polygon leaves the image by far. Here every code is decoded and checked in numpy, and polygons
are handed over only with finite coordinates near the image and outlines of sane length.

A mask is represented by its *runs* in between: lengths of background, foreground, background,
... down the columns of the image, which is what all run-length codes of COCO mean.
"""

from __future__ import annotations

import math
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from ...ops.rle import decode_counts

Runs = NDArray[np.int64]


class StoredMask(Protocol):
    """A mask whose pixels stay in a file of their own until they are needed."""

    def runs(self, height: int, width: int) -> Runs:
        """Its runs in an image of this size; they sum to the number of pixels.

        Raises:
            DataError: What is wrong with the file.
        """
        ...


Coded = list[list[float]] | dict[str, Any]  # as it stands in a json: polygons, run lengths
Segmentation = Coded | StoredMask

_MOST_OUTLINE = 4_000_000  # pixels; the rasteriser keeps 80 bytes for each


class MalformedMaskError(ValueError):
    """Not a mask at all; the message says why, as the end of a sentence about the annotation."""


class EmptyMaskError(ValueError):
    """A well-formed mask without a single pixel; the message is the reason to count it under."""


def checked(value: object, height: int, width: int) -> tuple[Coded, int]:
    """A segmentation that is safe to rasterise, and how many of its polygons were left out.

    Polygons left out have fewer than three points or cover no pixel of the image.

    Raises:
        MalformedMaskError: neither polygons nor a run-length code of this image.
        EmptyMaskError: there is nothing in it.
    """
    if isinstance(value, dict):
        code = {"size": [height, width], "counts": _plain_counts(value, height, width)}
        if not runs_of(code, height, width)[1::2].any():
            raise EmptyMaskError("mask without a pixel")
        return code, 0
    if not isinstance(value, list):
        raise MalformedMaskError(f"is a {type(value).__name__}, not polygons or a run-length code")
    parts = [part for part in value if _is_usable_polygon(part, height, width)]
    if not parts:
        raise EmptyMaskError("polygon with fewer than 3 points or without area")
    return parts, len(value) - len(parts)


def runs_of(segmentation: Segmentation, height: int, width: int) -> Runs:
    """Runs of a checked segmentation; they sum to the number of pixels.

    Raises:
        MalformedMaskError: a run-length code that does not describe an image of this size.
        DataError: What is wrong with the file of a `StoredMask`.
    """
    if isinstance(segmentation, list):
        codes = coco_mask.frPyObjects(segmentation, height, width)
        code = codes[0] if len(codes) == 1 else coco_mask.merge(codes)
        return _decompressed(code["counts"].decode("ascii"))
    if not isinstance(segmentation, dict):
        return segmentation.runs(height, width)
    counts = segmentation["counts"]
    runs = _decompressed(counts) if isinstance(counts, str) else _listed(counts)
    if runs.size and (int(runs.min()) < 0 or int(runs.max()) > height * width):
        raise MalformedMaskError("holds runs that are negative or longer than the image")
    total = int(runs.sum())
    if total != height * width:
        raise MalformedMaskError(
            f"covers {total} pixels, the image has {height} x {width} = {height * width}"
        )
    return runs


def fill(mask: NDArray[np.bool_], runs: Runs) -> None:
    """Set the foreground of `runs` in `mask` (H, W), which is all False."""
    height = mask.shape[0]
    ends = runs.cumsum()
    starts, stops = ends[: len(runs) // 2 * 2 : 2], ends[1::2]
    filled = stops > starts
    if not filled.any():
        return
    # Only the columns that the object touches: most objects are far smaller than their image.
    left = int(starts[filled][0]) // height
    right = (int(stops[filled][-1]) - 1) // height + 1
    inside = np.zeros((right - left) * height + 1, dtype=np.int8)
    inside[starts[filled] - left * height] = 1
    inside[stops[filled] - left * height] -= 1  # 0 where the next run starts at once
    columns = inside[:-1].cumsum(dtype=np.int8).reshape(right - left, height)
    mask[:, left:right] = columns.T.astype(bool)


def rasterised(segmentation: Segmentation, height: int, width: int) -> NDArray[np.bool_]:
    """Mask (height, width) of a checked segmentation."""
    mask = np.zeros((height, width), dtype=bool)
    fill(mask, runs_of(segmentation, height, width))
    return mask


def enclosing_box(runs: Runs, height: int) -> tuple[float, float, float, float]:
    """Smallest (x1, y1, x2, y2) around the foreground of `runs`, which is not empty.

    Needs no mask in memory, however large the image says it is.
    """
    ends = runs.cumsum()
    starts, stops = ends[: len(runs) // 2 * 2 : 2], ends[1::2]
    filled = stops > starts
    first, last = starts[filled], stops[filled] - 1
    top, bottom = int((first % height).min()), int((last % height).max())
    if (first // height != last // height).any():  # a run over the end of a column
        top, bottom = 0, height - 1
    return float(first[0] // height), float(top), float(last[-1] // height + 1), float(bottom + 1)


def _plain_counts(code: dict[str, Any], height: int, width: int) -> str | list[int]:
    size, counts = code.get("size"), code.get("counts")
    if not isinstance(size, list | tuple) or list(size) != [height, width]:
        raise MalformedMaskError(f"is made for size {size!r}, the image has {[height, width]}")
    if isinstance(counts, bytes):
        counts = counts.decode("ascii", errors="replace")
    if isinstance(counts, str | list):
        return counts
    raise MalformedMaskError(f"has counts of type {type(counts).__name__}, not text or a list")


def _listed(counts: list[int]) -> Runs:
    if not all(type(count) is int for count in counts):
        raise MalformedMaskError("has counts that are not all integers")
    try:
        return np.array(counts, dtype=np.int64)
    except OverflowError:
        raise MalformedMaskError("has counts longer than any image") from None


def _decompressed(text: str) -> Runs:
    try:
        return decode_counts(text)
    except ValueError as error:
        raise MalformedMaskError(str(error)) from None


def _is_usable_polygon(part: object, height: int, width: int) -> bool:
    """Return whether a polygon covers a pixel of the image; raises MalformedMaskError if it is
    none.
    """
    if not isinstance(part, list) or not all(type(value) in (int, float) for value in part):
        raise MalformedMaskError("is not a list of polygons [[x1, y1, x2, y2, ...], ...]")
    if len(part) % 2:
        raise MalformedMaskError(f"has a polygon of {len(part)} numbers, which is odd")
    if len(part) < 6:
        return False
    try:
        points = np.array(part, dtype=np.float64).reshape(-1, 2)
    except OverflowError:
        points = np.full((1, 2), np.inf)
    low, high = points.min(axis=0), points.max(axis=0)
    reach = max(height, width)
    # Also true for NaN, which compares as false.
    if not (low.min() >= -reach and high[0] <= width + reach and high[1] <= height + reach):
        raise MalformedMaskError("has a polygon with coordinates that are far outside of the image")
    following = np.concatenate([points[1:], points[:1]])
    outline = float(np.abs(following - points).sum())
    if outline > min(_MOST_OUTLINE, 8 * (height + 1) * (width + 1)):
        raise MalformedMaskError(f"has an outline of {math.floor(outline)} pixels")
    area = abs(float((points[:, 0] * following[:, 1] - following[:, 0] * points[:, 1]).sum())) / 2
    inside = low.min() >= 0 and high[0] <= width and high[1] <= height
    if inside and area > 2 * outline:
        return True
    # Small, thin or partly outside: only the rasteriser knows whether a pixel is left.
    return bool(runs_of([part], height, width)[1::2].any())
