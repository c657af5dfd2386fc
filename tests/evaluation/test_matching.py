import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from relook.evaluation.ground_truth import read_ground_truth
from relook.evaluation.matching import FastCOCOeval

from .conftest import by_hotcoco, load_annotations, matched


def indexed(images, rows):
    coco = COCO()
    coco.dataset = {
        "images": [{"id": i} for i in images],
        "categories": [{"id": 1}, {"id": 2}],
        "annotations": [dict(row, id=i + 1) for i, row in enumerate(rows)],
    }
    coco.createIndex()
    return coco


def crowded_scene(seed):
    """Boxes on a coarse grid, so that many overlaps and scores are exactly equal."""
    random = np.random.default_rng(seed)
    images = range(1, 6)

    def rows(count, **more):
        made = []
        for _ in range(count):
            x, y = (random.integers(0, 8, 2) * 6.0).tolist()
            w, h = (random.integers(1, 6, 2) * 8.0).tolist()
            made.append(
                {
                    "image_id": int(random.choice(images)),
                    "category_id": int(random.integers(1, 3)),
                    "bbox": [x, y, w, h],
                    "area": w * h * random.choice([1, 3]),
                    "iscrowd": 0,
                    **{key: value(random) for key, value in more.items()},
                }
            )
        return made

    truth = rows(60, iscrowd=lambda r: int(r.random() < 0.15))
    found = rows(200, score=lambda r: round(float(r.random()), 1))
    return images, truth, found


def evaluated(kind, scene, limits):
    images, truth, found = scene
    with contextlib.redirect_stdout(io.StringIO()):
        evaluator = kind(indexed(images, truth), indexed(images, found), "bbox")
        evaluator.params.maxDets = limits
        evaluator.evaluate()
        evaluator.accumulate()
    return evaluator


@pytest.mark.parametrize("limits", [[1, 10, 100], [1, 3, 7]])
@pytest.mark.parametrize("seed", range(6))
def test_matches_are_those_of_pycocotools(seed, limits):
    scene = crowded_scene(seed)
    ours, theirs = (evaluated(kind, scene, limits) for kind in (FastCOCOeval, COCOeval))
    for our, their in zip(ours.evalImgs, theirs.evalImgs, strict=True):
        assert (our is None) == (their is None)
        for key in their or ():
            assert np.array_equal(our[key], their[key]), key
    for key in ("precision", "recall", "scores"):
        assert (ours.eval[key] == theirs.eval[key]).all()
    assert 0 < ours.eval["precision"][ours.eval["precision"] > -1].mean() < 1


@pytest.mark.parametrize("kind", ["box", "mask"])
@pytest.mark.parametrize("name", ["nuclei", "mushrooms", "coco_mini"])
def test_hotcoco_matches_real_objects_in_the_same_way(name, kind, noisy):
    content = load_annotations(name)
    truth, predictions = read_ground_truth(content), noisy(content)
    found = [row | {"id": number} for number, row in enumerate(predictions, 1)]
    objects = [row | {"id": number} for number, row in enumerate(truth.objects, 1)]
    ours = matched(truth, objects, found, "bbox" if kind == "box" else "segm", 200)
    theirs = by_hotcoco(truth, predictions, kind, 200)
    theirs.evaluate()
    theirs.accumulate()
    for key in ("precision", "recall", "scores"):
        assert np.array_equal(ours.eval[key], theirs.eval[key])
    assert 0.01 < ours.eval["precision"][ours.eval["precision"] > -1].mean() < 0.5

    def by_place(rows):
        return {(row["image_id"], row["category_id"], *row["aRng"]): row for row in rows if row}

    our_rows, their_rows = by_place(ours.evalImgs), by_place(theirs.eval_imgs)
    assert our_rows.keys() == their_rows.keys()
    for place, row in our_rows.items():
        for key in ("dtMatches", "gtMatches", "dtIgnore", "gtIgnore", "dtScores"):
            assert np.array_equal(row[key], their_rows[place][key]), key


def rows_of_all_sizes(evaluator):
    every_size = evaluator.params.areaRng[0]
    rows = [row and dict(row) for row in evaluator.evalImgs]
    count = len(evaluator.params.imgIds)
    by_class = len(evaluator.params.areaRng) * count
    kept = [row for start in range(0, len(rows), by_class) for row in rows[start : start + count]]
    assert all(row is None or row["aRng"] == every_size for row in kept)
    return kept


MATCHES = ("dtMatches", "gtMatches", "dtScores")


def assert_same_rows(rows, expected, keys=(*MATCHES, "dtIgnore")):
    assert len(rows) == len(expected)
    for row, other in zip(rows, expected, strict=True):
        assert (row is None) == (other is None)
        for key in () if row is None else keys:
            np.testing.assert_array_equal(row[key], other[key])


def assert_right_ones_ignored(evaluator, rows, expected, ignored):
    """Those that pycocotools ignores, and those without an object that lie most on an ignored."""
    added = 0
    for row, other in zip(rows, expected, strict=True):
        for column in range(0 if row is None else len(row["dtIds"])):
            key = row["image_id"], row["category_id"]
            ious = [
                evaluator.ious[key][column][place] if len(evaluator.ious[key]) else 0
                for place in range(len(evaluator._gts[key]))
            ]
            best = max(ious, default=0)
            belongs = best > 0 and evaluator._gts[key][ious.index(best)]["id"] in ignored
            for level in range(len(row["dtMatches"])):
                is_free = row["dtMatches"][level, column] == 0
                is_ignored = other["dtIgnore"][level, column] or (belongs and is_free)
                assert row["dtIgnore"][level, column] == is_ignored
                added += is_ignored and not other["dtIgnore"][level, column]
    assert added > 20


@pytest.mark.parametrize("seed", range(3))
def test_matching_once_more_ignores_what_it_is_told_to(seed):
    images, truth, found = crowded_scene(seed)
    evaluator = evaluated(FastCOCOeval, (images, truth, found), [1, 10, 100])
    plain = rows_of_all_sizes(evaluator)
    assert_same_rows(evaluator.matches_again(), plain)
    ignored = set(range(1, len(truth) + 1, 3))
    # An area beyond the largest size is what pycocotools ignores at all of them.
    outside = [row | ({"area": 1e11} if i in ignored else {}) for i, row in enumerate(truth, 1)]
    theirs = evaluated(COCOeval, (images, outside, found), [1, 10, 100])
    rows, expected = evaluator.matches_again(ignored), rows_of_all_sizes(theirs)
    assert_same_rows(rows, expected, MATCHES)
    assert_right_ones_ignored(evaluator, rows, expected, ignored)
    assert sum(row["gtIgnore"].sum() for row in rows if row) > len(ignored) // 2
    assert_same_rows(evaluator.matches_again(), plain)  # nothing is left of it
