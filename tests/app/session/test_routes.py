"""The routes of the page, through the whole server."""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from relook.app.models import ModelShelf
from relook.app.server import make_server
from relook.app.session.corrections import FILE
from relook.app.session.project import Project
from relook.app.session.routes import SessionRoutes
from relook.app.teaching.standby import Standby
from relook.app.teaching.teacher import Teacher

HERE = "http://127.0.0.1:8117"
OURS = {"X-Relook": "1"}
SQUARE = [[[[2, 2], [12, 2], [12, 12], [2, 12]]]]


def thing(number: str = "d1", **changes: Any) -> dict[str, Any]:
    return {"id": number, "class": 0, "score": None, "state": "drawn", "shape": SQUARE, **changes}


def png(width: int = 40, height: int = 30) -> bytes:
    content = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 255, (height, width, 3), dtype=np.uint8)
    Image.fromarray(noise).save(content, "PNG")
    return content.getvalue()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    (folder / "<img src=x onerror=alert(1)>.png").write_bytes(png())
    (folder / "broken.png").write_bytes(b"\x89PNG nothing")
    return folder


@pytest.fixture
def page(folder: Path, shelf: ModelShelf) -> Iterator[TestClient]:
    with Project(folder, shelf) as project:
        app = make_server(shelf, project=SessionRoutes(project, Teacher(project, {})))
        with TestClient(app, base_url=HERE, headers=OURS) as client:
            yield client


def objects_of(page: TestClient, number: int, more: str = "") -> dict[str, Any]:
    for _ in range(600):
        answer = page.get(f"/api/images/{number}/objects{more}")
        if answer.status_code == 200:
            return dict(answer.json())
        assert (answer.status_code, answer.json()) == (202, {"waiting": True})
        time.sleep(0.02)
    raise AssertionError("no prediction within 12 seconds")


def test_a_class_is_added(page: TestClient, folder: Path) -> None:
    answer = page.post("/api/classes", json={"name": " washer "})
    assert answer.status_code == 201
    assert answer.json() == {"class": 2, "classes": ["nut", "bolt", "washer"]}
    saved = json.loads((folder / FILE).read_text())
    assert [row["name"] for row in saved["categories"]] == ["nut", "bolt", "washer"]
    assert (saved["images"], saved["annotations"]) == ([], [])
    for name in ("", "Nut", "a\x1b[31m", "\ud800", "x" * 81):
        refused = page.post("/api/classes", content=json.dumps({"name": name}))
        assert refused.status_code == 422 and refused.json()["code"] == "U03"
    assert page.get("/api/project").json()["classes"] == ["nut", "bolt", "washer"]
    body = {"revision": 0, "objects": [thing(**{"class": 2})], "done": True}
    assert page.put("/api/images/1/objects", json=body).status_code == 200


def test_a_class_is_renamed_and_removed(page: TestClient) -> None:
    page.post("/api/classes", json={"name": "washer"})
    page.put("/api/images/1/objects", json={"revision": 0, "objects": [thing(**{"class": 2})]})
    renamed = page.put("/api/classes/2", json={"name": "ring", "before": "washer"})
    assert renamed.json() == {"classes": ["nut", "bolt", "ring"]}
    rows = page.get("/api/classes").json()
    assert rows[2] == {"class": 2, "name": "ring", "objects": 1, "images": 1, "models": []}
    late = page.put("/api/classes/2", json={"name": "disc", "before": "washer"})
    assert (late.status_code, late.json()["code"]) == (409, "R07")
    for name in ("", "Nut", "a\x1b[31m", "\ud800", "x" * 81):
        body = json.dumps({"name": name, "before": "ring"})
        refused = page.put("/api/classes/2", content=body)
        assert refused.status_code == 422 and refused.json()["code"] == "U03"
    body = {"before": "ring", "objects": 0}
    assert page.request("DELETE", "/api/classes/2", json=body).status_code == 409
    body = {"before": "ring", "objects": 1}
    refused = page.request("DELETE", "/api/classes/2", json=body)
    assert (refused.status_code, refused.json()["code"]) == (422, "U04")
    removed = page.request("DELETE", "/api/classes/2", json={**body, "to": 1})
    assert removed.json() == {"classes": ["nut", "bolt", None]}
    saved = objects_of(page, 1)
    assert (saved["revision"], saved["objects"][0]["class"]) == (2, 1)
    for path, method in (("9", "DELETE"), ("0", "DELETE"), ("-1", "PUT"), ("x", "PUT")):
        body = {"before": "nut", "objects": 0, "name": "pin"}
        answer = page.request(method, f"/api/classes/{path}", json=body)
        assert answer.status_code == 422 and answer.json()["what"], path
    back = {"revision": 2, "objects": [thing(**{"class": 2})]}
    answer = page.put("/api/images/1/objects", json=back)  # of a page that did not know
    assert answer.json()["classes"] == ["nut", "bolt", "ring"]


