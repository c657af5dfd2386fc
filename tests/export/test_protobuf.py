"""Strict reading of protobuf's wire format."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relook.export import protobuf
from relook.export.protobuf import Field, Message, parsed

POINT: Message = {1: Field("x", "int"), 2: Field("name", "text")}
MESSAGE: Message = {
    1: Field("count", "int"),
    2: Field("points", POINT, repeated=True),
    3: Field("numbers", "int", repeated=True),
    4: Field("raw", "bytes"),
    5: Field("share", "float"),
    6: Field("shares", "float", repeated=True),
    7: Field("other", "skipped"),
}


def read(data: bytes) -> dict[str, object]:
    return parsed(memoryview(data), MESSAGE)


def test_every_kind_of_field() -> None:
    data = (
        b"\x08\x96\x01"  # count: 150
        b"\x12\x05\x08\x07\x12\x01a"  # a point, x 7, called a
        b"\x12\x00"  # a point without anything
        b"\x18\x05\x1a\x02\x01\x02"  # numbers: one by itself, two packed
        b"\x22\x02hi\x2d\x00\x00\x80\x3f\x32\x04\x00\x00\x00\x00\x3a\x03\xff\xff\xff"
    )
    values = read(data)
    assert values["count"] == 150
    assert values["points"] == [{"x": 7, "name": "a"}, {"x": None, "name": None}]
    assert values["numbers"] == [5, 1, 2]
    assert bytes(values["raw"]) == b"hi"  # type: ignore[call-overload]
    assert (values["share"], values["shares"]) == (b"\0\0\x80\x3f", [b"\0\0\0\0"])


def test_whole_numbers_have_64_bits_and_a_sign() -> None:
    assert read(b"\x08" + b"\xff" * 9 + b"\x01")["count"] == -1
    for damaged in (b"\x08" + b"\xff" * 9 + b"\x02", b"\x08" + b"\x80" * 11 + b"\x01"):
        with pytest.raises(ValueError, match="64 bits"):
            read(damaged)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\x08\x01\x08\x01", "'count' twice"),
        (b"\x78\x01", "field 15"),
        (b"\x09" + b"\0" * 8, "'count' is coded"),  # 64 bits in place of a varint
        (b"\x0a\x01\x01", "'count' is coded"),  # packed, and not repeated
        (b"\x13\x14", "'points' is coded"),  # a group
        (b"\x22\x05hi", "cut off"),
        (b"\x08", "cut off"),
        (b"\x32\x03abc", "middle of a number"),
        (b"\x12\x03\x12\x01\xff", "utf-8"),
    ],
)
def test_anything_else_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        read(data)


def test_a_file_of_countless_parts_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protobuf, "MOST", 10)
    for data in (b"\x12\x00" * 11, b"\x1a\x0b" + b"\x01" * 11, b"\x12\x02\x08\x01" * 6):
        with pytest.raises(ValueError, match="more than 10 parts"):
            read(data)
    assert read(b"\x12\x02\x08\x01" * 5)["points"] == [{"x": 1, "name": None}] * 5


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    with contextlib.suppress(ValueError):
        read(data)
