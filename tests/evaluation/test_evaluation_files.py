import json

import pytest

from relook.errors import RelookError
from relook.evaluation.coco import evaluate_coco
from relook.evaluation.files import save_metrics, save_predictions


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
