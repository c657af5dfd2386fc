"""Files from the internet: whole, checked, and fetched once.

A file stays in a cache folder, from where it can be copied to a machine without internet. What
arrived before a connection broke is kept and continued; a file gets its name only after its hash
was checked. Nothing here opens what it downloaded.
"""

from __future__ import annotations

import contextlib
import hashlib
import http
import http.client
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, TextIO

from ...errors import ModelError
from ...runtime.connections import (
    BrokenError,
    PastTheEndError,
    UnavailableError,
    open_at,
    read_some,
)
from ...runtime.files import unwritable
from .mirrors import addresses, cache_folder

if sys.platform != "win32":
    import fcntl

Progress = Callable[[int, int | None], None]
"""Called with the bytes that are there, and with how many there will be, where that is known."""

PAUSES: tuple[float, ...] = (1.0, 2.0, 4.0)  # seconds before each further try
_ADVANCE: Final = 1 << 20  # bytes after which a connection that breaks counts as the first again
_UNSIZED: Final = 50_000_000  # bytes between two lines where the size is not known


@dataclass(frozen=True, slots=True)
class Download:
    """Place of a downloaded file, and what the download took."""

    path: Path
    sha256: str
    size: int  # bytes
    received: int  # bytes that came over the network; 0 when the file was there


