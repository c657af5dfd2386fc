"""Tables of a large annotation file, read row by row so that its polygons are packed at once."""

from __future__ import annotations

import codecs
from pathlib import Path
from typing import Any, Final

import msgspec

from ...runtime.json_files import REFUSED, without_mark
from .packed_polygons import packed

_STEP: Final = 1 << 20  # bytes that are looked at in one step


def packed_tables(path: Path) -> dict[str, Any] | None:
    """The json in a file, with packed polygons in "annotations"; None for all that is unusual.

    What it gives is what a strict reader gives, which also has the words for a file that is
    damaged: see `json_form.parsed`.
    """
    try:
        return _tables(path.read_bytes())
    except (OSError, *REFUSED):
        return None


def _tables(data: bytes) -> dict[str, Any]:
    _require_utf8(data)
    raw = msgspec.json.decode(without_mark(data), type=dict[str, msgspec.Raw])
    table = raw.pop("annotations", None)
    top: dict[str, Any] = {key: msgspec.json.decode(value) for key, value in raw.items()}
    if table is None:
        return top
    rows = msgspec.json.decode(table, type=list[msgspec.Raw])
    del raw, table, data  # the bytes go with the last row
    decode = msgspec.json.Decoder().decode
    rows.reverse()
    annotations: list[Any] = []
    while rows:
        row = decode(rows.pop())
        if type(row) is dict:
            polygons = packed(row.get("segmentation"))
            if polygons is not None:
                row["segmentation"] = polygons
        annotations.append(row)
    return {**top, "annotations": annotations}


def _require_utf8(data: bytes) -> None:
    """Raise `UnicodeDecodeError` for bytes that are not UTF-8, also where no value is taken."""
    if data.isascii():
        return
    decoder = codecs.getincrementaldecoder("utf-8")()
    view = memoryview(data)
    for start in range(0, len(view), _STEP):
        decoder.decode(view[start : start + _STEP])
    decoder.decode(b"", final=True)
