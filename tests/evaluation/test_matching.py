import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from relook.evaluation.matching import FastCOCOeval


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
