"""COCO run lengths without whole-image masks: coded from a window, and decoded to a window.

A mask is coded column by column as the lengths of its runs of zeros and ones in turn, zeros
first. The cost of hundreds of small objects is that of their windows, not that of the image.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco_mask

from .runs import Runs, runs_window, window_runs

_AT_ONCE: Final = 255  # masks of a list that pycocotools can count; it fails for more
RLE = dict[str, Any]  # {"size": [H, W], "counts": compressed runs as a string}


def encode_mask(mask: NDArray[np.bool_]) -> RLE:
    """Compressed code of a whole mask (H, W), fit for json."""
    return encode_window(mask, 0, 0, (mask.shape[0], mask.shape[1]))


def encode_window(window: NDArray[np.bool_], left: int, top: int, size: tuple[int, int]) -> RLE:
    """Compressed code of a mask of `size` (H, W) that is `window` (h, w) at (left, top), else 0.

    Equal to coding the whole mask, and fit for json.
    """
    return encode_runs(window_runs(window, left, top, size[0]), size)


def encode_runs(runs: Runs, size: tuple[int, int]) -> RLE:
    """Compressed code of the mask of `size` (H, W) that has `runs`, fit for json."""
    height, width = size
    changes = np.stack([runs.starts, runs.ends], axis=1).ravel()
    edges = np.concatenate([[0], changes[changes < height * width], [height * width]])
    counts = {"size": [height, width], "counts": np.diff(edges).tolist()}
    code = coco_mask.frPyObjects(counts, height, width)
    return {"size": [height, width], "counts": code["counts"].decode("ascii")}


def areas(codes: Sequence[RLE]) -> NDArray[np.int64]:
    """Pixels (N,) of each of N masks."""
    parts = [codes[start : start + _AT_ONCE] for start in range(0, len(codes), _AT_ONCE)]
    found = [coco_mask.area(list(part)) for part in parts]
    return np.concatenate([np.zeros(0, np.int64), *found]).astype(np.int64)


def decode_runs(rle: RLE) -> Runs:
    """The runs of a compressed code, which must be one of a mask of its size."""
    return Runs.of_lengths(decode_counts(rle["counts"]))


def decode_window(rle: RLE) -> tuple[NDArray[np.bool_], int, int]:
    """The object of a compressed code: its window (h, w), and the window's x and y.

    The window has no empty border, and no pixels when the mask is empty. The code must be valid
    for its size: codes from files are checked by `data.coco.segmentation` first.
    """
    return runs_window(decode_runs(rle), int(rle["size"][0]))


def decode_counts(text: str) -> NDArray[np.int64]:
    """Lengths of the runs of a compressed string: base 32 digits, least first, as differences.

    Each run from the fourth on is stored as its difference to the run two before.

    Raises:
        ValueError: the string is invalid; the message is the end of a sentence about the code.
    """
    try:
        digits = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64) - 48
    except UnicodeEncodeError:
        raise ValueError("has characters that no run-length code has") from None
    if digits.size and (int(digits.min()) < 0 or int(digits.max()) > 63):
        raise ValueError("has characters that no run-length code has")
    last = np.flatnonzero(digits < 32)  # after a digit of 32 and more, another follows
    if not last.size or last[-1] != digits.size - 1:
        raise ValueError("ends in the middle of a number")
    first = np.concatenate([[0], last[:-1] + 1])
    lengths = last - first + 1
    if int(lengths.max()) > 7:
        raise ValueError("has runs longer than any image")
    shifts = 5 * (np.arange(digits.size) - first.repeat(lengths))
    runs = np.add.reduceat((digits & 31) << shifts, first)
    runs -= np.where(digits[last] & 16, np.int64(1) << (5 * lengths), 0)
    runs[1::2] = runs[1::2].cumsum()
    runs[2::2] = runs[2::2].cumsum()
    return runs