def download(
    url: str,
    path: Path,
    *,
    hash_prefix: str,
    what: str = "the file",
    otherwise: str = "",
    most: int | None = None,
    progress: Progress | None = None,
) -> Download:
    """The file published at `url`, at `path`: what is there already, else downloaded.

    Mirrors are asked first (see `mirrors`). A broken download is continued where it ended, in
    this call or in a later one, from `path` with ``.part`` added. The SHA-256 of the file starts
    with `hash_prefix`, which is checked also when it was there. At most `most` bytes are
    accepted. Processes that want the same file wait for one another. `what` and `otherwise` (an
    alternative for the user) are words for messages.

    Raises:
        ModelError: M06 when no address gives the file, or its content has another hash.
        UsageError: U03 for an address that is not http or https, or mirrors that are none.
        RelookError: R02 when it cannot be written.
    """
    if path.is_file():
        return Download(path, check_hash(path, hash_prefix), path.stat().st_size, 0)
    urls = addresses(url, cache_folder())
    part = path.with_name(f"{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(part) as file:
            if path.is_file():  # another process was faster
                part.unlink()
                return Download(path, check_hash(path, hash_prefix), path.stat().st_size, 0)
            job = _Job(file, part, hash_prefix, most, progress)
            problems = []
            for address in urls:
                try:
                    digest = job.fetch(address)
                    break
                except UnavailableError as problem:
                    problems.append(str(problem) if address == url else f"{problem} ({address})")
            else:
                raise ModelError(
                    "M06",
                    f"{what} could not be had from {url}: {'; '.join(problems)}. Without "
                    f"internet, put the file at {path} by hand{otherwise}.{job.kept()}",
                )
            os.fsync(file.fileno())
            part.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    return Download(path, digest, path.stat().st_size, job.received)


class _Job:
    """One file on its way: what has arrived is in `file`, which is open for appending."""

    def __init__(
        self,
        file: IO[bytes],
        part: Path,
        hash_prefix: str,
        most: int | None,
        progress: Progress | None,
    ) -> None:
        self._file, self._part, self._hash_prefix = file, part, hash_prefix
        self._most, self._progress = most, progress
        self.received = 0

    def fetch(self, url: str) -> str:
        """The SHA-256 of the whole file, once it has arrived from `url`.

        Raises:
            UnavailableError: when it does not come from there.
        """
        tries, restarted, furthest = 0, False, 0
        while True:
            try:
                start = self._transfer(url)
            except BrokenError as problem:
                size = self._file.seek(0, os.SEEK_END)
                if size >= furthest + _ADVANCE:
                    tries, furthest = 0, size
                if tries == len(PAUSES):
                    raise UnavailableError(f"{problem}, {tries + 1} times") from None
                time.sleep(PAUSES[tries])
                tries += 1
                continue
            self._file.flush()
            digest = sha256_of(self._part)
            if digest.startswith(self._hash_prefix):
                return digest
            self._file.truncate(0)
            if start == 0 or restarted:
                raise UnavailableError(_wrong_hash(digest, self._hash_prefix))
            restarted = True  # what was there before may have been of another file

    def kept(self) -> str:
        """A sentence about what has arrived, for an error message; nothing if nothing has."""
        self._file.flush()
        size = self._part.stat().st_size
        if size == 0:
            self._part.unlink()
            return ""
        return f" What has arrived ({size:,} bytes) is kept and will be continued."

    def _transfer(self, url: str) -> int:
        """Append the rest of the file; the number of bytes that did not come in this response."""
        there = self._file.seek(0, os.SEEK_END)
        try:
            response = open_at(url, there)
        except PastTheEndError as problem:
            if problem.length == there:
                return there
            self._file.truncate(0)
            raise BrokenError("what had arrived does not fit, and was dropped") from None
        with response:
            start = self._begin(response, there)
            length = response.headers.get("Content-Length", "")
            total = start + int(length) if length.isdecimal() else None
            self._check_size(total)
            done = start
            while chunk := read_some(response):
                self._file.write(chunk)
                done += len(chunk)
                self.received += len(chunk)
                self._check_size(done)
                if self._progress is not None:
                    self._progress(done, total)
        if total is not None and done < total:
            raise BrokenError(f"the connection broke after {done:,} of {total:,} bytes")
        return start

    def _begin(self, response: http.client.HTTPResponse, there: int) -> int:
        """The byte that the response starts from; what is there is dropped if that is the first.

        Raises:
            BrokenError: for a response that continues at another byte.
        """
        if response.status == http.HTTPStatus.PARTIAL_CONTENT:
            content_range = response.headers.get("Content-Range", "")
            if content_range.startswith(f"bytes {there}-"):
                return there
            self._file.truncate(0)
            raise BrokenError(f"asked for byte {there:,} on, got {content_range or 'some'}")
        if response.status != http.HTTPStatus.OK:
            raise UnavailableError(f"{response.status} {response.reason}")
        self._file.truncate(0)
        return 0

    def _check_size(self, size: int | None) -> None:
        if self._most is not None and size is not None and size > self._most:
            self._file.truncate(0)
            raise UnavailableError(f"it has more than the {self._most:,} bytes it may have")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_hash(path: Path, prefix: str) -> str:
    """The SHA-256 of the file at `path`, which starts with `prefix`.

    Raises:
        ModelError: M06 when it does not.
    """
    found = sha256_of(path)
    if not found.startswith(prefix):
        raise ModelError(
            "M06",
            f"{path} is damaged, or another file: its SHA-256 starts with {found[: len(prefix)]}, "
            f"not with {prefix}. Delete it, so that it comes anew.",
        )
    return found


def progress_lines(name: str, stream: TextIO) -> Progress:
    """A progress that writes a line to `stream` for every tenth of the file."""
    told = -1

    def tell(done: int, total: int | None) -> None:
        nonlocal told
        tenth = done * 10 // total if total else done // _UNSIZED
        if tenth > told:
            told = tenth
            of = f" of {total / 1e6:.0f}" if total else ""
            stream.write(f"downloading {name}: {done / 1e6:.0f}{of} MB\n")
            stream.flush()

    return tell


def _wrong_hash(found: str, expected: str) -> str:
    return (
        f"invalid hash value: the SHA-256 of what came starts with {found[: len(expected)]}, not "
        f"with {expected}, so it was dropped"
    )


@contextlib.contextmanager
def _alone(part: Path) -> Iterator[IO[bytes]]:
    """The file at `part`, open for appending, as soon as no other process appends to it.

    The system gives the lock back when a process dies, so none is ever left over.
    """
    while True:
        with part.open("ab") as file:
            if sys.platform != "win32":
                with contextlib.suppress(OSError):  # some network drives know no locks
                    fcntl.flock(file, fcntl.LOCK_EX)
            try:
                is_ours = os.path.samestat(os.fstat(file.fileno()), part.stat())
            except FileNotFoundError:  # who had it has finished, and moved it away
                is_ours = False
            if is_ours:
                yield file
                return
