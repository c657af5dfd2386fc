"""Numbers of resamples: those of all images are the ordinary ones, and a group's those of its
images evaluated alone."""

import numpy as np
import pytest

from relook.errors import UsageError
from relook.evaluation.coco import evaluate_coco
from relook.evaluation.crowding.rule import OVERLAPS, HuddleRule
from relook.evaluation.crowding.scores import HuddleScores
from relook.evaluation.statistics.bootstrap import HUDDLED, MEASURES, Resampling

RESAMPLES = 50


def huddles_of(metrics):
    """The numbers by how much objects overlap."""
    return metrics.section(HuddleScores)


@pytest.fixture(scope="module")
def ids(coco_mini):
    return [image["id"] for image in coco_mini["images"]]


@pytest.fixture(scope="module")
def found(coco_mini, noisy):
    return noisy(coco_mini, 5)


@pytest.fixture(scope="module")
def metrics(coco_mini, found, ids):
    rule = Resampling(resamples=RESAMPLES, groups={"some": ids[:15], "others": ids[15:]})
    return evaluate_coco(
        coco_mini, found, resampling=rule, huddles=HuddleRule(min_images=1, resamples=2)
    )


def test_all_images_give_the_ordinary_numbers(metrics):
    for kind, scores in (("box", metrics.box), ("mask", metrics.mask)):
        numbers = metrics.resampled[kind]
        assert set(numbers) == {*MEASURES, "some", "others"}
        assert all(values.shape == (1 + RESAMPLES,) for values in numbers.values())
        for measure in MEASURES[:-1]:
            expected = getattr(scores, measure)
            assert numbers[measure][0] == pytest.approx(expected, abs=1e-12)
            assert 0 < expected < 1


def test_huddled_objects_are_those_of_the_huddle_scores(metrics):
    row = OVERLAPS.index(HUDDLED)
    for kind, scores in (
        ("box", huddles_of(metrics).box),
        ("mask", huddles_of(metrics).mask),
    ):
        expected = scores.objects[row]
        assert metrics.resampled[kind]["ap_huddled"][0] == pytest.approx(expected, abs=1e-12)


def test_a_group_is_the_evaluation_of_its_images(coco_mini, found, metrics, ids):
    for name, part in (("some", ids[:15]), ("others", ids[15:])):
        alone = evaluate_coco(coco_mini, found, image_ids=part)
        assert metrics.resampled["box"][name][0] == pytest.approx(alone.box.ap, abs=1e-12)
        assert metrics.resampled["mask"][name][0] == pytest.approx(alone.mask.ap, abs=1e-12)


def test_resamples_lie_around_the_number_and_are_the_same_for_every_model(
    coco_mini, found, metrics, ids
):
    ap = metrics.resampled["mask"]["ap"]
    assert ap[1:].std() > 1e-3 and ap[1:].min() < ap[0] < ap[1:].max()
    alone = {"iou_types": ("segm",)}
    rule = Resampling(resamples=RESAMPLES)
    again = evaluate_coco(coco_mini, found, resampling=rule, **alone).resampled["mask"]["ap"]
    np.testing.assert_array_equal(ap, again)
    other = Resampling(resamples=RESAMPLES, seed=1)
    differs = evaluate_coco(coco_mini, found, resampling=other, **alone).resampled["mask"]["ap"]
    assert differs[0] == ap[0] and (differs[1:] != ap[1:]).mean() > 0.9


def test_boxes_alone_have_no_masks(coco_mini, found):
    rule = Resampling(resamples=2)
    numbers = evaluate_coco(coco_mini, found, iou_types=("bbox",), resampling=rule).resampled
    assert set(numbers) == {"box"}


@pytest.mark.parametrize("options", [{"resamples": 0}, {"groups": {"ap50": [1]}}])
def test_what_makes_no_sense_is_refused(options):
    with pytest.raises(UsageError, match="U03"):
        Resampling(**options)
