"""Labels and tables of results, and the score below which objects are hidden."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from relook.data.coco.reader import Category
from relook.errors import UsageError
from relook.inference.results import Result
from relook.inference.writers.table import object_table
from relook.napari.objects import ScoreFilter, columns_of, found_objects, is_missing, rows_of
from relook.ops.rle import encode_mask


def squares(count: int) -> Result:
    """Squares of 2 pixels side by side, with scores 0.9, 0.8, ..."""
    masks = []
    for i in range(count):
        mask = np.zeros((4, 3 * count), bool)
        mask[1:3, 3 * i : 3 * i + 2] = True
        masks.append(encode_mask(mask))
    boxes = [[3 * i, 1, 3 * i + 2, 3] for i in range(count)]
    return Result(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array([0.9 - 0.1 * i for i in range(count)], np.float32),
        labels=np.arange(count) % 2,
        masks=tuple(masks),
        size=(4, 3 * max(count, 1)),
        classes=(Category(3, "cell"), Category(7, "crystal")),
        source="a.png",
    )


def filter_of(count: int) -> ScoreFilter:
    objects = found_objects(squares(count))
    return ScoreFilter(objects.labels, objects.columns)


def test_labels_and_features_of_a_result() -> None:
    result = squares(3)
    samples = np.arange(36, dtype=np.uint16).reshape(4, 9, 1)
    objects = found_objects(result, (0.5, 0.5), samples)
    assert objects.labels.dtype == np.int32
    assert objects.labels[1].tolist() == [1, 1, 0, 2, 2, 0, 3, 3, 0]
    table = object_table(result, pixel_size=(0.5, 0.5), samples=samples)
    assert objects.columns == {"index": [1, 2, 3], **table}
    assert objects.columns["area_um2"] == [1.0, 1.0, 1.0]
    assert objects.columns["mean_c0"][0] == samples[1:3, :2].mean()
    assert (objects.overlapped, objects.covered) == (0, 0)


def test_objects_under_better_ones_are_counted() -> None:
    mask = np.zeros((4, 4), bool)
    mask[:2] = True
    both = tuple(encode_mask(m) for m in (mask, mask))
    result = Result(
        np.zeros((2, 4), np.float32), np.array([0.9, 0.5], np.float32), np.zeros(2, np.int64),
        both, (4, 4), (Category(1, "cell"),),
    )  # fmt: skip
    objects = found_objects(result)
    assert (objects.overlapped, objects.covered) == (8, 1)
    assert objects.columns["index"] == [1]


def test_nothing_found() -> None:
    objects = found_objects(squares(0))
    assert not objects.labels.any()
    assert objects.columns["index"] == []
    labels, columns = ScoreFilter(objects.labels, objects.columns).at(0.5)
    assert not labels.any()
    assert list(columns) == list(objects.columns)


@pytest.mark.parametrize(("score", "shown"), [(0.0, 4), (0.75, 2), (0.95, 0)])
def test_objects_below_the_score_are_hidden(score: float, shown: int) -> None:
    kept = filter_of(4)
    labels, columns = kept.at(score)
    assert columns["index"] == list(range(1, shown + 1))
    assert set(np.unique(labels)) - {0} == set(columns["index"])
    assert kept.hidden == 4 - shown


@given(st.lists(st.floats(0, 1), max_size=6), st.floats(0, 1))
def test_the_way_to_a_score_does_not_matter(way: list[float], last: float) -> None:
    kept = filter_of(4)
    state = kept.at(0.3)
    for score in way:
        state = kept.at(score, *state)
    moved, straight = kept.at(last, *state), filter_of(4).at(last)
    assert (moved[0] == straight[0]).all()
    assert moved[1] == straight[1]


def test_corrections_stay() -> None:
    kept = filter_of(4)
    labels, columns = kept.at(0.75)  # 1 and 2
    labels[labels == 1] = 0  # erased
    labels[0, 3:5] = 2  # grown
    columns["class"][1] = "dust"
    columns["note"] = ["", "dubious"]
    labels, columns = kept.at(0.0, labels, columns)
    assert np.unique(labels).tolist() == [0, 2, 3, 4]
    assert (labels == 2).sum() == 6
    assert columns["class"][1] == "dust"
    assert columns["note"] == ["", "dubious", None, None]
    labels, _ = kept.at(0.75, labels, columns)
    assert np.unique(labels).tolist() == [0, 2]


def test_new_labels_never_join_a_hidden_object() -> None:
    kept = filter_of(4)
    labels, columns = kept.at(0.75)
    labels[0, 0] = 3  # the next number that is free in what is seen, and that of a hidden object
    labels, columns = kept.at(0.0, labels, columns)
    assert labels[0, 0] == 5
    assert (labels == 3).sum() == 4
    assert kept.at(1.0, labels, columns)[0][0, 0] == 5, "what was drawn has no score"


def test_rows_of_new_labels_go_with_them() -> None:
    kept = filter_of(4)
    labels, columns = kept.at(0.75)
    labels[0, 0] = 3
    new = {"index": 3, "id": 3, "class": "drawn", "score": float("nan")}
    columns = columns_of([*rows_of(columns), new], columns)
    _, columns = kept.at(0.0, labels, columns)
    rows = {row["index"]: row for row in rows_of(columns)}
    assert rows[5]["class"] == "drawn"
    assert rows[5]["id"] == 5
    assert rows[3]["class"] == "cell"


def test_labels_of_another_size_are_refused() -> None:
    with pytest.raises(UsageError, match="Run the model again"):
        filter_of(2).at(0.5, np.zeros((3, 3), np.int32), {})


def test_empty_cells() -> None:
    assert [is_missing(value) for value in (None, float("nan"), np.float32("nan"))] == [True] * 3
    assert not any(is_missing(value) for value in (0, 0.0, "", "nan", False))


def test_scores_are_compared_as_results_compare_them() -> None:
    result = squares(3)  # 0.7 is a little less as a float of 32 bits
    kept = filter_of(3)
    for score in (0.9, 0.8, 0.7):
        assert len(kept.at(score)[1]["index"]) == len(result.filter(score))


@pytest.mark.parametrize("column", ["index", "score"])
def test_cells_that_are_no_numbers_are_refused(column: str) -> None:
    kept = filter_of(2)
    labels, columns = kept.at(0.0)
    columns[column][1] = "many"
    with pytest.raises(UsageError, match=f"column {column} of row 1 has 'many'"):
        kept.at(0.5, labels, columns)


def test_rows_that_were_removed_do_not_come_back() -> None:
    kept = filter_of(4)
    labels, columns = kept.at(0.75)
    labels[labels == 1] = 0
    columns = columns_of(rows_of(columns)[1:], columns)
    assert kept.at(0.0, labels, columns)[1]["index"] == [2, 3, 4]
