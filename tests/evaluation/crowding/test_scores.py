"""How good detections are where objects huddle."""

import json

import numpy as np
import pytest

from relook.errors import DataError, UsageError
from relook.evaluation.coco import evaluate_coco
from relook.evaluation.crowding.rule import OVERLAPS, SHARES, HuddleRule, find_huddles
from relook.evaluation.crowding.scores import HuddleScores
from relook.evaluation.ground_truth import read_ground_truth

QUICK = HuddleRule(min_images=1, resamples=20)


def huddles_of(metrics):
    """The numbers by how much objects overlap."""
    return metrics.section(HuddleScores)


@pytest.fixture(scope="module")
def found(nuclei, noisy):
    return noisy(nuclei, 5)


@pytest.fixture(scope="module")
def metrics(nuclei, found):
    return evaluate_coco(nuclei, found, max_dets=500, huddles=QUICK)


def test_all_images_give_the_ordinary_number(metrics):
    for kind, scores in (
        (huddles_of(metrics).box, metrics.box),
        (huddles_of(metrics).mask, metrics.mask),
    ):
        assert kind.images[0] == pytest.approx([scores.ap] * len(SHARES), abs=1e-12)
        assert kind.objects[0] == pytest.approx(scores.ap, abs=1e-12)
        assert 0.05 < scores.ap < 0.95


def test_images_without_objects_are_in_no_cell(nuclei, found):
    ids = sorted({row["image_id"] for row in nuclei["annotations"]})
    gone = set(ids[::3])
    content = {
        **nuclei,
        "annotations": [row for row in nuclei["annotations"] if row["image_id"] not in gone],
    }
    whole = evaluate_coco(content, found, max_dets=500, huddles=QUICK, iou_types=("bbox",))
    part = evaluate_coco(
        content, found, max_dets=500, iou_types=("bbox",), image_ids=set(ids) - gone
    )
    assert huddles_of(whole).num_images[0, 0] == len(ids) - len(gone)
    assert huddles_of(whole).box.images[0, 0] == pytest.approx(part.box.ap, abs=1e-12)
    assert whole.box.ap < part.box.ap  # what is found in the others is wrong


def test_a_cell_is_the_evaluation_of_its_images(nuclei, found, metrics):
    huddles = find_huddles(read_ground_truth(nuclei), QUICK)
    for row, column in ((1, 0), (2, 2), (3, 1)):
        ids = huddles.images(OVERLAPS[row], SHARES[column])
        assert 0 < len(ids) < 93
        part = evaluate_coco(nuclei, found, max_dets=500, image_ids=ids)
        assert huddles_of(metrics).num_images[row, column] == len(ids)
        assert huddles_of(metrics).box.images[row, column] == pytest.approx(part.box.ap, abs=1e-12)
        assert huddles_of(metrics).mask.images[row, column] == pytest.approx(
            part.mask.ap, abs=1e-12
        )


def test_few_images_give_no_number(nuclei, found):
    huddles = evaluate_coco(nuclei, found, huddles=HuddleRule(resamples=1)).section(HuddleScores)
    assert huddles.num_images.min() < 20 <= huddles.num_images.max()
    for kind in (huddles.box, huddles.mask):
        assert (np.isnan(kind.images) == (huddles.num_images < 20)).all()


def boxes(*rows, **more):
    return [
        {
            "id": number,
            "image_id": image_id,
            "category_id": 1,
            "bbox": [x, 0, 10, 10],
            "area": 100,
            "iscrowd": 0,
            **more,
        }
        for number, (image_id, x) in enumerate(rows, start=1)
    ]


@pytest.fixture
def scene():
    """A pair of boxes with IoU 1/3 and one alone, in each of two images."""
    rows = [(image_id, x) for image_id in (1, 2) for x in (0, 5, 50)]
    return {
        "images": [{"id": key, "height": 20, "width": 100} for key in (1, 2)],
        "categories": [{"id": 1, "name": "a"}],
        "annotations": boxes(*rows),
    }


def test_only_huddled_objects_count_by_hand(scene):
    found = boxes((1, 0), (1, 5), (2, 0), (2, 5), score=0.9)
    huddles = evaluate_coco(scene, found, huddles=QUICK).section(HuddleScores)
    assert huddles.mask is None
    assert huddles.num_objects.tolist() == [6, 4, 4, 4, 4, 0]
    # Of six objects four are found: precision 1 at the recalls 0, 0.01, ... 0.66 of 101.
    assert huddles.box.objects[0] == pytest.approx(67 / 101)
    assert huddles.box.objects[1:5] == pytest.approx([1, 1, 1, 1])
    assert np.isnan(huddles.box.objects[5])


