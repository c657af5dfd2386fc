"""Json files: written piece by piece, and damage that is named."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relook.errors import DataError
from relook.runtime.json_files import dump_json, parse_json, read_json, write_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=12,
)


def lazy(value: Any) -> Any:
    """The value with iterators in place of the lists that `dump_json` may find."""
    if isinstance(value, dict):
        return {key: lazy(element) for key, element in value.items()}
    return (lazy(element) for element in value) if isinstance(value, list) else value


@given(values)
def test_iterators_become_lists(value: Any) -> None:
    file = io.StringIO()
    dump_json(file, lazy(value))
    assert json.loads(file.getvalue()) == value


def test_elements_are_written_as_they_come() -> None:
    file = io.StringIO()

    def elements() -> Iterator[dict[str, int]]:
        for number in range(3):
            assert file.getvalue().count("number") == number
            yield {"number": number}

    dump_json(file, {"version": 1, "elements": elements()})
    assert json.loads(file.getvalue())["elements"][2] == {"number": 2}


def test_a_file_is_whole_or_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, iter([1, {"b": iter(())}]))
    assert json.loads(path.read_text()) == [1, {"b": []}]

    def broken() -> Iterator[int]:
        yield 1
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        write_json(path, broken())
    assert json.loads(path.read_text()) == [1, {"b": []}]
    assert [found.name for found in tmp_path.iterdir()] == ["a.json"]


@dataclass(frozen=True)
class Done:
    steps: int
    on: str | None = None


def test_values(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"steps": 3}')
    assert read_json(path, Done, "") == Done(3)
    assert read_json(path, dict[str, Any], "") == {"steps": 3}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b'{"steps": "x"}',
        b'{"on": "cpu"}',
        b'{"steps": 1',
        b"\xff",
        b"[" * 100_000,
        b"9" * 9000,
        b'{"steps": ' + b"9" * 9000 + b"}",
    ],
    ids=lambda content: repr(content[:12]),
)
def test_damage_is_named_with_what_to_do(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(
        DataError, match=r"D03: .*a\.json is damaged \(.+\)\. Delete it\."
    ) as caught:
        read_json(tmp_path / "a.json", Done, "Delete it.")
    assert len(caught.value.message) < 500


def test_missing_files_and_folders(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"D01.*no such file\. Run it again"):
        read_json(tmp_path / "a.json", Done, "Run it again.")
    with pytest.raises(DataError, match="D03"):
        read_json(tmp_path, Done, "")


@given(values)
def test_parsing_equals_json(value: Any) -> None:
    text = json.dumps(value, ensure_ascii=False).encode("utf-8", "surrogatepass")
    assert parse_json(json.dumps(value).encode()) == value
    if b"\xed" not in text:
        assert repr(parse_json(text)) == repr(json.loads(text))


@pytest.mark.parametrize(
    "text",
    [
        *(b"NaN", b"-Infinity", b"1e400", b"1e-400", b"-0", b"-0.0", b"1E5", b"9007199254740993.0"),
        *(b"12345678901234567890123", b"18446744073709551616", b"9" * 5000, b"01", b"1.", b"+1"),
        *(b'"\\ud800"', b'"\\ud83e\\uddab"', b'"\xff"', b'"\xed\xa0\x80"', b'"\x01"', b'"\\x"'),
        *(b'{"a":1,"a":2}', b'{"a":1,}', b"[1,]", b"{} x", b"", b"[" * 100_000, b"// c\n{}"),
        *(b"\xef\xbb\xbf{}", b"\xef\xbb\xbf[NaN]", "[1]".encode("utf-16"), b" \r\n\t[]", b"tru"),
    ],
    ids=lambda text: repr(text[:20]),
)
def test_parsing_takes_and_refuses_what_json_does(text: bytes) -> None:
    assert outcome(parse_json, text) == outcome(json.loads, text)


def outcome(parse: Any, text: bytes) -> str:
    try:
        return repr(parse(text))
    except (ValueError, RecursionError) as error:
        return type(error).__name__
