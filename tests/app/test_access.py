"""Who may ask: hosts, sites, tokens. Each attack is refused before anything is read."""

from __future__ import annotations

import base64
import hmac

import pytest
from starlette.testclient import TestClient

from relook.app import access
from relook.app.access import Rules
from relook.app.refusals import Refusal

from .conftest import HERE, PNG, Serve, png

TOKEN = "a-token-of-some-length"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8117", 200),
        ("localhost:8117", 200),
        ("LocalHost", 200),
        ("[::1]:8117", 200),
        ("192.168.1.7:80", 200),  # an address cannot be made to point elsewhere
        ("lab.example:443", 200),  # allowed below
        ("evil.example", 421),
        ("evil.example:8117", 421),
        ("localhost.evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("localhost@evil.example", 421),
        ("evil.example/localhost", 421),
        ("localhost:port", 421),
        ("", 421),
    ],
)
def test_names_that_point_here_from_elsewhere_are_refused(
    serve: Serve, host: str, status: int
) -> None:
    client = serve(allowed_hosts=["Lab.example"])
    answer = client.get("/models", headers={"Host": host})
    assert answer.status_code == status
    if status == 421:
        assert answer.json()["code"] == "R09" and "--allow-host" in answer.json()["remedy"]


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),  # programs
        ({"Origin": HERE}, 200),
        ({"Origin": HERE.upper().replace("HTTP", "http")}, 200),
        ({"Origin": "http://127.0.0.1:3000"}, 403),  # another server of this machine
        ({"Origin": "http://localhost:8117"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),  # a file, or a frame without an origin
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),  # a link to here
    ],
)
def test_pages_of_other_sites_get_nothing(
    client: TestClient, headers: dict[str, str], status: int
) -> None:
    answer = client.get("/models", headers=headers)
    assert answer.status_code == status
    assert "access-control-allow-origin" not in answer.headers
    if status == 403:
        assert client.post("/predict", content=png(), headers=PNG | headers).status_code == 403


def test_a_form_of_another_site_is_not_predicted(client: TestClient) -> None:
    """A form needs no permission to send files; a browser says where it stands."""
    headers = {"Origin": "https://evil.example", "Sec-Fetch-Mode": "navigate"}
    answer = client.post("/predict", files={"images": ("a.png", png())}, headers=headers)
    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("lab.example", "https://lab.example", 200),
        ("lab.example:443", "https://lab.example", 200),
        ("lab.example", "https://lab.example:8443", 403),
        ("lab.example", "https://other.example", 403),
    ],
)
def test_the_site_of_a_proxy_is_the_same_site(
    serve: Serve, host: str, origin: str, status: int
) -> None:
    client = serve(allowed_hosts=["lab.example"])
    assert client.get("/models", headers={"Host": host, "Origin": origin}).status_code == status


def test_no_site_is_ever_allowed(client: TestClient) -> None:
    answer = client.options(
        "/predict",
        headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"},
    )
    assert answer.status_code == 403
    assert not [name for name in answer.headers if name.startswith("access-control")]


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (f"Bearer {TOKEN}", 200),
        (f"bearer {TOKEN}", 200),
        ("Basic " + base64.b64encode(f"me:{TOKEN}".encode()).decode(), 200),
        ("Basic " + base64.b64encode(TOKEN.encode()).decode(), 401),
        ("Basic !!!", 401),
        (f"Bearer {TOKEN}x", 401),
        ("Bearer " + TOKEN[:-1], 401),
        ("Bearer", 401),
        (TOKEN, 401),
        ("Bearer \u00fc", 401),
        (None, 401),
    ],
)
def test_the_token_is_asked_for(serve: Serve, value: str | None, status: int) -> None:
    client = serve(token=TOKEN)
    headers = {} if value is None else {"Authorization": value.encode()}
    answer = client.get("/models", headers=headers)
    assert answer.status_code == status
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Basic ")
        assert TOKEN not in answer.text
    assert client.get("/health").status_code == 200  # for programs that watch it


def test_tokens_are_compared_in_constant_time(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared: list[tuple[bytes, bytes]] = []

    def compare(first: bytes, second: bytes) -> bool:
        compared.append((first, second))
        return hmac.compare_digest(first, second)

    monkeypatch.setattr(access, "compare_digest", compare)
    serve(token=TOKEN).get("/models", headers={"Authorization": "Bearer nearly"})
    assert compared == [(b"nearly", TOKEN.encode())]


def test_what_changes_something_needs_a_header_that_no_form_can_send() -> None:
    scope = {"method": "PUT", "path": "/api/images/7/objects", "headers": [(b"host", b"localhost")]}
    with pytest.raises(Refusal, match="X-Relook"):
        Rules().check(scope)
    Rules().check({**scope, "headers": [*scope["headers"], (b"x-relook", b"1")]})
    Rules().check({**scope, "method": "GET"})
