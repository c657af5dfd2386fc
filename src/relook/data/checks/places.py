"""Annotation files of a folder, and the folders of their images."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from shlex import quote
from typing import Final

from ...errors import DataError
from ...runtime.json_files import without_mark
from ..coco.json_form import Entry, checked_tables, load_tables, parsed

_LARGEST: Final = 200  # json files of a folder that are looked into
_HEAD: Final = 1 << 16


def annotation_files(path: Path, say: Callable[[str], None]) -> Iterator[tuple[Path, Entry]]:
    """The COCO files that `path` is or has in it, each with its tables: json with images,
    annotations and categories. A file is parsed once.

    `say` is told of json files of a folder that cannot be read, or are too many to be looked into.

    Raises:
        DataError: D01 where there is none; for a file as `load_tables`.
    """
    if path.is_file():
        yield path, load_tables(path)
        return
    if not path.is_dir():
        raise DataError("D01", f"{path}: there is no such file or folder.")
    found = False
    files = sorted(path.rglob("*.json"))
    if len(files) > _LARGEST:
        say(
            f"left out: {path} has {len(files)} json files, and the first {_LARGEST} by name are "
            "looked into. Name others one by one."
        )
    for file in files[:_LARGEST]:
        try:
            top = parsed(file) if _may_be_coco(file) else None
        except DataError as error:
            say(f"left out: {error}")
            continue
        if _is_coco(top):
            found = True
            yield file, checked_tables(file, top)
    if not found:
        raise DataError(
            "D01",
            f"{path}: there is no COCO file in this folder: a .json with images, annotations and "
            f"categories. `relook data convert {quote(str(path))} OUT.json` makes one of other "
            "formats.",
        )


def _may_be_coco(path: Path) -> bool:
    """Return whether a file begins as an object of json, or cannot be opened, which is told."""
    try:
        with path.open("rb") as file:
            return bytes(without_mark(file.read(_HEAD))).lstrip()[:1] == b"{"
    except OSError:
        return True


def _is_coco(top: object) -> bool:
    """Return whether the content of a file has the tables of COCO instances."""
    if not isinstance(top, dict):
        return False
    tables = [top.get(key) for key in ("images", "annotations", "categories")]
    if not all(isinstance(table, list) for table in tables):
        return False
    first = next(iter(top["annotations"]), None)
    return not (isinstance(first, dict) and ("segments_info" in first or "caption" in first))
