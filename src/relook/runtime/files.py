"""Writing of files as a whole: a file has its old or its new content, never a part."""

from __future__ import annotations

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

from ..errors import RelookError

_DRAFT = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")  # as `replacing` names them


@contextlib.contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """Yield a path beside `path` to write to; at the end of the block this file replaces `path`.

    Missing folders are made. When the block or the disk fails, `path` is not changed and the new
    file is deleted.

    Raises:
        RelookError: R02 when the file cannot be written, with the reason of the system.
    """
    path = Path(path)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        draft.open("xb").close()
        mode = draft.stat().st_mode
        yield draft
        draft.chmod(mode)  # some writers make private files; this one follows the umask
        _flush(draft)
        draft.replace(path)
        with contextlib.suppress(OSError):  # some systems cannot flush a folder
            _flush(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)


def is_draft(path: Path) -> bool:
    """Return whether `path` has a name that `replacing` gives to the file it writes to."""
    return _DRAFT.fullmatch(path.name) is not None


def remove_drafts(folder: Path) -> None:
    """Delete only the drafts that a killed process left in `folder`."""
    for draft in folder.glob(".*.tmp"):
        if is_draft(draft):
            with contextlib.suppress(OSError):
                draft.unlink()


def write_text(path: Path | str, text: str) -> None:
    """Write `text` to `path` in UTF-8, as a whole or not at all.

    Halves of surrogate pairs, which are in names of files that are not UTF-8, are written as
    ``\\udc80`` and the like.

    Raises:
        RelookError: R02 when the file cannot be written.
    """
    with replacing(path) as draft:
        draft.write_text(text, encoding="utf-8", errors="backslashreplace")


def unwritable(path: Path, reason: object) -> RelookError:
    """The error for a file that could not be written."""
    cause = reason.strerror if isinstance(reason, OSError) and reason.strerror else str(reason)
    kept = "; the file that was there is unchanged" if path.is_file() else ""
    return RelookError(
        "R02", f"{path} could not be written: {cause}{kept}. Free space, or choose another folder."
    )


def _flush(path: Path) -> None:
    """Flush written data to the disk, so that it survives a power failure."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
