import contextlib
import copy
import io
import math

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from relook.errors import DataError, UsageError
from relook.evaluation.coco import evaluate_coco


class Named:
    def __init__(self, identity, name):
        self.id, self.name = identity, name


def numbers_of_pycocotools(content, predictions, iou_type):
    """Its own summary, used as its documentation shows."""
    rows = copy.deepcopy(predictions)
    if iou_type == "segm":  # so that sizes are those of masks, as the reference code base does
        for row in rows:
            del row["bbox"]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = copy.deepcopy(content)
        truth.createIndex()
        evaluator = COCOeval(truth, truth.loadRes(rows), iou_type)
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    return evaluator.stats.tolist()


@pytest.mark.parametrize("seed", [0, 1])
def test_at_100_the_twelve_numbers_are_those_of_pycocotools(coco_mini, noisy, seed):
    predictions = noisy(coco_mini, seed)
    metrics = evaluate_coco(coco_mini, predictions)
    for scores, iou_type in ((metrics.box, "bbox"), (metrics.mask, "segm")):
        expected = numbers_of_pycocotools(coco_mini, predictions, iou_type)
        assert list(scores.numbers().values()) == expected
        assert 0.05 < scores.ap < 0.95
    assert any(row["iscrowd"] for row in coco_mini["annotations"])
    assert metrics.num_crowd > 0


def test_perfect_predictions_are_perfect(nuclei, perfect):
    metrics = evaluate_coco(nuclei, perfect(nuclei), max_dets=500)
    for scores in (metrics.box, metrics.mask):
        assert scores.ap == scores.ap50 == scores.ap75 == pytest.approx(1, abs=1e-9)
        assert scores.ar_n == 1
        assert math.isnan(scores.ap_large)  # there is no nucleus that large
    assert metrics.num_objects == metrics.num_detections == 4426
    assert metrics.num_images == 93


def test_all_375_nuclei_of_one_image_count_at_500_and_not_at_100(nuclei, perfect):
    counts = {}
    for row in nuclei["annotations"]:
        counts[row["image_id"]] = counts.get(row["image_id"], 0) + 1
    image_id = max(counts, key=counts.get)
    assert counts[image_id] == 375
    predictions = [row for row in perfect(nuclei) if row["image_id"] == image_id]
    full = evaluate_coco(nuclei, predictions, max_dets=500, image_ids=[image_id])
    usual = evaluate_coco(nuclei, predictions, max_dets=100, image_ids=[image_id])
    assert (full.num_images, full.num_objects) == (1, 375)
    assert full.mask.ap == pytest.approx(1, abs=1e-9)
    assert usual.mask.ar_n == usual.box.ar_n == pytest.approx(100 / 375)
    assert usual.mask.ap < 0.3
    assert full.mask.ar_10 == usual.mask.ar_10 == pytest.approx(10 / 375)


def test_nothing_found_scores_zero(small):
    metrics = evaluate_coco(small, [])
    for scores in (metrics.box, metrics.mask):
        assert scores.ap == scores.ap50 == scores.ar_n == scores.ap_small == 0
        assert math.isnan(scores.ap_large)
    assert metrics.num_detections == 0


def test_the_object_with_id_zero_can_be_found(small, perfect):
    assert evaluate_coco(small, perfect(small)).box.ap == pytest.approx(1, abs=1e-9)


def test_without_any_object_there_is_no_number(small):
    small["annotations"] = []
    metrics = evaluate_coco(small, [])
    assert all(math.isnan(value) for value in metrics.box.numbers().values())
    assert metrics.mask is None
    found = [{"image_id": 5, "category_id": 1, "bbox": [1, 1, 5, 5], "score": 0.5}]
    assert math.isnan(evaluate_coco(small, found).box.ap)


def test_a_class_without_objects_has_no_ap_and_does_not_count(small, perfect):
    metrics = evaluate_coco(small, perfect(small))
    per_class = metrics.box.per_class
    assert list(per_class) == ["cell", "dust"]
    assert per_class["cell"] == metrics.box.ap
    assert math.isnan(per_class["dust"])
    assert [score.num_objects for score in metrics.box.classes] == [3, 0]


def test_a_find_in_an_image_without_objects_counts_against(small, perfect):
    small["annotations"] = small["annotations"][:2]
    found = perfect(small)
    extra = {**found[0], "image_id": 6, "score": 0.99}
    assert evaluate_coco(small, found).mask.ap == pytest.approx(1, abs=1e-9)
    assert evaluate_coco(small, [*found, extra]).mask.ap < 0.7


def test_a_crowd_region_swallows_finds_and_is_no_object(small, perfect):
    found = perfect(small)
    small["annotations"][2]["iscrowd"] = 1
    metrics = evaluate_coco(small, found)
    assert metrics.mask.ap == pytest.approx(1, abs=1e-9)
    assert (metrics.num_objects, metrics.num_crowd) == (2, 1)


def test_box_only_ground_truth_gives_box_numbers(small, perfect):
    found = perfect(small)
    for row in small["annotations"]:
        del row["segmentation"]
    metrics = evaluate_coco(small, found)
    assert metrics.mask is None
    assert metrics.box.ap == pytest.approx(1, abs=1e-9)


