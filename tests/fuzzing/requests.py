"""Requests to the server as files: content type, Accept and query in three lines, then the body."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from starlette.requests import Request

from relook.app.access import Rules
from relook.app.fields import FIELDS, wish_of
from relook.app.limits import Limits
from relook.app.negotiation import choose
from relook.app.uploads import check_pixels, uploads_of
from relook.data.images import Reading

from . import seeds

LIMITS = Limits(bytes=1_000_000, images=4)


def requests() -> seeds.Seeds:
    """A form with two images and fields, and an image by itself with every field."""
    image = seeds.png()[0]
    part = b'--x\r\nContent-Disposition: form-data; name="images"; filename="a.png"\r\n'
    field = b'--x\r\nContent-Disposition: form-data; name="score"\r\n\r\n0.5\r\n'
    form = (part + b"Content-Type: image/png\r\n\r\n" + image + b"\r\n") * 2 + field + b"--x--\r\n"
    query = "&".join(f"{name}={field.example}" for name, field in FIELDS.items() if name != "size")
    return (
        b"multipart/form-data; boundary=x\ntext/csv, */*;q=0.1\ntile=auto\n" + form,
        b"image/png\nimage/png;kind=overlay\n" + query.encode() + b"\n" + image,
    )


def answer(path: Path, _: Path) -> None:
    """Do all of a request but the prediction."""
    media, accept, query, body = [*path.read_bytes().split(b"\n", 3), b"", b"", b""][:4]
    scope: dict[str, Any] = {
        "type": "http",
        "method": "POST",
        "path": "/predict",
        "query_string": query,
        "headers": [
            (b"host", b"localhost"),
            (b"content-type", media),
            (b"accept", accept),
            (b"origin", b"http://localhost"),
            (b"authorization", media),
        ],
    }
    Rules().check(scope)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    request = Request(scope, receive)
    images, pairs = asyncio.run(uploads_of(request, LIMITS))
    wish = wish_of(pairs)
    choose(request.headers["accept"], wish.kind, len(images))
    for image in images:
        check_pixels(image, Reading(), LIMITS.pixels)
