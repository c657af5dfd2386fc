"""Reduction of a checkpoint's metadata to plain data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import numpy as np

from .stand_ins import NumpyArray, NumpyType

_DEEPEST: Final = 20  # containers in containers
_MAX_VALUES: Final = 200_000  # values to visit; a list that contains itself has no end
_MAX_TEXT: Final = 16 * 2**20  # characters in all
_LARGEST: Final = 10_000  # elements of an array that becomes lists
_BITS: Final = 64


def plain_data(value: Any) -> tuple[Any, Counter[str]]:
    """`value` as dicts, lists, text and numbers, and the count of dropped values by kind.

    Tuples become lists and keys become text. The result is a finite tree for json, also where
    `value` contains itself.
    """
    copier = _Copier()
    return copier.copy(value, 0), copier.dropped


class _Dropped:
    """Placeholder of a value that is not plain."""


_DROPPED: Final = _Dropped()


class _Copier:
    def __init__(self) -> None:
        self.dropped: Counter[str] = Counter()
        self.values = 0
        self.text = 0

    def copy(self, value: Any, depth: int) -> Any:
        self.values += 1
        if self.values > _MAX_VALUES or depth > _DEEPEST:
            return self.drop("values that are nested too deeply or too many")
        if value is None or isinstance(value, bool | float):
            return value
        if isinstance(value, int):
            return value if value.bit_length() <= _BITS else self.drop("numbers that are too large")
        if isinstance(value, str):
            self.text += len(value)
            return value if self.text <= _MAX_TEXT else self.drop("values that are too long")
        if isinstance(value, NumpyArray):
            return self.array(value.array)
        if isinstance(value, NumpyType):
            return str(value.dtype)
        if isinstance(value, Mapping):
            return self.mapping(value, depth)
        if isinstance(value, list | tuple):
            return self.sequence(value, depth)
        return self.drop(type(value).__name__)

    def array(self, array: np.ndarray[Any, Any]) -> Any:
        if array.size > _LARGEST or array.dtype.kind not in "biuf":
            return self.drop("large arrays")
        self.values += array.size  # the same array may be there any number of times
        return array.tolist() if self.values <= _MAX_VALUES else self.drop("large arrays")

    def mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, item in value.items():
            self.text += _length(key)
            long = self.text > _MAX_TEXT
            copy = self.drop("values that are too long") if long else self.copy(item, depth + 1)
            if copy is not _DROPPED:
                result[str(key)] = copy
            if self.values > _MAX_VALUES:
                break
        return result

    def sequence(self, value: list[Any] | tuple[Any, ...], depth: int) -> list[Any]:
        result = []
        for item in value:
            copy = self.copy(item, depth + 1)
            if copy is not _DROPPED:
                result.append(copy)
            if self.values > _MAX_VALUES:
                break
        return result

    def drop(self, kind: str) -> _Dropped:
        self.dropped[kind] += 1
        return _DROPPED


def _length(key: Any) -> int:
    """Approximate number of characters in a key of a dictionary."""
    parts = key if isinstance(key, tuple) else (key,)
    return sum(len(part) for part in parts if isinstance(part, str | bytes))
