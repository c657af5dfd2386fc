"""Requests of programs, and their answers."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import threading
import zipfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image
from starlette.requests import Request
from starlette.responses import Response
from starlette.testclient import TestClient

from relook.app.guards import GONE
from relook.app.limits import Limits
from relook.app.models import ModelShelf
from relook.app.refusals import Refusal
from relook.app.routes import _predict, _unless_gone
from relook.app.work import Work
from relook.inference.predictor import Predictor

from .conftest import PNG, Serve, pixels, png


def objects(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["results"]
    return list(result["objects"])


def test_the_answer_is_the_result_of_the_model(client: TestClient, nuts: Predictor) -> None:
    expected = nuts.predict(pixels(), max_dets=5).to_json()["objects"]
    for answer in (
        client.post("/predict?max_dets=5", content=png(), headers=PNG),
        client.post("/predict", files={"images": ("a.png", png())}, data={"max_dets": "5"}),
        client.post("/predict?max_dets=5", files={"images": ("a.png", png())}),
    ):
        found = objects(answer)
        assert [row["mask"] for row in found] == [row["mask"] for row in expected]
        assert [row["name"] for row in found] == [row["name"] for row in expected]
        scores = [row["score"] for row in expected]
        assert [row["score"] for row in found] == pytest.approx(scores, abs=1e-5)
        assert answer.headers["relook-model"] == "nuts"
        assert answer.headers["relook-objects"] == "5"


def test_accept_chooses_the_kind(client: TestClient) -> None:
    def post(accept: str, **fields: str) -> Any:
        answer = client.post(
            "/predict", content=png(), headers=PNG | {"Accept": accept}, params=fields
        )
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].partition(";")[0] == accept.partition(";")[0]
        assert answer.headers["vary"] == "Accept"
        return answer

    number = len(objects(post("application/json")))
    assert len(list(csv.DictReader(io.StringIO(post("text/csv").text)))) == number
    assert len(json.loads(post("application/geo+json").text)["features"]) <= number
    labels = np.asarray(Image.open(io.BytesIO(post("image/png").content)))
    assert labels.shape == (60, 80) and 0 < labels.max() <= number
    overlay = Image.open(io.BytesIO(post("image/png;kind=overlay").content))
    assert overlay.mode == "RGB"
    with zipfile.ZipFile(
        io.BytesIO(post("application/zip", kind="labels", name="b.tif").content)
    ) as z:
        assert z.namelist() == ["001-b.png"]
    answer = client.post("/predict", content=png(), headers=PNG | {"Accept": "text/html"})
    assert answer.status_code == 406


def test_several_images_come_back_in_their_order(client: TestClient) -> None:
    sizes = [(80, 60), (60, 90), (80, 60), (96, 40)]
    files = [
        ("images", (f"{k}.png", png(width, height, k))) for k, (width, height) in enumerate(sizes)
    ]
    results = client.post("/predict", files=files).json()["results"]
    assert [result["source"] for result in results] == ["0.png", "1.png", "2.png", "3.png"]
    assert [(result["width"], result["height"]) for result in results] == sizes


def test_one_bad_image_of_several_is_named_and_none_is_predicted(client: TestClient) -> None:
    files = [("images", (name, content)) for name, content in (("a", png()), ("b", b"text"))]
    answer = client.post("/predict", files=files)
    assert answer.status_code == 422
    assert answer.json()["images"][0]["number"] == 2 and answer.json()["code"] == "D02"
    assert "relook_images_total{" not in client.get("/metrics").text


def test_wrong_options_have_the_messages_of_relook(client: TestClient) -> None:
    for fields, code, status in (
        ({"score": "2"}, "U03", 422),
        ({"skore": "1"}, "U02", 422),
        ({"model": "bolts"}, "U01", 422),
        ({"panoptic": "true"}, "M04", 422),
        ({"channels": "0,1,2,3,4"}, "U04", 422),
        ({"diameter": "20"}, "M04", 422),  # a model that does not know the size of its objects
    ):
        answer = client.post("/predict", content=png(), headers=PNG, params=fields)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert set(answer.json()) == {"code", "what", "remedy"}


def test_notices_are_in_the_answer(client: TestClient) -> None:
    answer = client.post("/predict?tile=off", content=png(600, 400), headers=PNG)
    (notice,) = answer.json()["results"][0]["notices"]
    assert "600x400" in notice.replace(" ", "") or "smaller" in notice
    assert answer.headers["relook-notice"].isascii()


def test_models_health_and_numbers(client: TestClient) -> None:
    assert [model["name"] for model in client.get("/models").json()["models"]] == ["nuts"]
    assert client.get("/health").json() == {"status": "ok"}
    assert client.get("/health/ready").json() == {"status": "ready", "models": ["nuts"], "queue": 0}
    client.post("/predict", content=png(), headers=PNG)
    client.post("/predict", content=b"", headers=PNG)
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'relook_requests_total{route="/predict",status="200"} 1.0' in answer.text
    assert 'relook_requests_total{route="/predict",status="422"} 1.0' in answer.text
    assert 'relook_images_total{model="nuts"} 1.0' in answer.text
    client.app.state.gate.close()
    assert client.get("/health/ready").status_code == 503


def test_a_full_queue_is_429_and_what_was_begun_is_answered(
    serve: Serve, held: threading.Event
) -> None:
    client = serve(Limits(queue=2))
    with ThreadPoolExecutor(2) as pool:
        begun = [
            pool.submit(client.post, "/predict", content=png(seed=k), headers=PNG) for k in range(2)
        ]
        while client.get("/health/ready").json()["queue"] < 2:
            pass
        answer = client.post("/predict", content=png(), headers=PNG)
        assert answer.status_code == 429 and int(answer.headers["retry-after"]) >= 1
        client.app.state.gate.close()
        assert client.post("/predict", content=png(), headers=PNG).status_code == 503
        assert not client.app.state.gate.is_done
        held.set()
        assert [one.result().status_code for one in begun] == [200, 200]
    assert client.app.state.gate.is_done


def test_nothing_is_predicted_for_a_client_that_left() -> None:
    left, was_given_up = asyncio.Event(), []

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def answer() -> Response:
        left.set()
        try:
            await asyncio.sleep(20)
        except asyncio.CancelledError:
            was_given_up.append(True)
            raise
        return Response()

    request = Request({"type": "http"}, receive)
    assert asyncio.run(_unless_gone(request, answer())).status_code == GONE
    assert was_given_up


def test_a_body_that_does_not_come_is_408_and_leaves_room(shelf: ModelShelf) -> None:
    async def receive() -> dict[str, Any]:
        await asyncio.sleep(20)
        raise AssertionError("it was waited for")

    async def ask() -> None:
        work = Work(shelf, Limits(seconds=0.1))
        headers = [(b"content-type", b"image/png"), (b"content-length", b"100")]
        scope = {"type": "http", "method": "POST", "query_string": b"", "headers": headers}
        with pytest.raises(Refusal, match=r"did not come within 0\.1 s") as info:
            await _predict(Request(scope, receive), work)
        assert info.value.status == 408 and work.images.used == 0
        work.stop()

    asyncio.run(ask())


def test_what_takes_too_long_is_504_and_leaves_room(serve: Serve, held: threading.Event) -> None:
    client = serve(Limits(seconds=0.3))
    answer = client.post("/predict", content=png(), headers=PNG)
    assert answer.status_code == 504 and answer.json()["code"] == "R08"
    held.set()
    assert client.get("/health/ready").json()["queue"] == 0


def test_swapped_answers_would_be_seen(serve: Serve, nuts: Predictor) -> None:
    """Many clients at once: each gets the objects of its own image."""
    seeds = range(12)
    client = serve(Limits(batch=4))
    expected = [nuts.predict(pixels(80 + 8 * (k % 3), 60, k)).to_json() for k in seeds]

    def post(k: int) -> list[dict[str, Any]]:
        content = png(80 + 8 * (k % 3), 60, k)
        return objects(client.post("/predict", content=content, headers=PNG))

    with ThreadPoolExecutor(6) as pool:
        found = list(pool.map(post, seeds))
    for mine, rows in zip(expected, found, strict=True):
        assert len(rows) == len(mine["objects"])
        boxes = [row["box"] for row in mine["objects"]]
        assert np.allclose([row["box"] for row in rows], boxes, atol=1e-2)
    assert (
        'relook_batch_images_bucket{le="1.0",model="nuts"} 12.0' not in client.get("/metrics").text
    )
