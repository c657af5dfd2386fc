"""Results from their records."""

from __future__ import annotations

import json
from dataclasses import replace

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
    frame = result_of(image_record(replace(odd, frame=3, time=0.5)), odd.classes)
    assert (frame.frame, frame.time, again.frame, again.time) == (3, 0.5, None, None)


def test_boxes_only_and_nothing_found(result_of_boxes: Result, odd: Result) -> None:
    again = result_of(image_record(result_of_boxes), result_of_boxes.classes)
    assert again.masks is None and len(again) == 1
    nothing = image_record(odd.filter(score=2))
    assert result_of(nothing, odd.classes).masks == ()
    assert result_of({**nothing, "has_masks": False}, odd.classes).masks is None


def test_an_object_of_another_class_is_refused(odd: Result) -> None:
    record = json.loads(json.dumps(image_record(odd)))
    record["objects"][0]["category_id"] = 77
    with pytest.raises(DataError, match=r"D03.*category_id 77.*--resume"):
        result_of(record, odd.classes)
