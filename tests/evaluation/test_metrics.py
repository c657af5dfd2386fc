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
