"""Writing of json that never stands in memory as a whole."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from .files import replacing


def write_json(path: Path | str, value: Any) -> None:
    """Write `value` as json to `path` in UTF-8, as a whole or not at all; see `dump_json`.

    Raises:
        RelookError: R02 when the file cannot be written.
    """
    with replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
        dump_json(file, value)
        file.write("\n")


def dump_json(file: IO[str], value: Any) -> None:
    """Write `value` as json to an open file.

    An iterator becomes a list, written element by element as it gives them; it may stand in
    dictionaries and in the elements of other iterators.
    """
    if isinstance(value, Iterator):
        file.write("[")
        for number, element in enumerate(value):
            file.write(",\n" if number else "\n")
            dump_json(file, element)
        file.write("]")
    elif isinstance(value, dict) and _has_iterator(value):
        for number, (key, element) in enumerate(value.items()):
            file.write(f"{', ' if number else '{'}{json.dumps(key)}: ")
            dump_json(file, element)
        file.write("}")
    else:
        file.write(json.dumps(value))


def _has_iterator(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_iterator, value.values()))
    return isinstance(value, Iterator)
