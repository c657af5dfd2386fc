"""The files of the page, served from inside the package."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse

PAGE: Final = Path(__file__).resolve().parents[1] / "page"
_TYPES: Final = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}


def page_routes() -> APIRouter:
    """Return the routes of the page itself: `/`, and its files below `/static/`.

    A file is found by its name in a table that is made here, never by a path of the request.
    """
    files = {path.name: path for path in PAGE.iterdir() if path.suffix in _TYPES}
    routes = APIRouter(include_in_schema=False)

    @routes.get("/")
    def page() -> FileResponse:
        return _answer(files["index.html"])

    @routes.get("/static/{name}")
    def static(name: str) -> FileResponse:
        if name not in files:
            raise HTTPException(404)
        return _answer(files[name])

    return routes


def _answer(path: Path) -> FileResponse:
    return FileResponse(path, media_type=_TYPES[path.suffix])
