"""The short form of `make load`: a process that serves, is killed under load, and stopped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from benchmarks.load.__main__ import _slope, main
from benchmarks.load.clients import _form, _judge
from benchmarks.load.images import Known, record_difference

from relook.weights.file import save_model

from .narrow_models import FEW_TO_DETECT, NUT_AND_BOLT, detector_of, narrow_config, predictor_of


@pytest.fixture(scope="module")
def known() -> list[Known]:
    from benchmarks.load.images import known_images

    config = narrow_config(num_classes=2, **FEW_TO_DETECT).with_(input__size=(96, 96))
    return known_images(predictor_of(config), 4, seed=0, largest=96)


def test_an_answer_of_another_image_is_seen(known: list[Known]) -> None:
    first, second = known[0], known[1]
    record = first.result.to_json() | {"source": first.name}
    assert record_difference(record, first) == ""
    assert "was answered as" in record_difference(record, second)
    swapped = second.result.to_json() | {"source": first.name}
    assert record_difference(swapped, first) != ""
    answer = json.dumps({"results": [record, swapped]}).encode()
    assert _judge(200, answer, "application/json", [first, second]) != ""
    assert _judge(500, b"", "application/json", [first]).startswith("status 500")


def test_memory_that_grows_is_seen() -> None:
    assert _slope([(60.0 * k, 100.0 + 3 * k) for k in range(20)]) == pytest.approx(3)
    assert _slope([(60.0 * k, 500.0 if k < 5 else 900.0) for k in range(20)]) == pytest.approx(0)


def test_a_form_has_all_images(known: list[Known]) -> None:
    body, media = _form(known[:2])
    assert media.startswith("multipart/form-data; boundary=")
    assert all(image.content in body and image.name.encode() in body for image in known[:2])


@pytest.mark.slow
def test_clients_get_their_own_answers_until_the_end(tmp_path: Path) -> None:
    config = narrow_config(num_classes=2, **FEW_TO_DETECT).with_(input__size=(96, 96))
    model = tmp_path / "nuts.safetensors"
    save_model(model, detector_of(config), config, list(NUT_AND_BOLT), {"shown_from": 0.3})
    report = tmp_path / "load.json"
    words = ["--minutes", "0.1", "--hostile", "0.2", "--images", "12", "--largest", "128"]
    words += ["--queue", "4", "--model", str(model), "--results", str(report)]
    assert main(words) == 0
    found = json.loads(report.read_text())
    assert found["failures"] == [] and found["stop_exit_code"] == 0
    assert found["statuses"]["200"] > 3 and found["statuses"]["429"] > 0
    assert found["hostile"] > 0 and set(found["statuses"]) <= {"200", "429", "503"}
    assert np.isfinite(found["p99_seconds"]) and found["memory"]
