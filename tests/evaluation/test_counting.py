"""Counting at a threshold, worked by hand, by brute force, and with pycocotools' own matching."""

import contextlib
import io
import math
from dataclasses import asdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from relook.evaluation.coco import evaluate_coco

from .conftest import curve_of, evaluator_of


def scene(objects, num_images=2):
    """Ground truth of (image, class, box) or (image, class, box, iscrowd)."""
    return {
        "images": [{"id": i, "height": 100, "width": 100} for i in range(1, num_images + 1)],
        "categories": [{"id": 1, "name": "cell"}, {"id": 2, "name": "dust"}],
        "annotations": [
            {
                "id": number,
                "image_id": image,
                "category_id": category,
                "bbox": list(box),
                "area": box[2] * box[3],
                "iscrowd": int(any(crowd)),
            }
            for number, (image, category, box, *crowd) in enumerate(objects, start=1)
        ],
    }


def detections(found):
    """COCO results of (image, class, box, score)."""
    return [
        {"image_id": image, "category_id": category, "bbox": list(box), "score": score}
        for image, category, box, score in found
    ]


def counted(objects, found, num_images=2, **options):
    return evaluate_coco(scene(objects, num_images), detections(found), **options)


A, B, C = (0, 0, 10, 10), (30, 0, 10, 10), (60, 0, 10, 10)
OBJECTS = [(1, 1, A), (1, 1, B), (1, 2, C), (2, 1, A), (2, 1, (0, 50, 100, 50), True)]
FOUND = [
    (1, 1, A, 0.9),
    (1, 1, A, 0.8),  # the same object again
    (1, 2, B, 0.7),  # an object of another class
    (1, 2, C, 0.6),
    (2, 1, B, 0.55),  # nothing there
    (2, 1, (10, 60, 9, 9), 0.85),  # on the crowd region: not counted
    (2, 1, (30, 60, 9, 9), 0.5),
    (2, 1, A, 0.4),
]


def test_two_images_two_classes_and_a_crowd_region_worked_by_hand():
    at = counted(OBJECTS, FOUND, count_from=0.6).counting
    # Right: A and C of image 1. Found: 2 cells and 2 dust of 2 and 1 there, 0 cells of 1.
    assert asdict(at) == {
        "threshold": 0.6,
        "f1": 2 * 2 / (4 + 4),
        "precision": 2 / 4,
        "recall": 2 / 4,
        "count_error": (0 + 1 + 1) / 2,
        "count_bias": 0.0,
        "count_error_percent": 50.0,
    }
    lower = counted(OBJECTS, FOUND, count_from=0.4).counting
    assert (lower.precision, lower.recall, lower.f1) == (3 / 6, 3 / 4, 6 / 10)
    assert (lower.count_error, lower.count_bias) == ((0 + 1 + 1) / 2, 2 / 2)
    assert lower.count_error_percent == 50


def test_the_best_threshold_worked_by_hand():
    best = counted(OBJECTS, FOUND).best_counting
    # F1 from 0.9 down: 2/5, 2/6, 2/7, 4/8, 4/9, 6/10.
    assert (best.threshold, best.f1) == (0.4, 0.6)
    above = counted(OBJECTS, FOUND[:-1]).best_counting
    assert (above.threshold, above.f1) == (0.6, 0.5)


def test_of_equally_good_thresholds_the_highest_is_best():
    objects = [(1, 1, A), (1, 1, B)]
    found = [(1, 1, A, 0.9), (1, 1, C, 0.6), (1, 1, (0, 60, 9, 9), 0.5), (1, 1, B, 0.3)]
    best = counted(objects, found).best_counting  # 2/3 at 0.9, 2/4, 2/5, and 4/6 at 0.3
    assert (best.threshold, best.f1) == (0.9, 2 / 3)


def test_equal_scores_count_together():
    found = [(1, 1, A, 0.5), (1, 1, C, 0.5), (2, 1, A, 0.5)]
    metrics = counted([(1, 1, A), (2, 1, A)], found)
    assert metrics.best_counting.threshold == 0.5
    assert metrics.best_counting.precision == 2 / 3


def test_nothing_found():
    metrics = counted(OBJECTS, [], count_from=0.3)
    at = metrics.counting
    assert (at.f1, at.recall, at.count_error, at.count_bias) == (0, 0, 4 / 2, -4 / 2)
    assert at.count_error_percent == 100
    assert math.isnan(at.precision)
    assert metrics.best_counting is None


