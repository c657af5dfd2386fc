"""Who may ask: hosts, sites, tokens, sizes. Each attack is refused before anything is read."""

from __future__ import annotations

import asyncio
import base64
import hmac
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient

from relook.app import guards
from relook.app.guards import Gate, Guards, Rules
from relook.app.limits import Limits
from relook.app.metrics import Metrics

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

    monkeypatch.setattr(guards, "compare_digest", compare)
    serve(token=TOKEN).get("/models", headers={"Authorization": "Bearer nearly"})
    assert compared == [(b"nearly", TOKEN.encode())]


def test_what_changes_something_needs_a_header_that_no_form_can_send() -> None:
    scope = {"method": "PUT", "path": "/api/images/7/objects", "headers": [(b"host", b"localhost")]}
    with pytest.raises(guards.Refusal, match="X-Relook"):
        Rules().check(scope)
    Rules().check({**scope, "headers": [*scope["headers"], (b"x-relook", b"1")]})
    Rules().check({**scope, "method": "GET"})


def test_answers_cannot_be_shown_or_guessed_elsewhere(client: TestClient) -> None:
    headers = client.get("/models").headers
    assert headers["x-content-type-options"] == "nosniff"
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert headers["x-frame-options"] == "DENY"


# Sizes: the application below is asked for nothing, or for as much as the limit lets in.


class Reading:
    """An application that reads the body to its end; `body` is what a client sends."""

    def __init__(self, headers: dict[str, str], body: list[bytes]) -> None:
        self.sent = iter(body)
        self.read = self.asked = 0
        self.messages: list[dict[str, Any]] = []
        raw = [
            (k.lower().encode(), v.encode()) for k, v in ({"Host": "localhost"} | headers).items()
        ]
        self.scope = {"type": "http", "method": "POST", "path": "/predict", "headers": raw}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        while (message := await receive()).get("more_body"):
            self.read += len(message["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive(self) -> dict[str, Any]:
        self.asked += 1
        body = next(self.sent, None)
        return {"type": "http.request", "body": body or b"", "more_body": body is not None}

    async def send(self, message: dict[str, Any]) -> None:
        self.messages.append(message)

    def status(self, limits: Limits, gate: Gate | None = None) -> int:
        around = Guards(self, rules=Rules(), limits=limits, metrics=Metrics(), gate=gate or Gate())
        asyncio.run(around(self.scope, self.receive, self.send))
        return int(self.messages[0]["status"])


SMALL = Limits(bytes=1000)


@pytest.mark.parametrize("said", ["1001", "99999999999999999999999", "-1", "1e3", "²"])
def test_a_body_that_says_it_is_too_large_is_not_read(said: str) -> None:
    request = Reading({"Content-Length": said}, [b"x" * 100] * 20)
    assert request.status(SMALL) == 413
    assert request.asked == 0


def test_a_body_without_length_is_read_up_to_the_limit() -> None:
    request = Reading({"Transfer-Encoding": "chunked"}, [b"x" * 100] * 20)
    assert request.status(SMALL) == 413
    assert request.read == 1000
    assert Reading({}, [b"x" * 100] * 10).status(SMALL) == 200


def test_a_body_larger_than_it_says_is_refused() -> None:
    assert Reading({"Content-Length": "10"}, [b"x" * 100] * 20).status(SMALL) == 413


def test_all_bodies_together_are_bounded() -> None:
    request = Reading({"Content-Length": "900"}, [b"x" * 900])
    around = Guards(request, rules=Rules(), limits=SMALL, metrics=Metrics(), gate=Gate())

    class Held:
        """Eight requests that have begun, and stay."""

        async def __call__(self, *_: Any) -> None:
            await self.go.wait()

    async def fill() -> None:
        held = Held()
        held.go = asyncio.Event()  # type: ignore[attr-defined]
        around._app = held
        begun = [
            asyncio.create_task(around(request.scope, request.receive, request.send))
            for _ in range(8)
        ]
        await asyncio.sleep(0)
        await around(request.scope, request.receive, request.send)
        assert request.messages[0]["status"] == 429
        held.go.set()  # type: ignore[attr-defined]
        await asyncio.gather(*begun)
        around._app = request
        request.messages.clear()
        await around(request.scope, request.receive, request.send)
        assert request.messages[0]["status"] == 200

    asyncio.run(fill())


def test_once_the_gate_is_closed_only_health_is_answered(client: TestClient) -> None:
    client.app.state.gate.close()
    answer = client.get("/models")
    assert answer.status_code == 503 and answer.json()["code"] == "R08"
    assert answer.headers["retry-after"] == "10"
    assert client.get("/health").json() == {"status": "stopping"}
    assert client.get("/metrics").status_code == 200
    assert client.app.state.gate.is_done


def test_a_defect_is_answered_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    class Broken(Reading):
        async def __call__(self, *_: Any) -> None:
            raise ZeroDivisionError("here")

    broken = Broken({}, [])
    assert broken.status(SMALL) == 500
    assert b"R10" in broken.messages[1]["body"] and b"here" not in broken.messages[1]["body"]
    assert "ZeroDivisionError: here" in caplog.text


def test_a_client_that_leaves_while_it_sends_is_no_defect(
    caplog: pytest.LogCaptureFixture,
) -> None:
    class Left(Reading):
        async def __call__(self, *_: Any) -> None:
            raise ClientDisconnect

    gate, left = Gate(), Left({}, [])
    with pytest.raises(IndexError):  # no answer is sent
        left.status(SMALL, gate)
    assert caplog.text == "" and gate.begun == 0


def test_other_paths_are_counted_as_one(client: TestClient) -> None:
    for path in ("/wp-admin", "/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/static/../x"):
        assert client.get(path).status_code == 404
    text = client.get("/metrics").text
    assert 'relook_requests_total{route="other",status="404"}' in text and "passwd" not in text
