"""How much is taken, what all answers have, and what happens when something goes wrong."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect
from starlette.testclient import TestClient

from relook.app.access import Rules
from relook.app.guards import Gate, Guards
from relook.app.limits import Limits
from relook.app.metrics import Metrics


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
