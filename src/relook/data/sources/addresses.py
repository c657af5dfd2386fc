"""Images at addresses: fetched when it is their turn, with limits on bytes, time and redirects."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from ...errors import DataError, UsageError
from ...runtime.connections import (
    BrokenError,
    UnavailableError,
    is_address,
    open_at,
    read_some,
)
from .stored import Stamp, StoredImage

MOST_BYTES: Final = 1 << 28
"""Bytes of an image at an address."""
MOST_SECONDS: Final = 300.0
"""Seconds that one may take."""
PAUSES: tuple[float, ...] = (0.5, 2.0)  # seconds before each further try
_MIB: Final = 1 << 20


def looks_like_address(source: str) -> bool:
    """Return whether `source` has the form of an address, of whatever kind."""
    if source.startswith("data:"):
        return True
    scheme, mark, _ = source.partition("://")
    return bool(mark) and scheme.isascii() and scheme[:1].isalpha() and "/" not in scheme


def check_address(address: str) -> None:
    """Refuse an address that is not opened.

    Raises:
        UsageError: U03 for one that is not http or https, or has a password in it.
    """
    if not is_address(address):
        raise UsageError(
            "U03",
            f"{address:.100}: only addresses that start with https:// or http:// are opened. Copy "
            "the file to this machine and give its path.",
        )
    if "@" in urlsplit(address).netloc:
        raise UsageError(
            "U03",
            f"{address.partition('://')[0]}://...@...: an address with a name and a password would "
            "stand in the results and is not opened. Download the file and give its path.",
        )


def path_of(address: str) -> PurePosixPath:
    """The path in an address, for its name and its ending."""
    return PurePosixPath(unquote(urlsplit(address).path))


def fetch(address: str, most: int = MOST_BYTES) -> tuple[bytes, Stamp | None]:
    """The content at `address`, and the stamp of it that the server gave.

    Raises:
        DataError: D01 when it cannot be had, D02 when it has more than `most` bytes.
    """
    end = time.monotonic() + MOST_SECONDS
    problem: Exception = UnavailableError("nothing was asked")
    for pause in (0.0, *PAUSES):
        time.sleep(pause)
        try:
            return _transfer(address, most, end)
        except BrokenError as error:
            problem = error
            if time.monotonic() > end:
                break
        except UnavailableError as error:
            problem = error
            break
    raise DataError(
        "D01",
        f"{address} could not be fetched: {problem}. Open it in a browser; without internet, give "
        "a file.",
    )


def _transfer(address: str, most: int, end: float) -> tuple[bytes, Stamp | None]:
    with open_at(address, 0) as response:
        length = response.headers.get("Content-Length", "")
        expected = int(length) if length.isdecimal() else None
        parts, size = [], 0
        if expected is not None and expected > most:
            raise _too_large(address, f"{expected / _MIB:,.0f} MiB", most)
        while part := read_some(response):
            parts.append(part)
            size += len(part)
            if size > most:
                raise _too_large(address, "more", most)
            if time.monotonic() > end:
                raise UnavailableError(f"it takes longer than {MOST_SECONDS:.0f} seconds")
        if expected is not None and size < expected:
            raise BrokenError(f"the connection broke after {size:,} of {expected:,} bytes")
        return b"".join(parts), _stamp(response.headers)


def _too_large(address: str, size: str, most: int) -> DataError:
    return DataError(
        "D02",
        f"{address} has {size}, and at most {most / _MIB:,.0f} MiB are fetched. Download it and "
        "give the file.",
    )


def _stamp(headers: Any) -> Stamp | None:
    """Length, tag and date of what a server has; None where it gives neither tag nor date."""
    tag, date = headers.get("ETag", ""), headers.get("Last-Modified", "")
    return [headers.get("Content-Length", ""), tag, date] if tag or date else None


@dataclass(slots=True)
class Download(StoredImage):
    """The image at an address of http or https, after a few redirects."""

    name: str
    _seen: Stamp | None = field(default=None, repr=False)

    @property
    def stem(self) -> str:
        """As `StoredImage.stem`."""
        return path_of(self.name).stem or (urlsplit(self.name).hostname or "image")

    def load(self) -> bytes:
        """As `StoredImage.load`."""
        content, self._seen = fetch(self.name)
        return content

    def stamp(self) -> Stamp | None:
        """Stamp of the content from the server: when it was fetched, or else now.

        None where it says nothing, or does not answer.
        """
        if self._seen is None:
            with (
                contextlib.suppress(BrokenError, UnavailableError),
                open_at(self.name, 0, "HEAD") as response,
            ):
                return _stamp(response.headers)
        return self._seen
