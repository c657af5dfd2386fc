"""What an ONNX file says of itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from relook.export.facts import KEY, Facts
from relook.weights.header import Header

from ..narrow_models import NUT_AND_BOLT, narrow_config

FACTS = Facts((128, 160), 20, "float16", "ab" * 32)


def _metadata(**changes: Any) -> dict[str, str]:
    header = Header(narrow_config(num_classes=2), NUT_AND_BOLT, {"shown_from": 0.4}, ())
    metadata = FACTS.metadata(header)
    return {**metadata, KEY: json.dumps({**json.loads(metadata[KEY]), **changes})}


def test_facts_are_read_as_they_are_written() -> None:
    assert Facts.parse(_metadata()) == FACTS
    assert Facts.parse(_metadata(canvas=None)).canvas is None


def test_a_program_without_relook_can_read_them() -> None:
    metadata = _metadata()
    assert json.loads(metadata["class_names"]) == ["nut", "bolt"]
    assert json.loads(metadata["score"]) == 0.4
    assert json.loads(metadata["mean"]) == [123.675, 116.28, 103.53]
    assert json.loads(metadata["licence"]) is None
    assert json.loads(metadata["long_and_short_side"]) == [512, 512]
    assert "8 bits as they are" in json.loads(metadata["intensities"])


@pytest.mark.parametrize(
    "changes",
    [
        {"version": 2},
        {"canvas": [100, 128]},
        {"canvas": [128]},
        {"canvas": [64, 128]},
        {"canvas": [2**20, 128]},
        {"canvas": [128.0, 128]},
        {"max_detections": 0},
        {"max_detections": True},
        {"stored": "int4"},
        {"source_sha256": 7},
        {"unknown": 1},
    ],
)
def test_other_facts_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises((ValueError, TypeError)):
        Facts.parse(_metadata(**changes))


def test_a_file_without_facts() -> None:
    with pytest.raises(KeyError):
        Facts.parse({})
