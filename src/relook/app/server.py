"""The application: models behind routes of HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from .._version import __version__
from ..errors import RelookError, UsageError
from .access import Rules
from .guards import Gate, Guards
from .limits import Limits
from .metrics import Metrics
from .models import ModelShelf
from .refusals import Refusal, error_record, status_of
from .routes import public_routes
from .work import Work

_WORDS: Final = {
    404: ("there is nothing at this address", "The addresses are in /openapi.json."),
    405: ("this address does not take that method", "See /openapi.json for those it takes."),
}


class Pages(Protocol):
    """More routes: the page and what is behind it."""

    def add_to(self, app: FastAPI, work: Work) -> None:
        """Add the routes to `app`; `work` predicts."""
        ...


def make_server(
    models: ModelShelf,
    *,
    limits: Limits | None = None,
    token: str | None = None,
    allowed_hosts: Iterable[str] = (),
    project: Pages | None = None,
) -> FastAPI:
    """The application that serves `models`, and with a `project` the page for its images.

    Every request is checked by `guards`; `token` is asked for unless it is None, and
    `allowed_hosts` are names of the server beside addresses and localhost. ``app.state.work`` is
    the `Work` that predicts, ``app.state.gate`` the `Gate` that a stop closes.
    """
    limits = limits or Limits()
    metrics, gate = Metrics(), Gate()
    work = Work(models, limits, metrics)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        try:
            yield
        finally:
            work.stop()

    app = FastAPI(
        title="relook",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
    )
    app.state.work, app.state.gate, app.state.metrics = work, gate, metrics
    app.add_exception_handler(RelookError, _answer_error)
    app.add_exception_handler(RequestValidationError, _answer_invalid)
    app.add_exception_handler(HTTPException, _answer_http)
    app.add_middleware(
        Guards, rules=Rules(token, allowed_hosts), limits=limits, metrics=metrics, gate=gate
    )
    app.include_router(public_routes(work, gate))
    if project is not None:
        project.add_to(app, work)
    return app


async def _answer_error(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RelookError)
    headers = error.headers if isinstance(error, Refusal) else None
    return JSONResponse(error_record(error), status_of(error), headers)


async def _answer_invalid(request: Request, error: Exception) -> JSONResponse:
    """Values of other types than a route takes."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return await _answer_error(request, UsageError("U03", f"{where[:200]}: {first['msg'][:200]}"))


async def _answer_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    what, remedy = _WORDS.get(error.status_code, (str(error.detail), "See /openapi.json."))
    refusal = Refusal(error.status_code, what, remedy, headers=dict(error.headers or {}))
    return await _answer_error(request, refusal)
