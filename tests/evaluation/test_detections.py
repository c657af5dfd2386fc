"""Predictions as columns: numbers, areas, and what cannot be used."""

from collections import Counter

import pytest

from relook.errors import DataError
from relook.evaluation.detections import read_detections
from relook.evaluation.ground_truth import read_ground_truth


@pytest.fixture
def truth(small):
    return read_ground_truth(small)


def columns(truth, rows, skipped=None):
    ids = {key: key for key in truth.categories} | {77: None}
    return read_detections(truth, rows, ids, None, Counter() if skipped is None else skipped)


def test_columns_and_rows(truth, small, perfect):
    rows = perfect(small)
    found = columns(truth, rows)
    assert len(found) == len(rows) == 3
    assert found.boxes.tolist() == [row["bbox"] for row in rows]
    assert found.scores.tolist() == [row["score"] for row in rows]
    assert found.have_masks
    for of_masks in (False, True):
        made = list(found.rows(of_masks=of_masks))
        assert [row["id"] for row in made] == [1, 2, 3]
        assert [row["area"] for row in made] == found.areas(of_masks=of_masks).tolist()
        assert [row["category_id"] for row in made] == [row["category_id"] for row in rows]
    assert found.areas(of_masks=False).tolist() == [r["bbox"][2] * r["bbox"][3] for r in rows]


def test_what_does_not_count_is_counted(truth, small, perfect):
    first, second, third = perfect(small)
    skipped = Counter()
    rows = [first | {"score": float("nan")}, second | {"category_id": 77}, third]
    assert len(columns(truth, rows, skipped)) == 1
    assert sorted(skipped.values()) == [1, 1]
    with pytest.raises(DataError, match=r"D13.*category_id 5"):
        columns(truth, [first | {"category_id": 5}])
    with pytest.raises(DataError, match=r"D13.*image_id 99"):
        columns(truth, [first | {"image_id": 99}])


def test_masks_of_some_only(truth, small, perfect):
    first, second, _ = perfect(small)
    with pytest.raises(DataError, match=r"D09.*1 of 2"):
        _ = columns(truth, [first, second | {"segmentation": None}]).have_masks
    assert columns(truth, []).have_masks
    wrong = {"size": [9, 9], "counts": first["segmentation"]["counts"]}
    with pytest.raises(DataError, match="D10"):
        columns(truth, [first | {"segmentation": wrong}])
