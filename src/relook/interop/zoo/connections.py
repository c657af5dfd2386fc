"""One request for a file, and its errors."""

from __future__ import annotations

import http
import http.client
import ssl
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from ..._version import __version__

TIMEOUT: Final = 30.0  # seconds without a single byte
_CHUNK: Final = 1 << 18
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})  # worth another try


class UnavailableError(Exception):
    """An address cannot give the file; the message is half a sentence for the user."""


class BrokenError(Exception):
    """One try failed, and another one may succeed."""


class PastTheEndError(Exception):
    """All bytes, or more, had arrived already; `length` is the server's size of the file."""

    def __init__(self, length: int | None) -> None:
        super().__init__()
        self.length = length


def open_at(url: str, start: int) -> http.client.HTTPResponse:
    """The response of a server to a request for the bytes from `start` on.

    Raises:
        UnavailableError: when another try is of no use.
        BrokenError: when another try may succeed.
        PastTheEndError: when there are no bytes from `start` on.
    """
    headers = {"User-Agent": f"relook/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        response: http.client.HTTPResponse = urlopen(  # noqa: S310 - only http and https come here
            Request(url, headers=headers),  # noqa: S310
            timeout=TIMEOUT,
        )
    except HTTPError as error:
        with error:
            if error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE and start:
                length = error.headers.get("Content-Range", "").rpartition("/")[2]
                raise PastTheEndError(int(length) if length.isdecimal() else None) from None
            kind = BrokenError if error.code in _BUSY else UnavailableError
            raise kind(f"{error.code} {error.reason}") from None
    except URLError as error:
        raise _connection_problem(url, error.reason) from None
    except (OSError, http.client.HTTPException) as error:
        raise _connection_problem(url, error) from None
    return response


def read_some(response: http.client.HTTPResponse) -> bytes:
    """Read the next bytes; empty at the end, and where the connection was closed too early.

    Raises:
        BrokenError: when the connection broke.
    """
    try:
        return response.read1(_CHUNK)
    except http.client.IncompleteRead as error:
        return error.partial
    except (OSError, http.client.HTTPException) as error:
        raise BrokenError(f"the connection broke ({str(error) or type(error).__name__})") from None


def _connection_problem(url: str, reason: object) -> Exception:
    host = urlsplit(url).hostname
    if isinstance(reason, ssl.SSLCertVerificationError):
        return UnavailableError(
            f"the certificate of {host} is not valid ({reason.verify_message}), so nothing was "
            "fetched. Check the clock of this machine; where a proxy opens connections, set "
            "SSL_CERT_FILE to its certificates"
        )
    cause = str(reason) or type(reason).__name__
    return BrokenError(f"no connection to {host} ({cause})")
