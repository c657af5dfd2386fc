"""Ids of an annotation file as integers, where they are texts, floats, file names or missing."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any, Final

from ...errors import DataError, counted
from .json_form import Entry, shown

_TABLES: Final = ("images", "categories", "annotations")
_REFERENCES: Final = (("image_id", "images"), ("category_id", "categories"))
_WHOLE: Final = re.compile(r"\s*[+-]?\d{1,18}\s*", re.ASCII)


def with_integer_ids(path: Path, top: Entry) -> tuple[Entry, list[str]]:
    """The tables of `top` with integer ids wherever only one meaning is possible, and remarks.

    Text of digits and whole floats are numbers. Other texts, such as file names, are numbered in
    the order of the file, and so are annotations without an id. An ``image_id`` may also be the
    name of a file, a ``category_id`` the name of a category. What has no meaning stays as it is
    and is refused by those who read it. `top` is not changed.

    Raises:
        DataError: D05 for two ids that are the same number.
    """
    if _is_plain(top):
        return top, []
    remarks: list[str] = []
    tables: Entry = dict(top)
    numbers: dict[str, dict[Any, int]] = {}
    for key in _TABLES:
        rows = top.get(key)
        if not isinstance(rows, list):
            continue
        new_ids, numbers[key] = _numbered(path, key, rows, remarks)
        tables[key] = [
            row if new is None else {**row, "id": new}
            for row, new in zip(rows, new_ids, strict=True)
        ]
    rows, changed = tables.get("annotations"), Counter[str]()
    if isinstance(rows, list):
        named = {"images": _by_file_name(tables), "categories": _by_name(tables)}
        known = {table: frozenset(ids.values()) for table, ids in numbers.items()}
        tables["annotations"] = [_referring(row, numbers, known, named, changed) for row in rows]
    remarks += [f"{count} x {reference} read as numbers" for reference, count in changed.items()]
    return tables, remarks


def number_of(value: object) -> int | None:
    """The integer that an id means by itself; None for other texts, and for what is no id."""
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    if isinstance(value, str) and _WHOLE.fullmatch(value):
        return int(value)
    return None


def _is_plain(top: Entry) -> bool:
    """Return whether all ids are integers, which is nearly always so."""
    for table, keys in (
        ("images", ("id",)),
        ("categories", ("id",)),
        ("annotations", ("id", "image_id", "category_id")),
    ):
        rows = top.get(table) or ()
        if not all(isinstance(row, dict) for row in rows):
            return False
        if any(set(map(type, [row.get(key) for row in rows])) - {int} for key in keys):
            return False
    return True


def _numbered(
    path: Path, key: str, rows: list[Any], remarks: list[str]
) -> tuple[list[int | None], dict[Any, int]]:
    """The new id of each row, None where it stays, and the number of each id as written."""
    new_ids: list[int | None] = [None] * len(rows)
    numbers: dict[Any, int] = {}
    written: dict[int, object] = {}
    named: list[tuple[int, Any]] = []
    for position, row in enumerate(rows):
        value = row.get("id") if isinstance(row, dict) else False
        number = number_of(value)
        if number is not None:
            if number in written and type(written[number]) is not type(value):
                raise DataError(
                    "D05",
                    f'{path.name}: "{key}" has ids {shown(written[number])} and {shown(value)}, '
                    "which are the same number. Give every entry its own id.",
                )
            written.setdefault(number, value)
            numbers[value] = number
            if type(value) is not int:
                new_ids[position] = number
        elif (isinstance(value, str) and value.strip()) or (value is None and key == "annotations"):
            named.append((position, value))
    converted = sum(new is not None for new in new_ids)
    if converted:
        remarks.append(f'ids of "{key}": {converted} x text or float read as a number')
    following = max(written, default=0) + 1
    for position, value in named:
        if value is not None and value in numbers:
            continue  # twice: told by whoever reads the table
        new_ids[position] = following
        if value is not None:
            numbers[value] = following
        following += 1
    if named:
        what = "without an id" if key == "annotations" else "with a text as id"
        remarks.append(
            f'ids of "{key}": {counted(len(named), "entry", "entries")} {what} numbered in the '
            f"order of the file, from {following - len(named)}"
        )
    return new_ids, numbers


def _referring(
    row: Any,
    numbers: Mapping[str, Mapping[Any, int]],
    known: Mapping[str, frozenset[int]],
    named: Mapping[str, Mapping[str, int]],
    changed: Counter[str],
) -> Any:
    """An annotation that names its image and category by integers, where they can be told."""
    if not isinstance(row, dict):
        return row
    new: dict[str, int] = {}
    for reference, table in _REFERENCES:
        value = row.get(reference)
        if type(value) is int or isinstance(value, bool | list | dict):
            continue
        number = numbers.get(table, {}).get(value)
        if number is None:
            number = number_of(value)
            if number not in known.get(table, ()):
                number = named[table].get(value) if isinstance(value, str) else None
        if number is not None:
            new[reference] = number
            changed[reference] += 1
    return {**row, **new} if new else row


def _by_file_name(tables: Entry) -> dict[str, int]:
    """Image ids by file name, base name and stem, where only one image has it."""
    names: list[tuple[str, int]] = []
    for row in tables.get("images") or ():
        name = row.get("file_name") if isinstance(row, dict) else None
        if isinstance(name, str) and type(row.get("id")) is int:
            whole = PureWindowsPath(name)
            names += [(key, row["id"]) for key in {name, whole.name, whole.stem}]
    return _unique(names)


def _by_name(tables: Entry) -> dict[str, int]:
    """Category ids by name, where only one category has it."""
    rows = tables.get("categories") or ()
    found = [(row.get("name"), row.get("id")) for row in rows if isinstance(row, dict)]
    return _unique([(n, i) for n, i in found if isinstance(n, str) and type(i) is int])


def _unique(pairs: Iterable[tuple[str, int]]) -> dict[str, int]:
    counts = Counter(key for key, _ in pairs)
    return {key: value for key, value in pairs if counts[key] == 1}
