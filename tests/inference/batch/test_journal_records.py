"""A record is used only if it has everything that is read of one."""

from __future__ import annotations

from typing import Any

import pytest

from relook.inference.batch.journal_records import is_whole

ENTRY = {
    "bbox": [0.5, 1, 2, 3],
    "score": 0.9,
    "area": 6.0,
    "category_id": -3,
    "iscrowd": 0,
    "segmentation": {"size": [9, 9], "counts": "0"},
    "track_id": 4,
}
RECORD: dict[str, Any] = {"source": "a.png", "name": "a", "stamp": [1, 2], "count": 1}
FOUND = {**RECORD, "file_name": "a.png", "width": 9, "height": 9, "objects": [ENTRY]}


@pytest.mark.parametrize("record", [RECORD, FOUND, {**RECORD, "stamp": None, "error": "D02"}])
def test_whole(record: dict[str, Any]) -> None:
    assert is_whole(record)


@pytest.mark.parametrize("key", ["source", "name", "stamp", "count"])
@pytest.mark.parametrize("value", [5.5, {}, True])
def test_fields_of_an_image(key: str, value: Any) -> None:
    assert not is_whole({**RECORD, key: value})
    assert not is_whole({k: v for k, v in RECORD.items() if k != key})


@pytest.mark.parametrize("key", [*ENTRY])
@pytest.mark.parametrize("value", ["x", [1], float("nan"), {"size": 3, "counts": "0"}, 2**70])
def test_fields_of_an_object(key: str, value: Any) -> None:
    assert not is_whole({**FOUND, "objects": [{**ENTRY, key: value}]})