def test_nothing_there():
    metrics = counted([], FOUND[:3], count_from=0.3)
    at = metrics.counting
    assert (at.f1, at.precision, at.count_error, at.count_bias) == (0, 0, 3 / 2, 3 / 2)
    assert math.isnan(at.recall)
    assert math.isnan(at.count_error_percent)
    assert metrics.best_counting is None


def test_nothing_there_and_nothing_found():
    metrics = counted([], [], count_from=0.3)
    assert math.isnan(metrics.counting.f1)
    assert metrics.counting.count_error == 0
    assert metrics.best_counting is None


def test_found_in_the_wrong_places_only():
    metrics = counted([(1, 1, A)], [(1, 1, C, 0.9)], count_from=0.3)
    assert (metrics.counting.f1, metrics.counting.count_error) == (0, 0)  # one for one
    assert metrics.best_counting is None


def test_images_without_objects_and_detections_are_images():
    assert counted([(1, 1, A)], [], num_images=4, count_from=0.3).counting.count_error == 1 / 4


def test_without_a_threshold_there_is_only_the_best():
    assert counted(OBJECTS, FOUND).counting is None


def test_no_more_detections_count_than_the_limit():
    found = [(1, 1, A, 0.9), (1, 1, C, 0.8), (1, 1, B, 0.7)]
    at = counted([(1, 1, A), (1, 1, B)], found, max_dets=2, count_from=0).counting
    assert (at.precision, at.recall, at.count_error) == (1 / 2, 1 / 2, 0)


def test_the_best_threshold_has_four_decimals_and_its_own_numbers():
    found = [(1, 1, A, 0.47129), (1, 1, C, 0.47123), (2, 1, A, 0.47131)]
    best = counted([(1, 1, A), (2, 1, A)], found).best_counting
    assert best.threshold == 0.4712
    assert best.precision == 2 / 3  # the wrong one is above 0.4712, too
    # 0.0003 * 10000 is below 3, and a threshold of 0.0002 would let the wrong one in.
    best = counted([(1, 1, A)], [(1, 1, A, 0.0003), (1, 1, C, 0.00025)]).best_counting
    assert (best.threshold, best.precision) == (0.0003, 1)
    # A threshold above the score that it came from would lose it.
    for score in (0.0003, 0.00029999999, 1.0, math.nextafter(0.3, 0), float(np.float32(0.9))):
        best = counted([(1, 1, A)], [(1, 1, A, score)]).best_counting
        assert best.f1 == 1
        assert 0 <= score - best.threshold < 1e-4


def test_counted_by_masks_where_there_are_masks(small, perfect):
    found = perfect(small)
    for row in found:
        row["bbox"] = [80, 80, 5, 5]
    metrics = evaluate_coco(small, found, count_from=0.3)
    assert metrics.counting.f1 == 1
    assert evaluate_coco(small, found, count_from=0.3, iou_types=("bbox",)).counting.f1 == 0


@pytest.mark.parametrize("name", ["nuclei", "coco_mini"])
def test_the_ground_truth_of_real_data_is_counted_without_error(name, perfect, request):
    content = request.getfixturevalue(name)
    metrics = evaluate_coco(content, perfect(content), max_dets=500, count_from=0.3)
    for one in (metrics.counting, metrics.best_counting):
        assert (one.f1, one.precision, one.recall) == (1, 1, 1)
        assert (one.count_error, one.count_bias, one.count_error_percent) == (0, 0, 0)
    assert metrics.best_counting.threshold >= 0.5  # scores begin there


def test_missing_nuclei_are_counted_as_missing(nuclei, perfect):
    found = perfect(nuclei)[::2]
    at = evaluate_coco(nuclei, found, max_dets=500, count_from=0.3).counting
    missing = 4426 - len(found)
    assert at.precision == 1
    assert at.recall == len(found) / 4426
    assert at.count_error == -at.count_bias == missing / 93
    assert at.count_error_percent == pytest.approx(100 * missing / 4426)


