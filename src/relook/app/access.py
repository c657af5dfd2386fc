"""Checks of who may ask: names of the server, sites, the token."""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Iterable
from hmac import compare_digest
from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from .refusals import Refusal

OPEN: Final = ("/health", "/health/ready")
"""Paths without a token, for programs that watch the server."""
_READS: Final = ("GET", "HEAD", "OPTIONS")
_LOOPBACK: Final = ("localhost",)


class Rules:
    """Rules on who may ask.

    Args:
        token: That each request must bring, but those for `/health`; None: none is asked for.
        hosts: Names that the server may be called by, beside addresses and ``localhost``. A page
            of another site that has its own name point to this machine (DNS rebinding) is refused.
    """

    def __init__(self, token: str | None = None, hosts: Iterable[str] = ()) -> None:
        self._token = None if token is None else token.encode()
        self._hosts = {host.lower() for host in (*_LOOPBACK, *hosts)}

    def check(self, scope: Scope) -> None:
        """Check the request of `scope`.

        Raises:
            Refusal: 421 for another host, 403 for another site, 401 without the token.
        """
        headers, method, path = Headers(scope=scope), scope["method"], scope["path"]
        self._check_host(headers.getlist("host"))
        _check_site(headers, method)
        if path.startswith("/api/") and method not in _READS and headers.get("x-relook") != "1":
            raise Refusal(
                403,
                f"{method} {shown(path)} without the header X-Relook, which a form of another "
                "site cannot send",
                "Send X-Relook: 1.",
            )
        if self._token is not None and path not in OPEN:
            self._check_token(headers.get("authorization", ""), self._token)

    def _check_host(self, hosts: list[str]) -> None:
        name = _host_name(hosts[0]) if len(hosts) == 1 else ""
        if name in self._hosts or _is_address(name):
            return
        raise Refusal(
            421,
            f"this server is not called {shown(name)!r}" if name else "a Host is needed",
            "Call it by its address, or start it with --allow-host and that name.",
        )

    def _check_token(self, authorization: str, token: bytes) -> None:
        if compare_digest(_token_of(authorization), token):
            return
        raise Refusal(
            401,
            "this server wants a token, and the request has "
            + ("another" if authorization else "none"),
            "Send the header Authorization: Bearer TOKEN, with the token the server was started "
            "with. A browser asks for it as password; the name does not matter.",
            headers={"WWW-Authenticate": 'Basic realm="relook", charset="UTF-8"'},
        )


def _check_site(headers: Headers, method: str) -> None:
    """Refuse what a page of another site sends: its Origin is another one than the Host."""
    origin = headers.get("origin")
    is_other = origin is not None and _netloc(origin) != _with_port(headers.get("host", ""), origin)
    if origin is None and headers.get("sec-fetch-site") in ("cross-site", "same-site"):
        followed_link = method == "GET" and headers.get("sec-fetch-mode") == "navigate"
        is_other = not followed_link
    if is_other:
        raise Refusal(
            403,
            f"a page of another site ({shown(origin or 'unknown')}) sent this request",
            "Pages of other sites get no answers; programs send no Origin.",
        )


def _host_name(host: str) -> str:
    """The name in a Host header, without port; empty where it is none."""
    try:
        parts = urlsplit(f"//{host}")
        parts.port  # noqa: B018 - raises for one that is no number
    except ValueError:
        return ""
    is_plain = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    return (parts.hostname or "").rstrip(".") if is_plain else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _netloc(origin: str) -> str:
    parts = urlsplit(origin)
    return _with_port(parts.netloc, origin) if parts.scheme in ("http", "https") else ""


def _with_port(netloc: str, origin: str) -> str:
    """`netloc` in lower case, with the port that the scheme of `origin` has by default."""
    host = netloc.lower()
    if ":" in host.rpartition("]")[2]:
        return host
    return f"{host}:{443 if origin.startswith('https:') else 80}"


def _token_of(authorization: str) -> bytes:
    """The token of a header: of Bearer itself, of Basic the password."""
    scheme, _, value = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return b""
    return b""


def shown(text: str) -> str:
    """`text` of a request for a message: short, and printable."""
    return "".join(c if c.isprintable() else "?" for c in text[:100])
