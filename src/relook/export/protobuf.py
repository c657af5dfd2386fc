"""Strict reading of protobuf's wire format, by a description of the messages that may be there.

Readers of protobuf skip what they do not know, and put parts of a message together that are there
twice. Here both are errors: what another reader would see in the same bytes is then the same.
Nothing is copied; bytes are views of the content. A part of two bytes takes hundreds of them once
it is read, so that there are at most `MOST` parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

Kind = Literal["int", "float", "text", "bytes", "skipped"]
Values = dict[str, Any]
"""A message: field -> value, or list of values where it may be repeated. Fields that are absent
are None, and repeated ones empty."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT: Final = 10  # bytes
MOST: Final = 1_000_000  # fields and numbers; files of relook have some ten thousand
_SIGN, _RANGE = 1 << 63, 1 << 64


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message: its name, and what it holds.

    `kind` is a message where it is a mapping of numbers to fields. Fields that are ``skipped`` are
    of no use to the reader; they are not looked into.
    """

    name: str
    kind: Kind | Mapping[int, Field]
    repeated: bool = False


Message = Mapping[int, Field]


class _Count:
    """Counts the parts of one file."""

    def __init__(self) -> None:
        self._left = MOST

    def take(self, number: int = 1) -> None:
        self._left -= number
        if self._left < 0:
            raise ValueError(f"it has more than {MOST:,} parts")


def parsed(data: memoryview, message: Message) -> Values:
    """The values in `data`, which is one `message`.

    Raises:
        ValueError: bytes that are no such message, fields that it does not have, fields that are
            there twice, more than `MOST` in all; the text is the end of a sentence about the file.
    """
    return _message(data, message, _Count())


def _message(data: memoryview, message: Message, count: _Count) -> Values:
    values: Values = {field.name: [] if field.repeated else None for field in message.values()}
    place, end = 0, len(data)
    while place < end:
        count.take()
        key, place = _varint(data, place)
        number, wire = key >> 3, key & 7
        field = message.get(number)
        if field is None:
            raise ValueError(f"it has a part (field {number}) that no file of relook has")
        value, place = _value(data, place, wire, field, count)
        if field.repeated:
            values[field.name].extend(value if isinstance(value, list) else [value])
        elif values[field.name] is not None:
            raise ValueError(f"it has {field.name!r} twice where one belongs")
        else:
            values[field.name] = value
    return values


def _value(data: memoryview, place: int, wire: int, field: Field, count: _Count) -> tuple[Any, int]:
    kind = field.kind
    if kind == "int" and wire == _VARINT:
        value, place = _varint(data, place)
        return _signed(value), place
    if kind == "float" and wire == _FIXED32:
        return bytes(_slice(data, place, 4)), place + 4
    if kind == "skipped" and wire == _VARINT:
        return _varint(data, place)
    if wire != _BYTES:
        raise ValueError(f"its {field.name!r} is coded as no file of relook has it")
    length, place = _varint(data, place)
    content, end = _slice(data, place, length), place + length
    if kind in ("bytes", "skipped"):
        return content, end
    if kind == "text":
        return bytes(content).decode("utf-8"), end
    if isinstance(kind, Mapping):
        return _message(content, kind, count), end
    if not field.repeated:
        raise ValueError(f"its {field.name!r} is coded as no file of relook has it")
    count.take(length // 4 if kind == "float" else length)
    return _packed(content, kind), end


def _packed(content: memoryview, kind: str) -> list[Any]:
    """Numbers one after the other."""
    if kind == "float":
        if len(content) % 4:
            raise ValueError("it ends in the middle of a number")
        return [bytes(content[place : place + 4]) for place in range(0, len(content), 4)]
    values, place = [], 0
    while place < len(content):
        value, place = _varint(content, place)
        values.append(_signed(value))
    return values


def _slice(data: memoryview, place: int, length: int) -> memoryview:
    if length > len(data) - place:
        raise ValueError("it is cut off")
    return data[place : place + length]


def _varint(data: memoryview, place: int) -> tuple[int, int]:
    """The number at `place`, from 0 to 2^64 - 1, and the place after it."""
    value = 0
    for count in range(_LONGEST_VARINT):
        if place >= len(data):
            raise ValueError("it is cut off")
        byte = data[place]
        place += 1
        value |= (byte & 127) << (7 * count)
        if byte < 128:
            if value >= _RANGE:
                break
            return value, place
    raise ValueError("it has a number of more than 64 bits")


def _signed(value: int) -> int:
    return value - _RANGE if value >= _SIGN else value
