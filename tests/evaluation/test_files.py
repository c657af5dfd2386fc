import json

import numpy as np
import pytest

from relook.data.coco.segmentation import rasterised, runs_of
from relook.errors import DataError, RelookError
from relook.evaluation.coco import evaluate_coco
from relook.evaluation.files import read_predictions, save_metrics, save_predictions
from relook.ops.rle import encode_mask

EMPTY = np.zeros((100, 120), dtype=bool)


def test_metrics_and_predictions_are_written_as_json(small, perfect, tmp_path):
    found = perfect(small)
    metrics = evaluate_coco(small, found)
    save_metrics(tmp_path / "out" / "metrics.json", metrics)
    save_predictions(tmp_path / "out" / "predictions.json", found)
    save_predictions(tmp_path / "out" / "none.json", [])
    read = {p.stem: json.loads(p.read_text()) for p in (tmp_path / "out").iterdir()}
    assert read == {"metrics": metrics.to_json(), "predictions": found, "none": []}


def test_a_file_that_cannot_be_written_is_an_error_that_leaves_the_old_one(small, tmp_path):
    path = tmp_path / "predictions.json"
    path.write_text("old")
    (tmp_path / "blocked").write_text("")
    with pytest.raises(RelookError, match="R02"):
        save_predictions(tmp_path / "blocked" / "predictions.json", [])
    with pytest.raises(ValueError, match="JSON"):
        save_predictions(path, [{"score": float("nan")}])
    assert path.read_text() == "old"
    assert sorted(p.name for p in tmp_path.iterdir()) == ["blocked", "predictions.json"]


SIZES = {5: (100, 120), 6: (100, 120)}


def test_predictions_come_back_as_they_were(small, perfect, tmp_path):
    found = [{**row, "area": 1.0} for row in perfect(small)]
    found[0]["segmentation"] = {"size": [100, 120], "counts": encode_mask(EMPTY)["counts"]}
    del found[1]["segmentation"]
    save_predictions(tmp_path / "a.json", found)
    assert read_predictions(tmp_path / "a.json", SIZES) == found


POLYGON = [10, 20, 30, 20, 30, 40, 10, 40]


@pytest.mark.parametrize("form", ["polygons", "listed counts"])
def test_masks_of_every_form_are_evaluated_as_what_they_cover(form, small, perfect, tmp_path):
    expected = encode_mask(rasterised([POLYGON], 100, 120))
    runs = runs_of([POLYGON], 100, 120).lengths(100 * 120).tolist()
    forms = {"polygons": [POLYGON], "listed counts": {"size": [100, 120], "counts": runs}}
    found = [{**perfect(small)[0], "segmentation": forms[form]}]
    save_predictions(tmp_path / "a.json", found)
    (row,) = read_predictions(tmp_path / "a.json", SIZES)
    assert row["segmentation"] == expected
    as_written, as_read = (evaluate_coco(small, rows).mask for rows in (found, [row]))
    assert as_written.numbers() == pytest.approx(as_read.numbers(), nan_ok=True)


@pytest.mark.parametrize("mask", [[[1, 2]] * 3 + ["x"], 5, {"counts": 5}, {"size": [100, 120]}])
def test_what_is_no_mask_is_refused_by_the_evaluation_too(mask, small, perfect):
    with pytest.raises(DataError, match=r"D04.*prediction 0"):
        evaluate_coco(small, [{**perfect(small)[0], "segmentation": mask}])


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"image_id": 7}, "D04"),
        ({"image_id": [5]}, "D04"),
        ({"category_id": "1"}, "D04"),
        ({"bbox": [1, 2, 3]}, "D04"),
        ({"bbox": [1, 2, 3, 1e300]}, "D04"),
        ({"score": None}, "D04"),
        ({"segmentation": {"size": [100, 120], "counts": "n5" * 9}}, "D09"),
        ({"segmentation": {"size": [10, 12], "counts": "0"}}, "D09"),
        ({"segmentation": {"counts": 5}}, "D09"),
    ],
)
def test_what_pycocotools_would_stumble_over_is_refused(changes, code, small, perfect, tmp_path):
    rows = perfect(small)
    rows[1] |= changes
    save_predictions(tmp_path / "a.json", rows)
    with pytest.raises(DataError, match=f"{code}.*entry 1|{code}.*mask of entry 1"):
        read_predictions(tmp_path / "a.json", SIZES)


@pytest.mark.parametrize(("content", "code"), [(None, "D01"), ("[", "D03"), ("{}", "D04")])
def test_a_file_without_predictions(content, code, tmp_path):
    if content is not None:
        (tmp_path / "a.json").write_text(content)
    with pytest.raises(DataError, match=code):
        read_predictions(tmp_path / "a.json", SIZES)
