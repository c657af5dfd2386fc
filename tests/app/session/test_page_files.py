"""The page and its files through the server: by their names only."""

from __future__ import annotations

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from relook.app.session.page_files import PAGE, page_routes


@pytest.fixture
def client() -> TestClient:
    app = FastAPI()
    app.include_router(page_routes())
    return TestClient(app)


def test_the_page_and_each_of_its_files(client: TestClient) -> None:
    answer = client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.content == (PAGE / "index.html").read_bytes()
    kinds = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml"}
    for path in PAGE.iterdir():
        if path.suffix[1:] in kinds:
            answer = client.get(f"/static/{path.name}")
            assert answer.content == path.read_bytes()
            assert answer.headers["content-type"].startswith(kinds[path.suffix[1:]])


@pytest.mark.parametrize("name", ["none.js", "..%2fmodels.py", "%2e%2e/models.py", "a/b.js", ""])
def test_nothing_else(name: str, client: TestClient) -> None:
    assert client.get(f"/static/{name}").status_code == 404
