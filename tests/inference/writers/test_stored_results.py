"""Results from their records."""

from __future__ import annotations

import json

import numpy as np
import pytest

from relook.errors import DataError
from relook.inference.batch.coco_json import image_record
from relook.inference.results import Result
from relook.inference.writers.stored_results import result_of


def test_a_result_comes_back_from_its_record(odd: Result) -> None:
    again = result_of(json.loads(json.dumps(image_record(odd))), odd.classes)
    assert again.masks == odd.masks and again.size == odd.size
    assert (again.labels == odd.labels).all() and again.source == "a.png"
    assert np.allclose(again.boxes, odd.boxes) and np.allclose(again.scores, odd.scores)


def test_boxes_only_and_nothing_found(result_of_boxes: Result, odd: Result) -> None:
    again = result_of(image_record(result_of_boxes), result_of_boxes.classes)
    assert again.masks is None and len(again) == 1
    assert len(result_of(image_record(odd.filter(score=2)), odd.classes)) == 0


def test_an_object_of_another_class_is_refused(odd: Result) -> None:
    record = json.loads(json.dumps(image_record(odd)))
    record["objects"][0]["category_id"] = 77
    with pytest.raises(DataError, match=r"D03.*category_id 77.*--resume"):
        result_of(record, odd.classes)
