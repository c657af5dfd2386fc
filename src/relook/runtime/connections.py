"""One request for a file, and its errors.

Only http and https are used, also for redirects.
"""

from __future__ import annotations

import http
import http.client
import ssl
from typing import IO, Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from .._version import __version__

TIMEOUT: Final = 30.0  # seconds without a single byte
REDIRECTS: Final = 5
_CHUNK: Final = 1 << 18
_SCHEMES: Final = frozenset({"http", "https"})
_BUSY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})  # worth another try


def is_address(text: str) -> bool:
    """Return whether `text` is an address that can be asked: http or https, with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in _SCHEMES and bool(parts.hostname)
    except ValueError:  # such as brackets that do not close
        return False


class UnavailableError(Exception):
    """An address cannot give the file; the message is half a sentence for the user."""


class BrokenError(Exception):
    """One try failed, and another one may succeed."""


class PastTheEndError(Exception):
    """All bytes, or more, had arrived already; `length` is the server's size of the file."""

    def __init__(self, length: int | None) -> None:
        super().__init__()
        self.length = length


class _Redirects(HTTPRedirectHandler):
    """Follows at most `REDIRECTS` answers that lead on, to http and https alone."""

    max_redirections = REDIRECTS
    max_repeats = REDIRECTS

    def redirect_request(
        self,
        req: Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> Request | None:
        """As in the base class."""
        if not is_address(newurl):
            raise UnavailableError(
                f"it leads on to {newurl[:200]!r}, which is not http or https and was not opened"
            )
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def open_at(url: str, start: int, method: str = "GET") -> http.client.HTTPResponse:
    """The response of a server to a request for the bytes from `start` on.

    With the `method` ``HEAD`` it has headers alone.

    Raises:
        UnavailableError: when another try is of no use.
        BrokenError: when another try may succeed.
        PastTheEndError: when there are no bytes from `start` on.
    """
    if not is_address(url):
        raise UnavailableError("only addresses that start with https:// or http:// are opened")
    headers = {"User-Agent": f"relook/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
    try:
        request = Request(url, headers=headers, method=method)  # noqa: S310 - checked above
        response: http.client.HTTPResponse = build_opener(_Redirects).open(request, timeout=TIMEOUT)
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
    except (ValueError, UnicodeError) as error:  # control characters, a port that is none
        raise UnavailableError(f"the address cannot be asked: {error}") from None
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
