import json

import pytest

from relook.evaluation.coco import evaluate_coco


@pytest.fixture
def metrics(small, perfect):
    return evaluate_coco(small, perfect(small), max_dets=500)


def test_the_table_says_what_counts_and_fits_a_terminal(metrics):
    lines = metrics.table().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0] == "3 objects in 2 images, 3 detections"
    assert lines[1] == "counted: at most 500 detections of a class in an image"
    [ap] = [line for line in lines if line.startswith("AP  ")]
    assert ap.split()[-2:] == ["1.000", "1.000"]
    [large] = [line for line in lines if line.startswith("AP large")]
    assert large.split()[-2:] == ["-", "-"]
    assert any(line.startswith("AR at 500") for line in lines)
    assert any(line.split() == ["cell", "3", "3", "1.000", "1.000"] for line in lines)
    assert lines[-1] == "no objects of 1 class: dust"


def test_the_table_leaves_out_what_does_not_exist(small, perfect):
    small["categories"] = small["categories"][:1]
    small["annotations"].append({"id": 99})
    table = evaluate_coco(small, perfect(small), iou_types=("bbox",)).table()
    assert "masks" not in table
    assert "class  " not in table
    assert "left out: 1 x objects of an image that the file does not list" in table


def test_per_class_lines_can_be_asked_for(metrics):
    assert "cell" not in metrics.table(per_class=False)
    assert "cell" in metrics.table(per_class=True)


def test_json_has_null_where_there_is_no_number(metrics):
    content = json.loads(json.dumps(metrics.to_json(), allow_nan=False))
    assert content["version"] == 1
    assert content["max_dets"] == 500
    assert content["mask"]["ap"] == metrics.mask.ap
    assert content["mask"]["ap_large"] is None
    assert [row["ap"] for row in content["box"]["classes"]] == [metrics.box.ap, None]
    assert content["objects_by_size"] == {"small": 2, "medium": 1, "large": 0}


def test_two_classes_of_one_name_stay_apart(small, perfect):
    small["categories"][1]["name"] = "cell"
    assert list(evaluate_coco(small, perfect(small)).box.per_class) == ["cell (1)", "cell (9)"]


def test_the_counts_are_in_the_table_and_in_json(small, perfect):
    found = [*perfect(small), {**perfect(small)[0], "image_id": 6, "score": 0.35}]
    metrics = evaluate_coco(small, found, count_from=0.3)
    lines = metrics.table().splitlines()
    assert max(map(len, lines)) <= 80
    [start] = [i for i, line in enumerate(lines) if line.startswith("score threshold ")]
    assert lines[start].endswith("  at 0.3     best: 0.5")
    assert [line.split()[-2:] for line in lines[start + 1 : start + 7]] == [
        ["0.857", "1.000"],
        ["0.750", "1.000"],
        ["1.000", "1.000"],
        ["0.50", "0.00"],
        ["+0.50", "+0.00"],
        ["33.3", "0.0"],
    ]
    assert lines[start + 1].startswith("F1 at IoU 0.5 (mask) ")
    counting = json.loads(json.dumps(metrics.to_json(), allow_nan=False))["counting"]
    assert (counting["iou"], counting["kind"]) == (0.5, "mask")
    assert counting["at_shown_from"]["count_error"] == 0.5
    assert counting["best"] == {
        "threshold": 0.5,
        "f1": 1.0,
        "precision": 1.0,
        "recall": 1.0,
        "count_error": 0.0,
        "count_bias": 0.0,
        "count_error_percent": 0.0,
    }


def test_counts_that_do_not_exist_are_left_out(small):
    metrics = evaluate_coco(small, [], iou_types=("bbox",), count_from=0.3)
    [line] = [line for line in metrics.table().splitlines() if line.startswith("score threshold")]
    assert line.split() == ["score", "threshold", "at", "0.3"]
    assert any(line.split() == ["precision", "-"] for line in metrics.table().splitlines())
    counting = json.loads(json.dumps(metrics.to_json(), allow_nan=False))["counting"]
    assert (counting["kind"], counting["best"]) == ("box", None)
    assert counting["at_shown_from"]["precision"] is None
    assert "score threshold" not in evaluate_coco(small, []).table()
