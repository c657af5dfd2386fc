"""A web site on this machine that can misbehave in every way a real one does."""

from __future__ import annotations

import http.server
import re
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest


@dataclass
class Site:
    """Files by name, and how many requests are answered how."""

    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str | None]] = field(default_factory=list)  # path, Range
    cuts: list[int] = field(default_factory=list)
    """Of the next responses: bytes after which the connection is cut."""
    codes: list[int] = field(default_factory=list)  # what the next requests are answered with
    ranges: bool = True  # whether Range is understood
    sizes: bool = True  # whether Content-Length is sent
    ranges_start: int | None = None  # where an answer to Range starts instead
    headers: dict[str, str] = field(default_factory=dict)  # sent with every file
    moved: dict[str, str] = field(default_factory=dict)  # path -> where it is said to be
    url: str = ""
    close: Callable[[], None] = lambda: None


class _Handler(http.server.BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.site.requests.append((self.path, wanted))
        if self.path in self.site.moved:
            self._lead_on(self.site.moved[self.path])
            return
        content = self.site.files.get(self.path.rpartition("/")[2])
        code = self.site.codes.pop(0) if self.site.codes else 200 if content is not None else 404
        if code != 200 or content is None:
            self.send_error(code)
            return
        body = self._headers(content, wanted if self.site.ranges else None)
        if body is None:
            return
        if self.site.cuts:
            self.wfile.write(body[: self.site.cuts.pop(0)])
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
        else:
            self.wfile.write(body)

    def _headers(self, content: bytes, wanted: str | None) -> bytes | None:
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted else 0  # type: ignore[index]
        if wanted and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        if wanted and self.site.ranges_start is not None:
            start = self.site.ranges_start
        self.send_response(206 if wanted else 200)
        if wanted:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if self.site.sizes:
            self.send_header("Content-Length", str(len(content) - start))
        for name, value in self.site.headers.items():
            self.send_header(name, value)
        self.end_headers()
        return content[start:] if self.command == "GET" else b""

    do_HEAD = do_GET

    def _lead_on(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


def _serve(site: Site, certificate: Path | None = None) -> None:
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), type("Handler", (_Handler,), {"site": site})
    )
    server.daemon_threads = False
    server.handle_error = lambda *_: None  # type: ignore[method-assign]
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    scheme = "http" if certificate is None else "https"
    site.url = f"{scheme}://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()

    def close() -> None:
        server.shutdown()
        server.server_close()
        thread.join()
        site.close = lambda: None

    site.close = close


@pytest.fixture
def web() -> Iterator[Site]:
    """A local web site."""
    site = Site()
    _serve(site)
    yield site
    site.close()


@pytest.fixture
def expired_web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A local web site whose certificate this machine trusts, but that is out of date."""
    certificate = Path(__file__).parent / "interop" / "data" / "expired.pem"
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    site = Site()
    _serve(site, certificate)
    yield site
    site.close()
