"""The routes for programs: predictions, models, health, numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import ExitStack
from typing import Any, TypeVar

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from ..data.sources.stored import ImageBytes
from ..errors import DataError
from .answers import Predicted, render
from .docs_page import docs_page
from .fields import Wish, wish_of
from .guards import GONE, Gate
from .negotiation import Choice, choose
from .openapi import DOCS, METRICS, MODELS, PREDICT, READY, STATE
from .refusals import BadImages, Refusal
from .uploads import check_pixels, uploads_of
from .work import Work

T = TypeVar("T")


def public_routes(work: Work, gate: Gate) -> APIRouter:
    """``POST /predict``, ``GET /models``, ``/health``, ``/health/ready``, ``/metrics`` and
    ``/docs``."""
    router = APIRouter()

    @router.post("/predict", **PREDICT)
    async def predict(request: Request) -> Response:
        return await _predict(request, work)

    @router.get("/models", **MODELS)
    async def models() -> JSONResponse:
        return JSONResponse({"models": work.models.describe()})

    @router.get("/health", **STATE)
    async def health() -> JSONResponse:
        return JSONResponse({"status": "ok" if gate.is_open else "stopping"})

    @router.get("/health/ready", **READY)
    async def ready() -> JSONResponse:
        is_ready = gate.is_open and work.is_ready()
        status = "ready" if is_ready else "stopping" if not gate.is_open else "not ready"
        return JSONResponse(
            {"status": status, "models": work.models.names(), "queue": work.images.used},
            200 if is_ready else 503,
        )

    @router.get("/metrics", **METRICS)
    async def metrics() -> Response:
        return Response(work.metrics.text(), media_type="text/plain; version=0.0.4; charset=utf-8")

    @router.get("/docs", **DOCS)
    async def docs(request: Request) -> HTMLResponse:
        address = str(request.base_url).rstrip("/")
        return HTMLResponse(docs_page(work.models.describe(), address))

    return router


async def _predict(request: Request, work: Work) -> Response:
    """The answer to one request for predictions.

    Raises:
        Refusal: 408 when the request does not come within the limit of time, 504 when the results
            do not, else as `uploads_of` and `choose`.
        RelookError: as `Work.read` and `Work.finish`.
    """
    seconds = work.limits.seconds
    deadline = asyncio.get_running_loop().time() + seconds
    with ExitStack() as taken:
        taken.enter_context(work.images.taken(1))
        try:
            async with asyncio.timeout_at(deadline):
                uploads, pairs = await uploads_of(request, work.limits)
        except TimeoutError:
            raise Refusal.beyond(
                408, f"the request did not come within {seconds:g} s", "Send it again."
            ) from None
        wish = wish_of(pairs)
        work.models.name(wish.model)
        choice = choose(request.headers.get("accept", ""), wish.kind, len(uploads))
        taken.enter_context(work.images.taken(len(uploads) - 1))
        try:
            async with asyncio.timeout_at(deadline):
                return await _unless_gone(request, _answer(work, uploads, wish, choice))
        except TimeoutError:
            raise Refusal.late(seconds) from None


async def _answer(
    work: Work, uploads: Sequence[ImageBytes], wish: Wish, choice: Choice
) -> Response:
    """All images are looked at, then read, then predicted, so that a bad one is told soon."""
    name = work.models.name(wish.model)
    reading = work.models.get(name).reading(wish.options)
    limit = work.limits.pixels
    sizes = await _all(
        uploads, [work.in_thread(check_pixels, image, reading, limit) for image in uploads]
    )
    with work.pixels.taken(sum(sizes)):
        reads = await _all(uploads, [work.read(name, image, wish.options) for image in uploads])
        results = await _all(uploads, [work.finish(read) for read in reads])
        predicted = [
            Predicted(name, result, read.notices)
            for result, read in zip(results, reads, strict=True)
        ]
        content = await work.in_thread(render, choice, predicted, wish)
    return Response(content, media_type=choice.media, headers=_headers(name, predicted))


async def _all(images: Sequence[ImageBytes], steps: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """Results of the steps of all images, in their order.

    Raises:
        BadImages: for several images of which some cannot be used.
        RelookError: of the step of the first image that failed.
    """
    outcomes = await asyncio.gather(*steps, return_exceptions=True)
    failed = [one for one in outcomes if isinstance(one, BaseException)]
    for error in failed:
        if not isinstance(error, DataError) or len(images) == 1:
            raise error
    if failed:
        bad = [
            (number, image.name, error)
            for number, (image, error) in enumerate(zip(images, outcomes, strict=True), start=1)
            if isinstance(error, DataError)
        ]
        raise BadImages(bad, len(images))
    return [one for one in outcomes if not isinstance(one, BaseException)]


def _headers(name: str, predicted: Sequence[Predicted]) -> dict[str, str]:
    """The model, the numbers of objects, and what a person should know."""
    headers = {
        "Relook-Model": name,
        "Relook-Objects": ",".join(str(len(one.result)) for one in predicted),
        "Vary": "Accept",
    }
    notices = [notice for one in predicted for notice in one.notices]
    if notices:
        text = " ".join(" ".join(notices).split())  # one line
        headers["Relook-Notice"] = text.encode("ascii", "replace").decode()[:1000]
    return headers


async def _unless_gone(request: Request, answer: Coroutine[Any, Any, Response]) -> Response:
    """The answer, which is given up when the client leaves."""
    answering = asyncio.create_task(answer)
    gone = asyncio.create_task(_until_gone(request))
    try:
        await asyncio.wait({answering, gone}, return_when=asyncio.FIRST_COMPLETED)
        return answering.result() if answering.done() else Response(status_code=GONE)
    finally:
        for task in (answering, gone):
            if not task.done():
                task.cancel()
        await asyncio.wait({answering, gone})


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
