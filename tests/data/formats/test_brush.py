"""Run lengths of Label Studio's brush against an encoder written for the test."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from numpy.typing import NDArray

from relook.data.formats.brush import brush_mask
from relook.data.formats.geometry import UnusableShapeError

LENGTHS = (3, 4, 8, 16)  # bits


def _bits(number: int, length: int) -> str:
    return format(number, f"0{length}b")


def brush_codes(mask: NDArray[np.bool_]) -> list[int]:
    """Bytes of a mask as the tool packs them: runs, and single values where runs are short."""
    values = np.repeat(mask.ravel().astype(np.uint8) * 255, 4).tolist()
    text = _bits(len(values), 32) + _bits(7, 5) + "".join(_bits(k - 1, 4) for k in LENGTHS)
    for value, group in groupby(values):
        length = len(list(group))
        row = next(i for i, bits in enumerate(LENGTHS) if length <= 2**bits)
        is_run = length > 4
        text += ("1" if is_run else "0") + _bits(row, 2) + _bits(length - 1, LENGTHS[row])
        text += _bits(value, 8) * (1 if is_run else length)
    text += "0" * (-len(text) % 8)
    return [int(text[i : i + 8], 2) for i in range(0, len(text), 8)]


def test_masks_come_back() -> None:
    random = np.random.default_rng(0)
    for share in (0.0, 0.2, 0.9, 1.0):
        mask = random.random((7, 9)) < share
        assert np.array_equal(brush_mask(brush_codes(mask), (7, 9)), mask)


def test_what_is_no_brush() -> None:
    codes = brush_codes(np.ones((7, 9), bool))
    for wrong, size, words in (
        (codes, (7, 8), "224 are needed"),
        (codes[:8], (7, 9), "cut off"),
        (None, (7, 9), "without run lengths"),
        ([300], (7, 9), "no bytes"),
        ([0, 0, 0, 252, *[255] * 40], (7, 9), "bits, and 252 are needed|more values"),
    ):
        with pytest.raises(UnusableShapeError, match=words):
            brush_mask(wrong, size)
