"""Checks of every request before it is answered: who may ask, and how much.

They stand around the application, as ASGI middleware, so that they hold for each route alike.
"""

from __future__ import annotations

import logging
from contextlib import ExitStack
from time import monotonic
from typing import Final

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .access import OPEN, Rules, shown
from .limits import Budget, Limits
from .metrics import Metrics
from .refusals import Refusal, defect_record, error_record

_LOG: Final = logging.getLogger("relook")
GONE: Final = 499
"""Status, for metrics, of an answer that nobody reads."""
_ROUTES: Final = ("predict", "models", "health", "metrics", "openapi.json", "docs", "api", "static")
_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' blob: data:; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class Gate:
    """Open until the server is told to stop; counts the requests that were begun."""

    def __init__(self) -> None:
        self.is_open = True
        self.begun = 0

    def close(self) -> None:
        """Let no new request in."""
        self.is_open = False

    @property
    def is_done(self) -> bool:
        """Return whether it is closed and all that was begun is finished."""
        return not self.is_open and self.begun == 0


class Guards:
    """ASGI middleware around the whole application.

    It refuses what `rules` refuse, anything once `gate` is closed, and bodies of more bytes than
    the limit, before they are read where their length is said. Each answer gets the headers that
    keep browsers from showing it in another site, and is counted.
    """

    def __init__(
        self, app: ASGIApp, *, rules: Rules, limits: Limits, metrics: Metrics, gate: Gate
    ) -> None:
        self._app, self._rules, self._limits = app, rules, limits
        self._metrics, self._gate = metrics, gate
        self._bytes = Budget(limits.all_bytes, "byte", lambda: 1.0)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or pass on what is none."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        began, answer = monotonic(), _Answer(send)
        self._gate.begun += 1
        try:
            with ExitStack() as stack:
                self._check(scope)
                body = _Body(scope, receive, self._limits.bytes, self._bytes)
                stack.callback(body.give_back)
                body.begin()
                await self._app(scope, body.receive, answer.send)
        except Refusal as error:
            await answer.replace(error.status, error_record(error), scope, error.headers)
        except ClientDisconnect:
            answer.status = answer.status or GONE
        except Exception:  # noqa: BLE001 - a defect, which the log has; the server goes on
            _LOG.exception("%s %s", scope["method"], shown(scope["path"]))
            await answer.replace(500, defect_record(), scope)
        finally:
            self._gate.begun -= 1
            self._metrics.answered(_route(scope["path"]), answer.status, monotonic() - began)

    def _check(self, scope: Scope) -> None:
        if not self._gate.is_open and scope["path"] not in (*OPEN, "/metrics"):
            raise Refusal.stopping()
        self._rules.check(scope)


def _route(path: str) -> str:
    """The first part of a path if it is known, so that metrics have few names."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return f"/{first}" if first in _ROUTES or not first else "other"


class _Answer:
    """The answer on its way, with the headers that all have."""

    def __init__(self, send: Send) -> None:
        self._send, self.status = send, 0

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in _HEADERS.items():
                headers.setdefault(name, value)
        await self._send(message)

    async def replace(
        self,
        status: int,
        record: dict[str, str],
        scope: Scope,
        headers: dict[str, str] | None = None,
    ) -> None:
        """Send an error, unless another answer has begun."""
        if self.status:
            return

        async def nothing() -> Message:
            return {"type": "http.disconnect"}

        await JSONResponse(record, status, headers)(scope, nothing, self.send)


class _Body:
    """The body of a request, counted."""

    def __init__(self, scope: Scope, receive: Receive, limit: int, budget: Budget) -> None:
        self._headers = Headers(scope=scope)
        self._receive, self._limit, self._budget = receive, limit, budget
        self._come = self._taken = 0

    def begin(self) -> None:
        """Check and take the length that is said.

        Raises:
            Refusal: 413 where it is too large, 429 where too much is on its way.
        """
        said = self._headers.get("content-length", "0")
        if not said.isdecimal() or len(said) > 18 or int(said) > self._limit:
            raise _too_large(self._limit)
        self._take(int(said))

    async def receive(self) -> Message:
        """The next message; raises as `begin`."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._come += len(message.get("body", b""))
            if self._come > self._limit:
                raise _too_large(self._limit)
            if self._come > self._taken:
                self._take(self._come - self._taken)
        return message

    def give_back(self) -> None:
        """Give back what was taken."""
        self._budget.give_back(self._taken)
        self._taken = 0

    def _take(self, amount: int) -> None:
        self._budget.take(amount)
        self._taken += amount


def _too_large(limit: int) -> Refusal:
    return Refusal.beyond(
        413,
        f"the body of the request is larger than {limit / 1e6:g} MB",
        "Send smaller images or fewer at a time, or start the server with more --max-mb.",
    )
