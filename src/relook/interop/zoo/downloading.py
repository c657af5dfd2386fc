"""Download of files: whole, checked, and fetched once.

A file stays in a cache folder, from where it can be copied to a machine without internet. The part
that arrived before a connection broke is kept and continued; a file gets its name only after its
hash was checked. Downloaded files are not opened here.
"""

from __future__ import annotations

import contextlib
import hashlib
import http
import http.client
import os
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
from ...runtime.locks import wait_for
from .mirrors import addresses, cache_folder

Progress = Callable[[int, int | None], None]
"""Called with the number of bytes so far, and of all, where that is known."""

PAUSES: tuple[float, ...] = (1.0, 2.0, 4.0)  # seconds before each further try
_ADVANCE: Final = 1 << 20  # bytes after which a connection that breaks counts as the first again
_UNSIZED: Final = 50_000_000  # bytes between two lines where the size is not known


@dataclass(frozen=True, slots=True)
class Download:
    """Path, hash and size of a downloaded file."""

    path: Path
    sha256: str
    size: int  # bytes
    received: int  # bytes that came over the network; 0 when the file was in the cache


def download(
    url: str,
    path: Path,
    *,
    hash_prefix: str,
    title: str = "the file",
    otherwise: str = "",
    max_bytes: int | None = None,
    progress: Progress | None = None,
) -> Download:
    """The file published at `url`, at `path`; downloaded where it is not there.

    Mirrors are tried first (see `mirrors`). A broken download is continued where it ended, in
    this call or in a later one, from `path` with ``.part`` added. The SHA-256 of the file starts
    with `hash_prefix`, which is checked also when it was there. At most `max_bytes` bytes are
    accepted. Processes that download the same file wait for each other. `title` and `otherwise` (an
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
        with _locked(part) as file:
            if path.is_file():  # another process was faster
                part.unlink()
                return Download(path, check_hash(path, hash_prefix), path.stat().st_size, 0)
            job = _Job(file, part, hash_prefix, max_bytes, progress)
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
                    f"{title} could not be downloaded from {url}: {'; '.join(problems)}. Without "
                    f"internet, put the file at {path} by hand{otherwise}.{job.kept()}",
                )
            os.fsync(file.fileno())
            part.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    return Download(path, digest, path.stat().st_size, job.received)


class _Job:
    """The download of one file; received bytes are in `file`, which is open for appending."""

    def __init__(
        self,
        file: IO[bytes],
        part: Path,
        hash_prefix: str,
        max_bytes: int | None,
        progress: Progress | None,
    ) -> None:
        self._file, self._part, self._hash_prefix = file, part, hash_prefix
        self._max_bytes, self._progress = max_bytes, progress
        self.received = 0

    def fetch(self, url: str) -> str:
        """Fetch the file from `url`; return its SHA-256.

        Raises:
            UnavailableError: when `url` does not give it.
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
            restarted = True  # the earlier bytes may have been of another file

    def kept(self) -> str:
        """A sentence about the received bytes, for an error message; empty without any."""
        self._file.flush()
        size = self._part.stat().st_size
        if size == 0:
            self._part.unlink()
            return ""
        return f" The received part ({size:,} bytes) is kept and will be continued."

    def _transfer(self, url: str) -> int:
        """Append the rest of the file; return the number of bytes from before this response."""
        size = self._file.seek(0, os.SEEK_END)
        try:
            response = open_at(url, size)
        except PastTheEndError as problem:
            if problem.length == size:
                return size
            self._file.truncate(0)
            raise BrokenError("the received part did not fit, and was deleted") from None
        with response:
            start = self._begin(response, size)
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

    def _begin(self, response: http.client.HTTPResponse, size: int) -> int:
        """The first byte of the response; for byte 0, the received bytes are dropped.

        Raises:
            BrokenError: for a response that continues at another byte.
        """
        if response.status == http.HTTPStatus.PARTIAL_CONTENT:
            content_range = response.headers.get("Content-Range", "")
            if content_range.startswith(f"bytes {size}-"):
                return size
            self._file.truncate(0)
            raise BrokenError(f"asked for byte {size:,} on, got {content_range or 'some'}")
        if response.status != http.HTTPStatus.OK:
            raise UnavailableError(f"{response.status} {response.reason}")
        self._file.truncate(0)
        return 0

    def _check_size(self, size: int | None) -> None:
        if self._max_bytes is not None and size is not None and size > self._max_bytes:
            self._file.truncate(0)
            raise UnavailableError(f"it has more than the {self._max_bytes:,} bytes it may have")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's content, in 64 hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_hash(path: Path, prefix: str) -> str:
    """Check that the SHA-256 of the file at `path` starts with `prefix`, and return it.

    Raises:
        ModelError: M06 when it does not.
    """
    sha256 = sha256_of(path)
    if not sha256.startswith(prefix):
        raise ModelError(
            "M06",
            f"{path} is damaged, or another file: its SHA-256 starts with {sha256[: len(prefix)]}, "
            f"not with {prefix}. Delete it, so that it is downloaded again.",
        )
    return sha256


def progress_lines(name: str, stream: TextIO) -> Progress:
    """Return a progress function that writes a line to `stream` for every tenth of the file."""
    last_tenth = -1

    def tell(done: int, total: int | None) -> None:
        nonlocal last_tenth
        tenth = done * 10 // total if total else done // _UNSIZED
        if tenth > last_tenth:
            last_tenth = tenth
            of = f" of {total / 1e6:.0f}" if total else ""
            stream.write(f"downloading {name}: {done / 1e6:.0f}{of} MB\n")
            stream.flush()

    return tell


def _wrong_hash(sha256: str, expected: str) -> str:
    return (
        f"invalid hash value: the SHA-256 of what came starts with {sha256[: len(expected)]}, not "
        f"with {expected}, so it was dropped"
    )


@contextlib.contextmanager
def _locked(part: Path) -> Iterator[IO[bytes]]:
    """Open the file at `part` for appending, as soon as no other process appends to it."""
    while True:
        with part.open("ab") as file:
            wait_for(file.fileno())
            try:
                is_ours = os.path.samestat(os.fstat(file.fileno()), part.stat())
            except FileNotFoundError:  # the other process has finished, and moved it away
                is_ours = False
            if is_ours:
                yield file
                return