def test_from_the_list_to_a_download(page: TestClient, folder: Path) -> None:
    project = page.get("/api/project").json()
    assert project["classes"] == ["nut", "bolt"]
    assert project["model"] == "nuts"
    first, second = page.get("/api/images").json()
    assert (first["width"], first["height"], first["status"]) == (40, 30, "new")
    assert second["status"] == "unreadable" and "D02" in second["message"]
    found = objects_of(page, 1)
    assert found["revision"] == 0 and not found["saved"]
    assert page.get("/api/images").json()[0]["objects"] == len(found["objects"])
    body = {"revision": 0, "objects": [*found["objects"][:2], thing()], "done": True}
    assert page.put("/api/images/1/objects", json=body).json() == {
        "revision": 1,
        "objects": 3,
        "classes": ["nut", "bolt"],
    }
    saved = objects_of(page, 1)
    assert saved["saved"] and saved["objects"][2]["area"] == 100
    assert [o["shape"] for o in saved["objects"][:2]] == [o["shape"] for o in found["objects"][:2]]
    late = page.put("/api/images/1/objects", json={**body, "objects": []})
    assert (late.status_code, late.json()["revision"]) == (409, 1)
    assert (folder / FILE).is_file()
    answer = page.get("/api/download?kind=csv&ids=1&min_score=0")
    assert len(answer.text.splitlines()) == 4
    assert 'filename="objects.csv"' in answer.headers["content-disposition"]
    everything = page.get("/api/download?kind=csv")
    assert everything.headers["x-relook-left-out"] == "1 image without objects so far left out"
    assert page.get("/api/suggestion").json()["id"] is None


def test_pictures(page: TestClient) -> None:
    details = page.get("/api/images/1").json()
    assert (details["tile"], details["levels"]) == (512, 1)
    for path in ("picture.png", "picture.png?max=16", "thumbnail.png", "tiles/0/0/0.png"):
        answer = page.get(f"/api/images/1/{path}")
        assert answer.headers["content-type"] == "image/png"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.content.startswith(b"\x89PNG")
    assert page.get("/api/images/2/picture.png").status_code == 422


def test_split_merge_and_measure_change_nothing_here(page: TestClient, folder: Path) -> None:
    line = [[7, 0], [7, 20]]
    parts = page.post("/api/images/1/split", json={"object": thing(), "line": line}).json()
    assert sum(part["area"] for part in parts["objects"]) == 100
    one = page.post("/api/images/1/merge", json=parts).json()["object"]
    assert (one["area"], one["box"]) == (100, [2, 2, 12, 12])
    beyond = [[[[30, 20], [90, 20], [90, 90], [30, 90]]]]
    measured = page.post("/api/images/1/measure", json={"shape": beyond}).json()
    assert (measured["area"], measured["box"]) == (100, [30, 20, 40, 30])
    assert not (folder / FILE).exists()


