"""The application as a whole: errors of all kinds, more routes, its end."""

from __future__ import annotations

from fastapi import FastAPI
from pydantic import BaseModel
from starlette.testclient import TestClient

from relook.app.models import ModelShelf
from relook.app.server import make_server
from relook.app.work import Work
from relook.errors import RelookError

from .conftest import HERE, PNG, Serve, png


class Body(BaseModel):
    number: int


class MorePages:
    """More routes, as those of a page."""

    def add_to(self, app: FastAPI, work: Work) -> None:
        @app.post("/api/number")
        async def number(body: Body) -> dict[str, int]:
            if body.number < 0:
                raise RelookError("R02", "the disk is full. Free space.")
            return {"number": body.number, "models": len(work.models)}

        @app.get("/api/broken")
        async def broken() -> None:
            raise ZeroDivisionError


def test_more_routes_have_the_same_guards_and_errors(serve: Serve) -> None:
    client = serve(project=MorePages(), token="t" * 20)
    headers = {"X-Relook": "1", "Authorization": "Bearer " + "t" * 20}
    answer = client.post("/api/number", json={"number": 3}, headers=headers)
    assert answer.json() == {"number": 3, "models": 1}
    answer = client.post("/api/number", json={"number": "x"}, headers=headers)
    assert answer.status_code == 422 and answer.json()["code"] == "U03"
    assert "body.number" in answer.json()["what"]
    answer = client.post("/api/number", json={"number": -1}, headers=headers)
    assert answer.status_code == 500
    assert answer.json() == {"code": "R02", "what": "the disk is full.", "remedy": "Free space."}
    answer = client.post("/api/number", json={}, headers={"X-Relook": "1"})
    assert answer.status_code == 401
    assert client.get("/api/broken", headers=headers).json()["code"] == "R10"


def test_unknown_addresses_and_methods_have_the_form_of_errors(client: TestClient) -> None:
    for method, path, status in (
        ("GET", "/predict", 405),
        ("DELETE", "/models", 405),
        ("GET", "/redoc", 404),
        ("GET", "/", 404),
        ("GET", "/static/../../secret", 404),
        ("GET", "/%2e%2e%2fetc/passwd", 404),
    ):
        answer = client.request(method, path)
        assert answer.status_code == status
        assert answer.json()["code"] == "R09" and "openapi" in answer.json()["remedy"]


def test_the_page_of_routes_needs_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    assert "max_dets" in page.text and "curl" in page.text
    assert "http://" not in page.text.replace(HERE, "") and "https://" not in page.text
    assert "<script" not in page.text


def test_names_of_classes_and_models_are_escaped_in_html(shelf: ModelShelf) -> None:
    nuts = shelf.get()
    odd = type(nuts).__new__(type(nuts))
    odd.__dict__ |= nuts.__dict__
    odd.classes = tuple(type(c)(c.id, f"<img src=x onerror={c.id}>") for c in nuts.classes)
    hostile = ModelShelf()
    hostile.add("odd", odd)
    with TestClient(make_server(hostile), base_url=HERE) as client:
        page = client.get("/docs").text
        assert "<img" not in page and "&lt;img src=x" in page
        answer = client.post("/predict", content=png(), headers=PNG)
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["results"][0]["objects"][0]["name"].startswith("<img")
        geo = client.post("/predict", content=png(), headers=PNG | {"Accept": "text/csv"})
        assert geo.headers["x-content-type-options"] == "nosniff"


def test_the_threads_end_with_the_application(shelf: ModelShelf) -> None:
    app = make_server(shelf)
    with TestClient(app, base_url=HERE) as client:
        client.post("/predict", content=png(), headers=PNG)
    (worker,) = app.state.work.workers.values()
    worker.join(60)
    assert not worker.is_alive
