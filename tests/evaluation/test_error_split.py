"""The split of errors against cases worked out by hand, and against our own numbers."""

from __future__ import annotations

from typing import Any

import pytest

from relook.evaluation.coco import evaluate_coco
from relook.evaluation.error_split import KINDS, ErrorSplit, split_errors
from relook.evaluation.ground_truth import read_ground_truth

from .conftest import square

Row = dict[str, Any]
TRUTH: Row = {
    "images": [{"id": 1, "height": 200, "width": 200, "file_name": ""}],
    "categories": [{"id": 1, "name": "nut"}, {"id": 2, "name": "bolt"}],
    "annotations": [square(n, 1, 50 * n, 0, 20) for n in range(4)],
}


def found(box: list[float], score: float, category_id: int = 1) -> Row:
    return {"image_id": 1, "category_id": category_id, "bbox": box, "score": score}


def split(*rows: Row, truth: Row = TRUTH, max_dets: int = 100) -> ErrorSplit:
    return split_errors(read_ground_truth(truth), rows, kind="box", max_dets=max_dets)


def counts(one: ErrorSplit) -> dict[str, int]:
    return {kind.name: kind.count for kind in one.kinds if kind.count}


RIGHT = [found([50 * n, 0, 20, 20], 0.9 - n / 10) for n in range(4)]


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (found([150, 0, 20, 20], 0.6, 2), "classification"),
        (found([150, 0, 20, 8], 0.6), "localisation"),  # IoU 0.4
        (found([150, 0, 20, 8], 0.6, 2), "both"),
        (found([100, 0, 20, 19], 0.6), "duplicate"),
        (found([150, 0, 20, 1], 0.6), "background"),  # IoU 0.05
    ],
)
def test_each_kind_by_itself(row: Row, kind: str) -> None:
    one = split(*RIGHT[:3], row)
    # The fourth object is missed unless a detection stands for it, rightly placed or named.
    stands = kind in ("classification", "localisation")
    assert counts(one) == {kind: 1} if stands else {kind: 1, "missed": 1}
    # Three of four objects are found with precision 1: 76 of 101 recalls.
    assert one.ap50 == pytest.approx(76 / 101)


def test_what_a_missed_object_costs() -> None:
    one = split(*RIGHT[:3])
    assert counts(one) == {"missed": 1}
    costs = {kind.name: kind.cost for kind in one.kinds}
    assert costs.pop("missed") == pytest.approx(25 / 101)
    assert set(costs.values()) == {0.0}


def test_what_a_bad_outline_costs() -> None:
    one = split(*RIGHT[:3], found([150, 0, 20, 8], 0.6))
    assert {kind.name: kind.cost for kind in one.kinds}["localisation"] == pytest.approx(25 / 101)


def test_nothing_is_wrong() -> None:
    one = split(*RIGHT)
    assert (one.ap50, counts(one)) == (pytest.approx(1.0), {})
    assert [kind.name for kind in one.kinds] == [name for name, _ in KINDS.values()]


def test_it_starts_from_our_ap50(coco_mini: Any, mushrooms: Any, noisy: Any) -> None:
    for content, max_dets in ((coco_mini, 100), (mushrooms, 20)):
        predictions = noisy(content)
        metrics = evaluate_coco(content, predictions, max_dets=max_dets)
        truth = read_ground_truth(content)
        assert metrics.mask is not None
        for kind, scores in (("box", metrics.box), ("mask", metrics.mask)):
            one = split_errors(truth, predictions, kind=kind, max_dets=max_dets)  # type: ignore[arg-type]
            assert one.ap50 == pytest.approx(scores.ap50)


def test_nothing_there_or_nothing_found() -> None:
    assert counts(split()) == {"missed": 4}
    empty = split(*RIGHT, truth={**TRUTH, "annotations": []})
    assert (empty.ap50, counts(empty)) == (0.0, {"background": 4})


def test_other_images_and_classes_are_left_out() -> None:
    truth = {**TRUTH, "images": [*TRUTH["images"], {**TRUTH["images"][0], "id": 2}]}
    rows = [*RIGHT, {**RIGHT[0], "image_id": 2}, {**RIGHT[0], "category_id": 5}]
    one = split_errors(read_ground_truth(truth), rows, kind="box", max_dets=100, image_ids=[1])
    assert counts(one) == {}