def test_images_are_dropped_onto_the_page(page: TestClient, folder: Path) -> None:
    files = [("files", ("../../x.png", png(), "image/png")), ("files", ("x.png", png(), "x/y"))]
    added = page.post("/api/images", files=files)
    assert added.status_code == 201
    assert [entry["name"] for entry in added.json()] == ["x.png", "x-2.png"]
    assert [entry["id"] for entry in added.json()] == [3, 4]
    assert (folder / ".relook" / "images" / "x-2.png").is_file()
    assert not (folder.parent / "x.png").exists()
    bad = page.post("/api/images", files=[("files", ("a.png", b"<svg>", "image/png"))])
    assert (bad.status_code, bad.json()["code"]) == (422, "D02")
    assert len(page.get("/api/images").json()) == 4


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/api/images/99", 404),
        ("GET", "/api/images/99/objects", 404),
        ("GET", "/api/images/99/picture.png", 404),
        ("GET", "/api/images/1/tiles/4/0/0.png", 404),
        ("GET", "/api/images/1/tiles/0/7/0.png", 404),
        ("GET", "/api/images/1/tiles/-1/0/0.png", 404),
        ("GET", "/api/images/..%2f..%2fetc/picture.png", 404),
        ("GET", "/api/images/one", 422),
        ("GET", "/api/images/1/picture.png?max=100000", 422),
        ("GET", "/api/images/1/objects?model=nothing", 422),
        ("GET", "/api/images/2/objects", 422),
        ("GET", "/api/download?kind=nothing", 422),
        ("GET", "/api/download?kind=csv&ids=1;2", 422),
        ("GET", "/api/download?kind=csv&ids=99", 404),
        ("GET", "/api/download?kind=csv&min_score=7", 422),
        ("GET", "/api/teach/pictures/7.png", 404),
        ("GET", "/api/nothing", 404),
        ("DELETE", "/api/images/1", 405),
    ],
)
def test_wrong_addresses(method: str, path: str, status: int, page: TestClient) -> None:
    answer = page.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) >= {"code", "what", "remedy"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("objects", {}),
        ("objects", {"revision": -1, "objects": []}),
        ("objects", {"revision": 0, "objects": [thing(shape="x")]}),
        ("objects", {"revision": 0, "objects": [thing(shape=[[[[0, 0], [1]]]])]}),
        ("objects", {"revision": 0, "objects": [thing(), thing()]}),
        ("objects", {"revision": 0, "objects": [thing(score="0.5")]}),
        ("objects", {"revision": 0, "objects": [thing(**{"class": 5})]}),
        ("objects", {"revision": 0, "objects": [thing("x" * 100)]}),
        ("objects", {"revision": 0, "objects": [thing(state="<b>")]}),
        ("objects", {"revision": 0, "objects": [], "model": "nothing"}),
        ("split", {"object": thing(), "line": [[0, 0]]}),
        ("split", {"object": thing(), "line": [[0, 0], [0, 30]]}),
        ("merge", {"objects": [thing()]}),
        ("measure", {"shape": []}),
        ("measure", {"shape": [[[[50, 50], [60, 50], [60, 60]]]]}),
    ],
)
def test_wrong_bodies(path: str, body: dict[str, Any], page: TestClient, folder: Path) -> None:
    method = "PUT" if path == "objects" else "POST"
    answer = page.request(method, f"/api/images/1/{path}", json=body)
    assert answer.status_code == 422
    assert answer.json()["what"]
    assert not (folder / FILE).exists()


@pytest.mark.parametrize(
    "content",
    [b"", b"[" * 100_000, b"\xff\xfe", b'{"shape": NaN}', b'{"shape": [[[[1e999, 0], [1, 1]]]]}'],
)
def test_bodies_that_are_no_json(content: bytes, page: TestClient) -> None:
    headers = {"Content-Type": "application/json"}
    answer = page.post("/api/images/1/measure", content=content, headers=headers)
    assert answer.status_code in (400, 422)
    assert answer.json()["code"]


def test_a_form_of_another_site_changes_nothing(page: TestClient, folder: Path) -> None:
    body = {"revision": 0, "objects": []}
    for headers in ({"X-Relook": ""}, {"Origin": "http://evil.example"}):
        answer = page.put("/api/images/1/objects", json=body, headers=headers)
        assert answer.status_code == 403
    answer = page.get("/api/images", headers={"Host": "evil.example"})
    assert answer.status_code == 421
    assert not (folder / FILE).exists()


def test_teaching_says_what_is_missing(page: TestClient) -> None:
    assert page.get("/api/teach").json()["state"] == "idle"
    for body, status in (
        ({"ids": []}, 422),
        ({"ids": [1], "minutes": -1}, 422),
        ({"ids": [1], "minutes": 1, "steps": 1}, 422),
        ({"ids": [99]}, 422),
        ({"ids": [1]}, 422),
    ):
        answer = page.post("/api/teach", json=body)
        assert answer.status_code == status, body
    assert "cannot be trained" in answer.json()["what"]
    assert page.delete("/api/teach").json()["state"] == "idle"
    with pytest.MonkeyPatch.context() as patch:
        calls: list[Standby] = []
        patch.setattr(Standby, "prepare", lambda standby: calls.append(standby))
        assert page.post("/api/teach/standby").status_code == 202 and len(calls) == 1