def test_box_only_predictions_give_box_numbers(small, perfect):
    found = [{k: v for k, v in row.items() if k != "segmentation"} for row in perfect(small)]
    metrics = evaluate_coco(small, found)
    assert metrics.mask is None
    assert metrics.box.ap == pytest.approx(1, abs=1e-9)
    assert evaluate_coco(small, perfect(small), iou_types=("bbox",)).mask is None


def test_predictions_with_and_without_masks_do_not_mix(small, perfect):
    found = perfect(small)
    del found[1]["segmentation"]
    with pytest.raises(DataError, match=r"D09.*1 of 3"):
        evaluate_coco(small, found)
    assert evaluate_coco(small, found, iou_types=("bbox",)).box.ap == pytest.approx(1, abs=1e-9)


def test_an_object_without_mask_is_left_out_of_the_mask_numbers_and_counted(small, perfect):
    found = perfect(small)[1:]
    del small["annotations"][0]["segmentation"]
    metrics = evaluate_coco(small, found)
    assert metrics.mask.ap == pytest.approx(1, abs=1e-9)
    assert metrics.box.ap < 0.9
    assert sum(metrics.skipped.values()) == 1


def test_masks_are_small_or_large_by_their_own_area(small):
    # A thin diagonal: a large box around few pixels.
    diagonal = [5, 5, 8, 5, 95, 92, 95, 95]
    small["annotations"] = [
        {
            "id": 1,
            "image_id": 5,
            "category_id": 1,
            "bbox": [5, 5, 90, 90],
            "area": 400,
            "segmentation": [diagonal],
        }
    ]
    miss = {"image_id": 5, "category_id": 1, "score": 0.9, "bbox": [5, 5, 90, 90]}
    blank = np.zeros((100, 120), dtype=bool)
    blank[90:94, 2:50] = True
    from relook.ops.rle import encode_mask

    metrics = evaluate_coco(small, [{**miss, "segmentation": encode_mask(blank)}])
    assert metrics.mask.ap_small == 0
    assert math.isnan(metrics.mask.ap_medium)
    assert metrics.sizes == {"small": 1, "medium": 0, "large": 0}


def test_a_prediction_of_an_image_the_file_does_not_list_is_an_error(small, perfect):
    found = perfect(small)
    found[0]["image_id"] = 77
    with pytest.raises(DataError, match=r"D13.*image_id 77"):
        evaluate_coco(small, found)
    with pytest.raises(DataError, match=r"D13.*image_id 77"):
        evaluate_coco(small, found, image_ids=[77])


def test_some_images_can_be_evaluated_alone(small, perfect):
    metrics = evaluate_coco(small, perfect(small), image_ids=[6])
    assert (metrics.num_images, metrics.num_objects, metrics.num_detections) == (1, 1, 1)
    assert metrics.skipped == {"detections in images that are not evaluated": 2}


def test_classes_are_matched_by_name(small, perfect):
    found = perfect(small)
    for row in found:
        row["category_id"] = 40
    classes = [Named(40, "cell"), Named(1, "moon")]
    assert evaluate_coco(small, found, classes=classes).box.ap == pytest.approx(1, abs=1e-9)
    moon = evaluate_coco(small, [{**found[0], "category_id": 1}], classes=classes)
    assert moon.box.ap == 0
    assert moon.skipped == {"detections of classes that the file does not have": 1}


def test_classes_with_nothing_in_common_are_an_error(small, perfect):
    with pytest.raises(DataError, match=r"D13.*cell, dust.*moon"):
        evaluate_coco(small, perfect(small), classes=[Named(1, "moon")])


def test_a_category_that_is_no_class_is_an_error(small, perfect):
    found = perfect(small)
    found[2]["category_id"] = 3
    with pytest.raises(DataError, match=r"D13.*prediction 2"):
        evaluate_coco(small, found)


def test_a_mask_of_another_size_is_an_error(small, perfect):
    found = perfect(small)
    found[0]["segmentation"]["size"] = [120, 100]
    with pytest.raises(DataError, match=r"D10.*image 5"):
        evaluate_coco(small, found)


def test_numbers_that_are_not_finite_are_left_out_and_counted(small, perfect):
    found = perfect(small)
    found.append({**found[0], "score": math.nan})
    found.append({**found[0], "bbox": [0, 0, math.inf, 1]})
    metrics = evaluate_coco(small, found)
    assert metrics.box.ap == pytest.approx(1, abs=1e-9)
    assert list(metrics.skipped.values()) == [2]


def test_a_file_without_images_and_an_impossible_limit_are_errors(small):
    with pytest.raises(DataError, match="D11"):
        evaluate_coco({**small, "images": []}, [])
    with pytest.raises(UsageError, match="U03"):
        evaluate_coco(small, [], max_dets=0)


@pytest.mark.parametrize(("max_dets", "recall"), [(1, 2 / 3), (2, 1), (5, 1)])
def test_small_limits_count(small, perfect, max_dets, recall):
    metrics = evaluate_coco(small, perfect(small), max_dets=max_dets)
    assert metrics.box.ar_n == metrics.box.ar_10 == pytest.approx(recall)
    assert metrics.box.ar_1 == pytest.approx(2 / 3)


def test_nothing_is_printed_and_nothing_passed_in_is_changed(small, perfect, capsys):
    found = perfect(small)
    before = copy.deepcopy((small, found))
    evaluate_coco(small, found)
    assert (small, found) == before
    assert capsys.readouterr() == ("", "")