def evaluated(objects, found, max_dets):
    def index(content, rows):
        coco = COCO()
        coco.dataset = {**content, "annotations": rows}
        coco.createIndex()
        return coco

    content = scene(objects)
    rows = [
        {**row, "id": i, "area": row["bbox"][2] * row["bbox"][3]}
        for i, row in enumerate(detections(found), start=1)
    ]
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = COCOeval(index(content, content["annotations"]), index(content, rows), "bbox")
        evaluator.params.maxDets = [1, 2, max_dets]
        evaluator.evaluate()
    return evaluator


def overlap(found, thing, is_crowd):
    width = min(found[0] + found[2], thing[0] + thing[2]) - max(found[0], thing[0])
    height = min(found[1] + found[3], thing[1] + thing[3]) - max(found[1], thing[1])
    shared = max(width, 0) * max(height, 0)
    area, other = found[2] * found[3], thing[2] * thing[3]
    return shared / (area if is_crowd else area + other - shared)


def brute_force(objects, found, threshold, max_dets):
    """(right, found, there) of each class in each image; only what is left is matched."""
    cells = []
    for cell in [(image, category) for image in (1, 2) for category in (1, 2)]:
        things = [(box, is_crowd) for *key, box, is_crowd in objects if tuple(key) == cell]
        left = [row for row in found if row[:2] == cell and row[3] >= threshold]
        left = sorted(left, key=lambda row: -row[3])[:max_dets]
        free = [box for box, is_crowd in things if not is_crowd]
        regions = [box for box, is_crowd in things if is_crowd]
        there, right, num_found = len(free), 0, 0
        for *_, box, _ in left:
            overlaps = [overlap(box, thing, False) for thing in free]
            if overlaps and max(overlaps) >= 0.5:
                last = max(i for i, value in enumerate(overlaps) if value == max(overlaps))
                del free[last]
                right, num_found = right + 1, num_found + 1
            elif not any(overlap(box, region, True) >= 0.5 for region in regions):
                num_found += 1
        cells.append((right, num_found, there))
    return cells


boxes = st.tuples(
    st.sampled_from([0, 4, 8, 12]), st.sampled_from([0, 8]), st.sampled_from([8, 16]), st.just(8)
)
places = st.tuples(st.integers(1, 2), st.integers(1, 2), boxes)
things = st.lists(st.tuples(places, st.sampled_from([False, False, False, True])), max_size=12)
marks = st.one_of(st.sampled_from([0.0, 0.3, 0.3001, 0.5, 1.0]), st.floats(0, 1))
finds = st.lists(st.tuples(places, marks), max_size=16)


@settings(max_examples=150, deadline=None)
@given(things, finds, st.integers(2, 5))
def test_every_threshold_is_a_brute_force_matching_of_what_it_leaves(things, finds, max_dets):
    objects = [(*place, is_crowd) for place, is_crowd in things]
    found = [(*place, score) for place, score in finds]
    content = scene(objects)
    curve = evaluator_of(content, detections(found), "bbox", max_dets).counting_curve()
    theirs = curve_of(evaluated(objects, found, max_dets))
    thresholds = sorted({score for *_, score in found} | {0.25, 0.3001})
    for threshold in thresholds:
        cells = brute_force(objects, found, threshold, max_dets)
        right, num_found, there = (sum(column) for column in zip(*cells, strict=True))
        error = sum(abs(n - m) for _, n, m in cells)
        at = curve.at(threshold)
        np.testing.assert_equal(asdict(theirs.at(threshold)), asdict(at))
        np.testing.assert_equal(
            (at.f1, at.precision, at.recall, at.count_error, at.count_bias),
            (
                2 * right / (num_found + there) if num_found + there else math.nan,
                right / num_found if num_found else math.nan,
                right / there if there else math.nan,
                error / 2,
                (num_found - there) / 2,
            ),
        )
    best = curve.best()
    grid = [round(score - 0.00005, 4) for score in thresholds]
    decimals = [t for t in {*thresholds, *grid} if t == round(t, 4) and t >= 0]
    others = [(curve.at(t).f1, t) for t in decimals]
    if best is None:
        assert not any(f1 > 0 for f1, _ in others)
    else:
        assert asdict(curve.at(best.threshold)) == asdict(best)
        assert best.f1 > 0
        assert best.threshold == round(best.threshold, 4)
        assert all(f1 < best.f1 or (f1 == best.f1 and t <= best.threshold) for f1, t in others)
