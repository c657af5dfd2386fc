"""What `/openapi.json` promises is there."""

from __future__ import annotations

from starlette.testclient import TestClient

from relook.app.fields import FIELDS
from relook.app.negotiation import ANSWERS
from relook.errors import CODES


def test_the_routes_are_described_with_examples(client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert set(document["paths"]) == {
        "/predict",
        "/models",
        "/health",
        "/health/ready",
        "/metrics",
        "/docs",
    }
    predict = document["paths"]["/predict"]["post"]
    assert [item["name"] for item in predict["parameters"]] == list(FIELDS)
    assert all(item["example"] and item["description"] for item in predict["parameters"])
    form = predict["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]
    assert set(form) == {"images", *FIELDS}
    content = predict["responses"]["200"]["content"]
    assert set(content) == {answer.media for answer in ANSWERS.values()} | {"application/zip"}
    assert content["application/json"]["example"]["results"][0]["objects"]
    errors = {int(status) for status in predict["responses"]} - {200}
    assert {401, 403, 406, 408, 413, 415, 421, 422, 429, 500, 503, 504} <= errors
    for status in errors:
        example = predict["responses"][str(status)]["content"]["application/json"]["example"]
        assert example["code"] in CODES
