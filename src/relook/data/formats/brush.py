"""Run lengths of Label Studio's brush: packed bits of an RGBA picture.

32 bits say how many values there are, 5 bits the bits of a value less one, and four times 4 bits
the bits of a length less one. Then, for each run: 1 bit, whether it is one value or several; 2 bits
choose one of the four; the length less one; and the value or values. The mask is the fourth of
every four values, where it is above 0.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...structures.detection import Size
from .geometry import UnusableShapeError

_MOST_BYTES = 1 << 28


def brush_mask(codes: object, size: Size) -> NDArray[np.bool_]:
    """The mask (H, W) of a list of bytes as Label Studio writes it.

    Raises:
        UnusableShapeError: the bytes are no such code of an image of this size.
    """
    if not isinstance(codes, list) or not codes or len(codes) > _MOST_BYTES:
        raise UnusableShapeError("has a brush without run lengths")
    if not all(type(code) is int and 0 <= code <= 255 for code in codes):
        raise UnusableShapeError("has a brush whose run lengths are no bytes")
    bits = np.unpackbits(np.array(codes, np.uint8))
    reader = _Bits(bits)
    count, word = reader.number(32), reader.number(5) + 1
    lengths = [reader.number(4) + 1 for _ in range(4)]
    height, width = size
    if count != 4 * height * width or word != 8:
        raise UnusableShapeError(
            f"has a brush of {count} values of {word} bits, and {4 * height * width} are needed"
        )
    alpha = np.zeros(count, np.uint8)
    done = 0
    while done < count:
        is_run = reader.number(1)
        length = reader.number(lengths[reader.number(2)]) + 1
        end = done + length
        if end > count:
            raise UnusableShapeError("has a brush with more values than its image")
        alpha[done:end] = reader.number(word) if is_run else reader.bytes(length)
        done = end
    return np.asarray(alpha[3::4].reshape(height, width) > 0)


class _Bits:
    """Numbers of so many bits from an array of bits, the highest first."""

    def __init__(self, bits: NDArray[np.uint8]) -> None:
        self._bits, self._place = bits, 0

    def number(self, length: int) -> int:
        number = 0
        for bit in self._taken(length).tolist():
            number = number << 1 | bit
        return number

    def bytes(self, count: int) -> NDArray[Any]:
        return np.packbits(self._taken(8 * count))

    def _taken(self, length: int) -> NDArray[np.uint8]:
        part = self._bits[self._place : self._place + length]
        if len(part) < length:
            raise UnusableShapeError("has a brush whose run lengths are cut off")
        self._place += length
        return part
