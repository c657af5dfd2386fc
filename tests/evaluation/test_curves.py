"""Curves behind average precision and F1."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from relook.evaluation.coco import evaluate_coco
from relook.evaluation.curves import Curves


@pytest.fixture(scope="module")
def curves_of(coco_mini: Any, noisy: Any) -> tuple[Any, Curves]:
    metrics = evaluate_coco(coco_mini, noisy(coco_mini), count_from=0.25)
    return metrics, metrics.curves


def test_the_means_of_the_curves_are_the_average_precisions(curves_of: Any) -> None:
    metrics, curves = curves_of
    scores = metrics.mask
    assert np.nanmean(curves.precision, axis=1) == pytest.approx(
        [scores.ap50, scores.ap75, scores.ap]
    )
    known = {one.id: one for one in scores.classes if not math.isnan(one.ap)}
    of_classes = dict(curves.of_classes())
    assert set(of_classes) == set(known)
    for key, precision in of_classes.items():
        assert precision[0].mean() == pytest.approx(known[key].ap50)
        assert precision[2].mean() == pytest.approx(known[key].ap)


def test_precision_never_rises_with_recall(curves_of: Any) -> None:
    _, curves = curves_of
    assert curves.precision.shape == (3, 101)
    assert (np.diff(curves.precision, axis=1) <= 1e-12).all()


def test_f1_is_that_of_counting(curves_of: Any) -> None:
    metrics, curves = curves_of
    place = curves.thresholds.tolist().index(0.25)
    counting = metrics.counting
    values = curves.f1[place], curves.found_precision[place], curves.found_recall[place]
    assert values == pytest.approx((counting.f1, counting.precision, counting.recall))
    assert np.nanmax(curves.f1) <= metrics.best_counting.f1


def test_a_curve_worked_out_by_hand(small: Any) -> None:
    def found(box: list[int], score: float) -> dict[str, Any]:
        return {"image_id": 5, "category_id": 1, "bbox": box, "score": score}

    # Right, wrong, right; of three objects.
    rows = [
        found([10, 10, 20, 20], 0.9),
        found([80, 10, 20, 20], 0.6),
        found([50, 50, 40, 40], 0.3),
    ]
    curves = evaluate_coco(small, rows).curves
    (key, precision), *others = curves.of_classes()
    assert (key, others) == (1, [])
    reached = [precision[0][round(100 * recall)] for recall in (0, 0.33, 0.34, 0.66, 0.67, 1)]
    assert reached == pytest.approx([1, 1, 2 / 3, 2 / 3, 0, 0])
    at = {0.95: (math.nan, 0, 0), 0.7: (1, 1 / 3, 1 / 2), 0.5: (1 / 2, 1 / 3, 2 / 5)}
    at[0.1] = (2 / 3, 2 / 3, 2 / 3)
    for threshold, (precise, recall, f1) in at.items():
        place = round(100 * threshold)
        assert curves.found_precision[place] == pytest.approx(precise, nan_ok=True)
        assert curves.found_recall[place] == pytest.approx(recall)
        assert curves.f1[place] == pytest.approx(f1)


def test_without_objects_there_is_no_curve(small: Any) -> None:
    curves = evaluate_coco({**small, "annotations": []}, []).curves
    assert np.isnan(curves.precision).all()
    assert np.isnan(curves.f1).all()
    assert list(curves.of_classes()) == []
