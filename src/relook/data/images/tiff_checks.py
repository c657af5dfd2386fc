"""Directories of a TIFF file, walked before a library follows them."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Final

from ...errors import DataError

MOST_PAGES: Final = 100_000
"""Pages of a file."""

_HEAD: Final = 16  # bytes of the header of a BigTIFF


def check_directories(source: Path | bytes, label: str) -> None:
    """Refuse a TIFF file whose directories lead back to one of them, or never end.

    Raises:
        DataError: D02 for such a file.
    """
    with source.open("rb") if isinstance(source, Path) else io.BytesIO(source) as file:
        seen: set[int] = set()
        for offset in _offsets(file):
            if offset in seen:
                raise DataError(
                    "D02",
                    f"{label} is damaged: the directory of page {len(seen)} leads back to an "
                    "earlier one. Copy, download or save it again.",
                )
            seen.add(offset)
            if len(seen) > MOST_PAGES:
                raise DataError(
                    "D02",
                    f"{label} has more than {MOST_PAGES:,} pages. Save them in several files.",
                )


def _offsets(file: BinaryIO) -> Iterator[int]:
    """Offsets of the directories, one after the other; ends where one cannot be read."""
    head = file.read(_HEAD)
    order = "<" if head[:2] == b"II" else ">"
    is_big = head[2:4] in (b"+\0", b"\0+")
    count_form, offset_form, entry = ("Q", "Q", 20) if is_big else ("H", "I", 12)
    count_form, offset_form = order + count_form, order + offset_form
    start = 8 if is_big else 4
    width = struct.calcsize(offset_form)
    try:
        (offset,) = struct.unpack(offset_form, head[start : start + width])
        while offset:
            yield offset
            file.seek(offset)
            (entries,) = struct.unpack(count_form, file.read(struct.calcsize(count_form)))
            file.seek(entries * entry, io.SEEK_CUR)
            (offset,) = struct.unpack(offset_form, file.read(width))
    except (struct.error, OSError, OverflowError, ValueError):
        return  # what is beyond is not followed by the library either