def test_what_lies_on_other_objects_is_neither_right_nor_wrong(scene):
    pairs = boxes((1, 0), (1, 5), (2, 0), (2, 5), score=0.5)
    alone, beside = boxes((1, 50), (2, 50), score=0.9), boxes((1, 57), (2, 43), score=0.9)
    empty = boxes((1, 80), (2, 80), score=0.9)
    on_others = evaluate_coco(scene, pairs + alone, huddles=QUICK).section(HuddleScores)
    assert on_others.box.objects[1] == pytest.approx(1)
    near_others = evaluate_coco(scene, pairs + beside, huddles=QUICK).section(HuddleScores)
    assert near_others.box.objects[1] == pytest.approx(1)
    assert near_others.box.objects[0] == pytest.approx(4 / 6 * 67 / 101)  # there they are wrong
    twice = evaluate_coco(scene, boxes(*[(1, 0)] * 3, score=0.9) + pairs, huddles=QUICK).section(
        HuddleScores
    )
    assert twice.box.objects[1] < 0.8  # a second detection of a huddled object is wrong
    on_nothing = evaluate_coco(scene, pairs + empty, huddles=QUICK).section(HuddleScores)
    assert on_nothing.box.objects[1] == pytest.approx(4 / 6)


def test_intervals_are_of_resampled_images(metrics, nuclei, found):
    again = evaluate_coco(nuclei, found, max_dets=500, huddles=QUICK).section(HuddleScores)
    for kind, same in (
        (huddles_of(metrics).box, again.box),
        (huddles_of(metrics).mask, again.mask),
    ):
        np.testing.assert_array_equal(kind.resampled, same.resampled)  # the seed draws them
        assert kind.resampled.shape == (len(OVERLAPS), 20)
        for row in range(3):
            low, high = kind.interval(row)
            assert low < kind.objects[row] < high
            assert high - low > 0.005
            assert [low, high] == np.quantile(kind.resampled[row], [0.025, 0.975]).tolist()
    other = HuddleRule(min_images=1, resamples=20, seed=1)
    drawn = evaluate_coco(nuclei, found, max_dets=500, huddles=other).section(HuddleScores).box
    assert not np.array_equal(drawn.resampled, again.box.resampled)


def test_equal_images_leave_no_doubt(scene):
    found = boxes((1, 0), (2, 0), score=0.9)
    box = evaluate_coco(scene, found, huddles=QUICK).section(HuddleScores).box
    assert box.interval(1) == pytest.approx((box.objects[1], box.objects[1]))
    assert all(np.isnan(end) for end in box.interval(5))


def test_differences_are_paired(nuclei, found, metrics):
    fewer = [row for number, row in enumerate(found) if number % 4]
    other = evaluate_coco(nuclei, fewer, max_dets=500, huddles=QUICK).section(HuddleScores)
    difference = huddles_of(metrics).minus(other)
    assert difference.is_difference
    for mine, its, kind in (
        (huddles_of(metrics).box, other.box, difference.box),
        (huddles_of(metrics).mask, other.mask, difference.mask),
    ):
        np.testing.assert_array_equal(kind.images, mine.images - its.images)
        assert kind.objects[0] > 0.01
        low, high = kind.interval(0)
        widths = [one.interval(0)[1] - one.interval(0)[0] for one in (mine, its)]
        assert high - low < min(widths)  # most of what varies between images is common to both
    nothing = huddles_of(metrics).minus(huddles_of(metrics))
    assert nothing.box.interval(0) == (0, 0)
    boxes_only = evaluate_coco(nuclei, found, max_dets=500, huddles=QUICK, iou_types=("bbox",))
    assert huddles_of(metrics).minus(huddles_of(boxes_only)).mask is None


def test_differences_of_unlike_things(scene, metrics):
    one = evaluate_coco(scene, [], huddles=QUICK).section(HuddleScores)
    with pytest.raises(UsageError, match="U04"):
        huddles_of(metrics).minus(one)
    with pytest.raises(UsageError, match="U04"):
        one.minus(evaluate_coco(scene, [], huddles=HuddleRule("ioa")).section(HuddleScores))


def test_json(scene):
    found = boxes((1, 0), (1, 5), score=0.9)
    metrics = evaluate_coco(scene, found, huddles=QUICK)
    content = json.loads(json.dumps(metrics.to_json(), allow_nan=False))["huddles"]
    assert content["overlap"] == "iou"
    assert content["overlap_thresholds"] == list(OVERLAPS)
    assert content["images"] == huddles_of(metrics).num_images.tolist()
    assert content["box"]["ap_of_images"][0][0] == pytest.approx(metrics.box.ap)
    assert content["box"]["ap_of_images"][5] == [None] * 5
    assert content["box"]["ap_of_objects"][5] is None
    assert content["box"]["intervals_of_objects"][5] == [None, None]
    assert content["mask"] is None
    assert "huddles" not in evaluate_coco(scene, found).to_json()


def test_masks_are_needed_to_compare_masks(scene):
    with pytest.raises(DataError, match="D09"):
        evaluate_coco(scene, [], huddles=HuddleRule("mask"))


@pytest.mark.parametrize("name", ["mushrooms", "coco_mini"])
def test_real_crowds(request, name, perfect):
    content = request.getfixturevalue(name)
    metrics = evaluate_coco(content, perfect(content), max_dets=500, huddles=QUICK)
    assert huddles_of(metrics).num_images[0, 0] == len(
        {row["image_id"] for row in content["annotations"] if not row["iscrowd"]}
    )
    for kind in (huddles_of(metrics).box, huddles_of(metrics).mask):
        there = kind.objects[~np.isnan(kind.objects)]
        assert len(there) > 3
        assert there == pytest.approx(np.ones(len(there)), abs=1e-3)
