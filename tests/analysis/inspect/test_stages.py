"""A cascade that is stopped after each stage."""

from __future__ import annotations

import numpy as np
import pytest

import relook
from relook.analysis.inspect.inspected_image import InspectedImage, detect
from relook.analysis.inspect.stages import (
    DROPPED,
    Stage,
    courses_of,
    draw_stages,
    draw_stages_apart,
    results_by_stage,
    table_of_ious,
)
from relook.data.coco.category import Category
from relook.inference.predictor import Predictor


def test_the_last_is_what_the_model_finds(nuclei: Predictor, seen: InspectedImage) -> None:
    stages = results_by_stage(nuclei, seen)
    whole = detect(nuclei, seen)
    assert [stage.stages for stage in stages] == [1, 2, 3]
    np.testing.assert_array_equal(stages[-1].result.boxes, whole.boxes)
    assert not np.array_equal(stages[0].result.boxes, whole.boxes)
    told = stages[0].statistics()
    assert told["objects"] == len(told["boxes"]) == len(told["scores"]) > 0
    assert min(told["scores"]) >= told["shown from"]
    assert draw_stages(stages, seen.image).width > 3 * 500
    names = [name for name, _ in draw_stages_apart(stages, seen.image)]
    assert names[2] == f"3 of 3 stages: {len(whole.boxes)} objects"


def test_prediction_can_stop_there(nuclei: Predictor, seen: InspectedImage) -> None:
    found = nuclei.first_stages(1).predict(seen.image, size=(160, 100))
    (first, *_) = results_by_stage(nuclei, seen)
    np.testing.assert_allclose(found.scores, first.result.scores, atol=1e-3)


def _stage(number: int, *boxes: tuple[float, ...], labels: list[int] | None = None) -> Stage:
    result = relook.Result(
        boxes=np.array(boxes, dtype=np.float32).reshape(-1, 4),
        scores=np.full(len(boxes), 0.9, dtype=np.float32),
        labels=np.array(labels or [0] * len(boxes), dtype=np.int64),
        masks=None,
        size=(60, 80),
        classes=(Category(1, "cell"), Category(2, "dust")),
    )
    return Stage(number, result, 0.5)


def test_objects_are_followed_to_their_last_box() -> None:
    """By hand: one moves by a fifth, one is dropped, one is of another class, one comes."""
    stages = [
        _stage(1, (0, 0, 10, 10), (40, 40, 50, 50), (60, 0, 70, 10), labels=[0, 0, 1]),
        _stage(2, (60, 0, 70, 10), (2, 0, 12, 10)),
    ]
    first, last = courses_of(stages)
    assert first.last.tolist() == [1, -1, -1] and first.missing == (0,)
    assert first.iou[0] == pytest.approx(80 / 120)
    assert first.statistics() == {
        "kept": 1,
        "moved": 1,
        "dropped": 2,
        "not there yet": 1,
        "mean IoU to the last box": pytest.approx(2 / 3),
    }
    assert last.statistics()["kept"] == 2 and last.statistics()["moved"] == 0
    ious = [row["IoU to the last box by stage"] for row in table_of_ious([first, last])]
    assert ious == [[None, 1.0], [pytest.approx(2 / 3), 1.0]]


def test_an_object_keeps_its_colour_and_a_dropped_one_is_grey() -> None:
    image = np.zeros((60, 80, 3), dtype=np.uint8)
    kept = _stage(1, (5, 5, 30, 30), (50, 30, 75, 55))
    picture = draw_stages([kept, _stage(2, (5, 5, 30, 30))], image)
    colors = {color for _, color in picture.getcolors(picture.width * picture.height) or []}
    assert DROPPED in colors


def test_nothing_found_is_drawn() -> None:
    image = np.zeros((60, 80, 3), dtype=np.uint8)
    stages = [_stage(1), _stage(2)]
    assert draw_stages(stages, image).width > 0 and table_of_ious(courses_of(stages)) == []
