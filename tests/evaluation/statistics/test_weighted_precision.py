"""Average precision of parts of a data set from one matching, against matching them anew."""

import contextlib
import copy
import io
from dataclasses import replace

import hotcoco
import numpy as np
import pytest
from pycocotools.coco import COCO

from relook.evaluation.ground_truth import read_ground_truth
from relook.evaluation.matching import FastCOCOeval
from relook.evaluation.statistics.weighted_precision import (
    average_precision,
    gather_matches,
    resample_weights,
)

from ..conftest import by_hotcoco, matched

LIMIT = 20


def evaluated(content, predictions):
    """An evaluator of boxes, and the plain AP of everything."""
    with contextlib.redirect_stdout(io.StringIO()):
        indexes = []
        for rows in (content["annotations"], predictions):
            coco = COCO()
            copies = [
                {"iscrowd": 0, "area": row["bbox"][2] * row["bbox"][3]} | row | {"id": number}
                for number, row in enumerate(copy.deepcopy(rows), start=1)
            ]
            coco.dataset = {**content, "annotations": copies}
            coco.createIndex()
            indexes.append(coco)
        evaluator = FastCOCOeval(*indexes, "bbox")
        evaluator.params.maxDets = [1, 10, LIMIT]
        evaluator.evaluate()
        evaluator.accumulate()
    precision = evaluator.eval["precision"][:, :, :, 0, 2]
    existing = precision[precision > -1]
    return evaluator, existing.mean() if existing.size else np.nan


def precision_of(evaluator, weights):
    matches = gather_matches(evaluator, evaluator.matches_again())
    return average_precision(matches, np.asarray(weights), evaluator.params.recThrs)


@pytest.fixture(scope="module", params=["coco_mini", "nuclei"])
def case(request, noisy):
    """Annotations, predictions of them without equal scores, and their evaluator."""
    content = request.getfixturevalue(request.param)
    predictions = [
        row | {"score": row["score"] + 1e-7 * number}
        for number, row in enumerate(noisy(content, 3))
    ]
    return content, predictions, evaluated(content, predictions)


def test_all_images_once_are_the_plain_number(case):
    _, _, (evaluator, plain) = case
    [value] = precision_of(evaluator, np.ones((1, len(evaluator.params.imgIds)), int))
    assert value == pytest.approx(plain, abs=1e-12)
    assert 0.05 < value < 0.95


def test_a_part_is_what_matching_only_the_part_gives(case):
    content, predictions, (evaluator, _) = case
    random = np.random.default_rng(0)
    ids = np.array(evaluator.params.imgIds)
    weights = (random.random((5, len(ids))) < [[0.1], [0.3], [0.5], [0.7], [0.9]]).astype(int)
    values = precision_of(evaluator, weights)
    assert len(set(values)) == 5
    for row, value in zip(weights, values, strict=True):
        kept = set(ids[row > 0].tolist())
        part = {
            **content,
            "images": [one for one in content["images"] if one["id"] in kept],
            "annotations": [one for one in content["annotations"] if one["image_id"] in kept],
        }
        _, plain = evaluated(part, [one for one in predictions if one["image_id"] in kept])
        assert value == pytest.approx(plain, abs=1e-12)


def test_an_image_counted_twice_is_two_images(case):
    content, predictions, (evaluator, _) = case
    random = np.random.default_rng(1)
    ids = evaluator.params.imgIds
    counts = random.multinomial(len(ids), np.full(len(ids), 1 / len(ids)))
    [value] = precision_of(evaluator, counts[None])
    again = {**content, "images": [], "annotations": []}
    found = []
    for image_id, count in zip(ids, counts.tolist(), strict=True):
        for _ in range(count):
            number = len(again["images"]) + 1
            again["images"].append({"id": number, "height": 1000, "width": 1000})
            for rows, into in (
                (content["annotations"], again["annotations"]),
                (predictions, found),
            ):
                into += [one | {"image_id": number} for one in rows if one["image_id"] == image_id]
    assert counts.max() > 1
    _, plain = evaluated(again, found)
    assert value == pytest.approx(plain, abs=1e-12)


def test_many_rows_are_each_their_own(case):
    _, _, (evaluator, _) = case
    ids = evaluator.params.imgIds
    weights = np.random.default_rng(2).integers(0, 3, (40, len(ids)))
    together = precision_of(evaluator, weights)
    alone = [precision_of(evaluator, row[None])[0] for row in weights[[0, 17, 39]]]
    assert together[[0, 17, 39]] == pytest.approx(alone, abs=1e-12)
    assert len(set(alone)) == 3


def test_without_objects_there_is_no_number(small, perfect):
    evaluator, _ = evaluated(small, perfect(small))
    values = precision_of(evaluator, [[0, 0], [1, 0], [0, 1]])
    assert np.isnan(values[0])
    assert values[1:] == pytest.approx([1, 1])


def test_nothing_found_is_zero(small):
    evaluator, _ = evaluated(small, [])
    assert precision_of(evaluator, [[1, 1]]) == [0]


def with_copies(truth, found, drawn):
    """The ground truth and detections of the images at the places `drawn`, each with its own id."""
    ids = list(truth.sizes)
    images = [ids[place] for place in drawn]
    objects, copies = (
        [
            row | {"image_id": new}
            for new, old in enumerate(images, 1)
            for row in rows
            if row["image_id"] == old
        ]
        for rows in (truth.objects, found)
    )
    sizes = {new: truth.sizes[old] for new, old in enumerate(images, 1)}
    return replace(truth, sizes=sizes, objects=tuple(objects)), copies


def test_hotcoco_has_the_same_difference_of_two_models_and_a_narrower_spread(mushrooms, noisy):
    truth, ours, theirs = read_ground_truth(mushrooms), [], []
    weights = resample_weights(len(truth.sizes), 1000, 0)
    drawn = np.repeat(np.arange(len(truth.sizes)), weights[1])
    for seed in (0, 1):
        found = noisy(mushrooms, seed)
        for number, row in enumerate(found):
            row["score"] += 1e-6 * number  # none equal, so that the order of copies is no matter
        rows = [row | {"id": number} for number, row in enumerate(found, 1)]
        one = matched(truth, truth.objects, rows, "segm", 100)
        matches, recalls = gather_matches(one, one.matches_again()), one.params.recThrs
        ours.append(average_precision(matches, weights, recalls))
        theirs.append(by_hotcoco(truth, found, "mask", 100))
        copies = by_hotcoco(*with_copies(truth, found, drawn), "mask", 100)
        for evaluator in (theirs[-1], copies):
            evaluator.evaluate()
            evaluator.accumulate()
        precision = copies.eval["precision"][:, :, :, 0, 2]
        assert ours[-1][1] == pytest.approx(precision[precision > -1].mean(), abs=1e-12)
    answer = hotcoco.compare(*theirs, n_bootstrap=1000)
    difference = ours[1] - ours[0]
    assert answer["deltas"]["AP"] == pytest.approx(difference[0], abs=1e-12)
    assert 0.6 < answer["ci"]["AP"]["std_err"] / difference[1:].std() < 0.85
