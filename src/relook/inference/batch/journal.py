"""The journal of a run over many images: what is finished, so that a stopped one can go on.

``OUT/.journal/N.jsonl`` has one line of json for every image that process N has done, added when
the files of the image are whole, ``kept.jsonl`` those of a stopped run that is gone on with, and
``settings.json`` says with which model and options. Lines begin with the CRC-32 of their json: an
image whose line is cut off or damaged is predicted again.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, NamedTuple, Self

from ..._version import __version__
from ...data.sources.stored import Stamp
from ...errors import DataError, ModelError, UsageError, brief
from ...runtime.files import replacing, unwritable, write_text
from ...runtime.json_files import read_json
from .journal_records import is_whole

FOLDER: Final = ".journal"
FORMAT: Final = 2
"""1 had no checksums and did not say its number; it is read as well."""
_SETTINGS, _KEPT = "settings.json", "kept.jsonl"

Record = dict[str, Any]


class Line(NamedTuple):
    """Position of one image in the journal, and what is needed to know without reading it all."""

    part: Path
    offset: int  # bytes
    name: str
    stamp: Stamp | None
    objects: int  # how many were found
    error: str | None  # why the image could not be read


class Journal:
    """The journal in the folder of results `out`, written by process `rank`.

    A context manager: its file is open inside.
    """

    def __init__(self, out: Path, rank: int = 0) -> None:
        self._folder, self._rank = out / FOLDER, rank
        self._file: BinaryIO | None = None

    @property
    def is_there(self) -> bool:
        """Return whether an unfinished run has left one."""
        return (self._folder / _SETTINGS).is_file()

    def begin(self, settings: Mapping[str, Any], *, resume: bool) -> bool:
        """Make it ready for a run; True if it goes on with a stopped one.

        For the first process, before the others write. Without `resume`, what an earlier run
        left is removed.

        Raises:
            UsageError: U04 when the stopped run had other `settings`.
            DataError: D03 when its settings are damaged.
            ModelError: M03 when a newer relook wrote it.
            RelookError: R02 when a file cannot be written.
        """
        path = self._folder / _SETTINGS
        if resume and self.is_there:
            self._check(path, settings)
            return True
        self.remove()
        write_text(path, json.dumps({"format": FORMAT, **settings}) + "\n")
        return False

    def _check(self, path: Path, settings: Mapping[str, Any]) -> None:
        before = _settings(path)
        wanted = json.loads(json.dumps(settings))
        other = [name for name in wanted if wanted[name] != before.get(name)]
        if other:
            shown = "; ".join(
                f"{n} was {_short(before.get(n))}, is {_short(wanted[n])}" for n in other
            )
            raise UsageError(
                "U04",
                f"--resume: the stopped run in {path.parent.parent} had other "
                f"settings ({shown}), and its results would be mixed with others. Give what it "
                "had, choose another --out, or leave --resume out to start over.",
            )

    def __enter__(self) -> Self:
        path = self._folder / f"{self._rank}.jsonl"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._file = path.open("ab")
        except OSError as error:
            raise unwritable(path, error) from error
        return self

    def __exit__(self, *problem: object) -> None:
        if self._file is not None:
            with contextlib.suppress(OSError):  # every line was flushed: nothing is left to lose
                self._file.close()

    def add(self, record: Record) -> None:
        """Note one image; when this returns, the line outlives this process.

        Raises:
            RelookError: R02 when it cannot be written.
        """
        if self._file is None:
            raise ValueError("the journal is not open")
        try:
            self._file.write(_encoded(record))
            self._file.flush()
        except OSError as error:
            raise unwritable(Path(self._file.name), error) from error

    def lines(self, *, with_objects: bool = False) -> dict[str, Line]:
        """Source -> its line, from all processes; lines without the objects of their images are
        left out if they are needed."""
        found: dict[str, Line] = {}
        for part in sorted(self._folder.glob("*.jsonl")):
            offset = 0
            with part.open("rb") as file:
                for text in file:
                    record = _parsed(text)
                    if record is not None and (
                        not with_objects or "objects" in record or record.get("error")
                    ):
                        found[record["source"]] = _line(part, offset, record)
                    offset += len(text)
        return found

    def keep(self, lines: Iterable[Line]) -> None:
        """Make `lines` all that there is, so that what is done again stands there once.

        Raises:
            RelookError: R02 when it cannot be written.
        """
        parts = list(self._folder.glob("*.jsonl"))
        with replacing(self._folder / _KEPT) as draft, draft.open("wb") as file:
            file.writelines(_encoded(record) for record in read_records(lines))
        for part in parts:
            if part.name != _KEPT:
                part.unlink()

    def remove(self) -> None:
        """Delete it; nothing happens where there is none."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _settings(path: Path) -> Record:
    """The settings of the stopped run; D03 where the file is damaged."""
    before = read_json(path, Record, "Leave --resume out to start over.")
    version = before.get("format", 1)
    if isinstance(version, int) and version > FORMAT:
        raise ModelError(
            "M03",
            f"--resume: the stopped run in {path.parent.parent} has a journal of format "
            f"{brief(version)}, of a newer relook; this is relook {__version__}, which reads up to "
            f"{FORMAT}. Update relook, or leave --resume out to start over.",
        )
    return before


def read_records(lines: Iterable[Line]) -> Iterator[Record]:
    """The whole records of `lines`, one at a time."""
    with contextlib.ExitStack() as stack:
        files: dict[Path, BinaryIO] = {}
        for line in lines:
            if line.part not in files:
                files[line.part] = stack.enter_context(line.part.open("rb"))
            files[line.part].seek(line.offset)
            record = _parsed(files[line.part].readline())
            if record is None:
                raise DataError(
                    "D03",
                    f"{line.part} has been changed while it was read. Start the command again.",
                )
            yield record


def _short(value: object) -> str:
    """A setting in a sentence; the beginning of a hash is enough to tell two apart."""
    return brief(value).strip("'")[:20]


def _line(part: Path, offset: int, record: Record) -> Line:
    return Line(part, offset, record["name"], record["stamp"], record["count"], record.get("error"))


def _parsed(text: bytes) -> Record | None:
    """A whole line's record; None for one that was cut off when its process was killed, or that
    is damaged."""
    if not text.endswith(b"\n"):
        return None
    if not text.startswith(b"{"):
        check, _, text = text.partition(b" ")
        if check != _checksum(text):
            return None
    try:
        record = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return record if isinstance(record, dict) and is_whole(record) else None


def _encoded(record: Record) -> bytes:
    text = json.dumps(record).encode() + b"\n"
    return _checksum(text) + b" " + text


def _checksum(text: bytes) -> bytes:
    return b"%08x" % zlib.crc32(text)
