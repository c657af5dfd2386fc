"""Files below a folder in their order, and what stands among them and is no file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

BROKEN: Final = "broken link"
LINKED_FOLDER: Final = "link to a folder"
SAME: Final = "link to an image that is already there"
_SPECIAL: Final = "pipe or device"


def listed(folder: Path) -> Iterator[tuple[Path, str]]:
    """Paths below `folder`, sorted, without hidden ones, and why one is no file; "" for a file.

    Links to folders are not followed: they may lead back, or to the whole machine.
    """
    for path in sorted(folder.rglob("*")):
        if any(part.startswith(".") for part in path.relative_to(folder).parts):
            continue
        if path.is_file():
            yield path, ""
        elif path.is_dir():
            if path.is_symlink():
                yield path, LINKED_FOLDER
        else:
            yield path, BROKEN if path.is_symlink() else _SPECIAL
