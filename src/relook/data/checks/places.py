"""Annotation files of a folder, and the folders of their images."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from shlex import quote
from typing import Final

from ...errors import DataError
from ..coco.json_form import parsed

_LARGEST: Final = 200  # json files of a folder that are looked into
_HEAD: Final = 1 << 16


def annotation_files(path: Path) -> list[Path]:
    """The COCO files that `path` is or has in it: json with images, annotations and categories.

    Raises:
        DataError: D01 where there is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError("D01", f"{path}: there is no such file or folder.")
    found = [file for file in islice(sorted(path.rglob("*.json")), _LARGEST) if _is_coco(file)]
    if not found:
        raise DataError(
            "D01",
            f"{path}: there is no COCO file in this folder: a .json with images, annotations and "
            f"categories. `relook data convert {quote(str(path))} OUT.json` makes one of other "
            "formats.",
        )
    return found


def _is_coco(path: Path) -> bool:
    """Return whether a file has the tables of COCO instances."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if head.lstrip()[:1] != b"{":
            return False
        top = parsed(path)
    except (OSError, DataError):
        return False
    if not isinstance(top, dict):
        return False
    tables = [top.get(key) for key in ("images", "annotations", "categories")]
    if not all(isinstance(table, list) for table in tables):
        return False
    first = next(iter(top["annotations"]), None)
    return not (isinstance(first, dict) and ("segments_info" in first or "caption" in first))
