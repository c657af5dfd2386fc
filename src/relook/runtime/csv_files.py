"""Tables as csv that spreadsheets open as what they are."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from .files import replacing

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""Beginnings of formulas, and of what may hide one; the last four are wide forms of the first."""


def csv_text(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """The table with a first line of `columns`; see `csv_cell` for the values."""
    text = io.StringIO()
    _write(text, columns, rows)
    return text.getvalue()


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write the table line by line, as a whole or not at all.

    Raises:
        RelookError: R02 when the file cannot be written.
    """
    with (
        replacing(path) as draft,
        draft.open("w", encoding="utf-8", errors="backslashreplace", newline="") as file,
    ):
        _write(file, columns, rows)


def read_csv(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    """The columns and rows of a table whose first line names its columns, as text.

    Bytes that are not UTF-8 are read as Latin-1, a semicolon or tab in the first line separates
    values as a comma does, and the apostrophe that `csv_cell` puts before formulas is taken away.

    Raises:
        OSError: the file cannot be read.
        ValueError: it is no such table.
    """
    content = path.read_bytes()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("latin-1")
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
    except csv.Error as error:
        raise ValueError(str(error)) from None
    columns = [_plain(name).strip() for name in lines[0]] if lines else []
    if not any(columns):
        raise ValueError("its first line names no columns")
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if not line:
            continue
        if len(line) != len(columns):
            raise ValueError(f"row {number} has {len(line)} values for {len(columns)} columns")
        rows.append(dict(zip(columns, map(_plain, line), strict=True)))
    return columns, rows


def _plain(text: str) -> str:
    return text[1:] if text.startswith("'") and text[1:].startswith(_FORMULA) else text


def csv_cell(value: Any) -> Any:
    """A value for the csv writer.

    Text that a spreadsheet would take for a formula gets an apostrophe in front, so that a class
    or a file called ``=cmd`` stays text. None and NaN are empty; True and False are 1 and 0.
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, str) and value.startswith(_FORMULA) and not _is_number(value):
        return f"'{value}"
    return value


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _write(file: Any, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([csv_cell(name) for name in columns])
    writer.writerows([csv_cell(value) for value in row] for row in rows)
