"""The evaluator on hotcoco against pycocotools: equal arrays, equal matches."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.cocoeval import COCOeval

from .conftest import curve_of, evaluator_of, matched
from .test_matching import crowded_scene, indexed

IMAGES = {1: 2**60, 2: -5, 3: 7, 4: 0, 5: 8}  # ids that a float cannot hold, and others


def content_of(images, truth, found):
    """A COCO file, and predictions of its images, with ids of any kind."""

    def renamed(row):
        return {**row, "image_id": IMAGES[row["image_id"]]}

    content = {
        "images": [{"id": IMAGES[key], "height": 90, "width": 90} for key in images],
        "categories": [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}, {"id": 90, "name": "c"}],
        "annotations": [{**renamed(row), "id": n} for n, row in enumerate(truth, start=1)],
    }
    return content, [{**renamed(row), "id": n} for n, row in enumerate(found, start=1)]


@pytest.mark.parametrize("max_dets", [100, 7, 1])
@pytest.mark.parametrize("seed", range(3))
def test_a_crowded_scene(seed, max_dets):
    images, truth, found = crowded_scene(seed)
    found = [row | {"area": row["bbox"][2] * row["bbox"][3]} for row in found]
    content, predictions = content_of(images, truth, found)
    ours = evaluator_of(content, predictions, "bbox", max_dets)
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = COCOeval(
            indexed(IMAGES.values(), content["annotations"]),
            indexed(IMAGES.values(), predictions),
            "bbox",
        )
        theirs.params.maxDets = ours.params.maxDets
        theirs.evaluate()
        theirs.accumulate()
    assert np.array_equal(ours.precision[:, :, :2], theirs.eval["precision"])
    assert np.array_equal(ours.recall[:, :2], theirs.eval["recall"])
    assert (ours.precision[:, :, 2] == -1).all()  # of a class without objects
    assert 0 <= ours.precision[ours.precision > -1].mean() < 1
    assert ours.recall.max() > 0 or max_dets == 1
    mine, others = ours.counting_curve(), curve_of(theirs)
    for threshold in (0.0, 0.35, 0.9):
        assert mine.at(threshold) == others.at(threshold)
    for our, their in zip(ours.matches_again(), rows_of_all(theirs), strict=False):
        assert (our is None) == (their is None)
        for key in ("dtMatches", "gtMatches", "dtIgnore", "dtScores") if our else ():
            assert np.array_equal(our[key], their[key])


def rows_of_all(evaluator):
    """Matches of objects of all sizes, class by class."""
    count, sizes = len(evaluator.params.imgIds), len(evaluator.params.areaRng)
    rows = evaluator.evalImgs
    starts = range(0, len(rows), count * sizes)
    return [row for start in starts for row in rows[start : start + count]]


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_masks_and_boxes_of_real_images(iou_type, coco_mini, noisy):
    predictions = noisy(coco_mini)
    ours = evaluator_of(coco_mini, predictions, iou_type, 100)
    found = [{**row, "id": number} for number, row in enumerate(predictions, 1)]
    theirs = matched(ours.truth, ours.truth.objects, found, iou_type, 100)
    assert np.array_equal(ours.precision, theirs.eval["precision"])
    assert np.array_equal(ours.recall, theirs.eval["recall"])
    assert ours.counting_curve().at(0.5) == curve_of(theirs).at(0.5)


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_nothing_is_found_and_nothing_is_there(iou_type, small, perfect):
    nothing = evaluator_of(small, [], iou_type, 100)
    assert nothing.precision.max() == 0
    assert nothing.counting_curve().best() is None
    empty = evaluator_of({**small, "annotations": []}, perfect(small), iou_type, 100)
    assert empty.precision.max() == -1
    assert empty.counting_curve().at(0).precision == 0
    assert all(row is None or not row["gtIds"] for row in empty.matches_again())
