"""What one request can come to; tests/interop/zoo/test_downloading.py has what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from relook import __version__
from relook.runtime import connections
from relook.runtime.connections import (
    BrokenError,
    PastTheEndError,
    UnavailableError,
    is_address,
    open_at,
    read_some,
)


def test_the_rest_of_a_file(web: Any) -> None:
    web.files["a"] = b"0123456789"
    with open_at(f"{web.url}/a", 4) as response:
        assert response.status == 206
        assert read_some(response) == b"456789"
        assert read_some(response) == b""
    assert web.requests == [("/a", "bytes=4-")]


def test_nothing_is_left(web: Any) -> None:
    web.files["a"] = b"0123456789"
    with pytest.raises(PastTheEndError) as caught:
        open_at(f"{web.url}/a", 10)
    assert caught.value.length == 10


@pytest.mark.parametrize("code", [400, 401, 403, 404, 410, 451, 501])
def test_answers_that_are_final(web: Any, code: int) -> None:
    web.codes += [code]
    with pytest.raises(UnavailableError, match=str(code)):
        open_at(f"{web.url}/a", 0)


@pytest.mark.parametrize("code", [408, 429, 500, 502, 503, 504])
def test_answers_that_may_change(web: Any, code: int) -> None:
    web.codes += [code]
    with pytest.raises(BrokenError, match=str(code)):
        open_at(f"{web.url}/a", 0)


def test_nobody_answers(web: Any) -> None:
    web.close()
    with pytest.raises(BrokenError, match=r"no connection to 127\.0\.0\.1"):
        open_at(f"{web.url}/a", 0)


def test_silence_ends_after_a_while(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import socket

    monkeypatch.setattr(connections, "TIMEOUT", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # accepts, and never says anything
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/a"
        with pytest.raises(BrokenError, match="timed out"):
            open_at(url, 0)


def test_the_certificate_is_checked(expired_web: Any) -> None:
    # Which of the two is found first differs between builds of OpenSSL.
    reasons = r"not valid \((certificate has expired|self-signed certificate)\)"
    with pytest.raises(UnavailableError, match=reasons):
        open_at(f"{expired_web.url}/a", 0)


def test_who_is_asking(web: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def remember(request: Any, **_: Any) -> None:
        seen.append(request)
        raise ConnectionResetError

    monkeypatch.setattr("urllib.request.OpenerDirector.open", lambda _, *a, **k: remember(*a, **k))
    with pytest.raises(BrokenError, match="ConnectionResetError"):
        open_at(f"{web.url}/a", 0)
    assert seen[0].get_header("User-agent") == f"relook/{__version__}"


@pytest.mark.parametrize(
    "url", ["file:///etc/hosts", "ftp://a.example/b", "http://", "a", "http://["]
)
def test_other_addresses_are_not_opened(url: str) -> None:
    assert not is_address(url)
    with pytest.raises(UnavailableError, match="https:// or http://"):
        open_at(url, 0)


@pytest.mark.parametrize("url", ["http://a b/", "http://127.0.0.1:x/", "http://127.0.0.1/\n"])
def test_addresses_that_are_broken(url: str) -> None:
    with pytest.raises((UnavailableError, BrokenError)):
        open_at(url, 0)


def test_an_address_may_lead_on_to_the_web_alone(web: Any) -> None:
    web.files["a"] = b"content"
    web.moved |= {"/old": f"{web.url}/a", "/out": "file:///etc/hosts", "/ftp": "ftp://a.example/b"}
    web.moved["/round"] = f"{web.url}/round"
    with open_at(f"{web.url}/old", 0) as response:
        assert read_some(response) == b"content"
    for path in ("/out", "/ftp", "/round"):
        with pytest.raises(UnavailableError):
            open_at(f"{web.url}{path}", 0)


def test_headers_alone(web: Any) -> None:
    web.files["a"] = b"content"
    with open_at(f"{web.url}/a", 0, "HEAD") as response:
        assert response.headers["Content-Length"] == "7"
        assert read_some(response) == b""
