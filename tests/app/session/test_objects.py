"""Objects of the page."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from relook.app.session.classes import Classes
from relook.app.session.objects import (
    divided,
    found_objects,
    measured,
    merged,
    read_object,
    read_objects,
    result_of,
)
from relook.errors import UsageError

SIZE = (20, 30)


def square(left: float, top: float, side: float = 6) -> list[Any]:
    right, bottom = left + side, top + side
    return [[[[left, top], [right, top], [right, bottom], [left, bottom]]]]


def record(number: str = "o1", left: float = 2, **changes: Any) -> dict[str, Any]:
    fields = {"class": 0, "score": 0.5, "state": "predicted", "shape": square(left, 3)}
    return {"id": number, **fields, **changes}


def test_box_and_area_are_measured_anew() -> None:
    made = read_object({**record(), "box": [0, 0, 1, 1], "area": 7}, SIZE, 1).record(SIZE)
    assert (made["box"], made["area"]) == ([2, 3, 8, 9], 36)
    again = read_object(made, SIZE, 1).record(SIZE)
    assert again == made


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": ""}, "an id of 1 to 64"),
        ({"id": "x" * 65}, "an id of 1 to 64"),
        ({"class": 2}, "there is no class 2"),
        ({"class": -1}, "there is no class -1"),
        ({"score": 1.5}, "a score from 0 to 1"),
        ({"score": float("nan")}, "a score from 0 to 1"),
        ({"state": "guessed"}, "a state of predicted"),
        ({"shape": []}, "object 'o1' has no pixel"),
    ],
)
def test_records_that_no_object_has(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_object({**record(), **changes}, SIZE, 2)


def test_ids_differ() -> None:
    with pytest.raises(UsageError, match="object 'o1' is there twice"):
        read_objects([record(), record(left=12)], SIZE, 1)


def test_a_result_and_back() -> None:
    """Drawn objects come first, with the score 1."""
    drawn = record("d1", 12, score=None, state="drawn", **{"class": 1})
    objects = read_objects([record(), drawn], SIZE, 2)
    result = result_of(objects, SIZE, Classes(["cell", "<b>dust</b>"]).categories(), "a.png")
    assert result.names == ["<b>dust</b>", "cell"]
    assert result.scores.tolist() == [1.0, 0.5]
    assert result.boxes.tolist() == [[12, 3, 18, 9], [2, 3, 8, 9]]
    found = found_objects(result, {"cell": 0, "<b>dust</b>": 1})
    assert [entry.runs.area for entry in found] == [36, 36]
    assert [entry.label for entry in found] == [1, 0]
    assert found[0].id == "o1"
    boxes = found_objects(
        type(result)(result.boxes, result.scores, result.labels, None, SIZE, result.classes),
        {"cell": 0, "<b>dust</b>": 1},
    )
    assert [entry.runs.area for entry in boxes] == [36, 36]  # of a model for boxes only


def test_two_are_merged_with_the_class_of_the_larger() -> None:
    small = record("o2", 7, shape=square(7, 3, 2), **{"class": 1})
    one = merged(read_objects([small, record()], SIZE, 2))
    assert (one.label, one.state, one.score, one.runs.area) == (0, "drawn", None, 36 + 4 - 2)
    with pytest.raises(UsageError, match="takes two objects"):
        merged(read_objects([record()], SIZE, 1))


def test_the_parts_of_a_cut_object_are_drawn_ones() -> None:
    parts = divided(read_object(record(), SIZE, 1), [[5, 0], [5, 19]], SIZE)
    assert [part.state for part in parts] == ["drawn", "drawn"]
    assert len({part.id for part in parts} | {"o1"}) == 3
    assert sum(part.runs.area for part in parts) == 36


def test_a_drawn_shape_is_measured_and_cut_at_the_image() -> None:
    found = measured(square(-3, -3), SIZE)
    assert (found["area"], found["box"]) == (9, [0, 0, 3, 3])
    assert np.array(found["shape"]).shape == (1, 1, 4, 2)
