"""The folder of a composed data set: new, or cleared of what a stopped composition has left."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ...errors import UsageError
from ...runtime.files import is_draft, unwritable, write_text
from ...runtime.locks import LOCK, FolderLock

MARK: Final = ".composing"
"""A file that is there until the data set is whole."""
_OWN: Final = re.compile(
    r"images/[^/]+_\d{6,}\.jpg|annotations/instances_[^/]+\.json|CREDITS\.csv|LICENSE"
)


def check_free(folder: Path) -> None:
    """Refuse a folder with files of anything but a composition that was stopped.

    Raises:
        UsageError: U04.
    """
    if folder.exists() and not folder.is_dir():
        raise _taken(folder)
    if folder.is_dir() and not (folder / MARK).exists():
        names = {path.name for path in folder.iterdir() if not is_draft(path)}
        if names - {LOCK}:
            raise _taken(folder)


@contextlib.contextmanager
def composing(folder: Path) -> Iterator[None]:
    """Mark `folder` as unfinished inside of the block, after an earlier unfinished set is removed.

    Raises:
        UsageError: U04 when `folder` has files of anything else.
        RelookError: R02 when it cannot be written, R07 when another process composes there.
    """
    check_free(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise unwritable(folder, error) from error
    with FolderLock(folder, lambda _: None):
        _clear(folder)
        write_text(folder / MARK, "This data set is not whole: its composition was stopped.\n")
        yield
        with contextlib.suppress(OSError):
            (folder / MARK).unlink()


def _clear(folder: Path) -> None:
    """Remove the files of an unfinished composition, and nothing else."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and (
            _OWN.fullmatch(path.relative_to(folder).as_posix()) or is_draft(path)
        ):
            with contextlib.suppress(OSError):
                path.unlink()


def _taken(folder: Path) -> UsageError:
    return UsageError(
        "U04", f"{folder} exists, and is not written over. Name another folder, or remove it."
    )
