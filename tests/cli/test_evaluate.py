"""``relook eval``: numbers and files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

from typer.testing import Result

Run = Callable[..., Result]


def test_numbers_and_files(
    relook: Run, run_folder: Path, annotations: Path, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "numbers"
    arguments = ["eval", run_folder, "--json", annotations, "--images", pictures, "--out", out]
    result = relook(*arguments, "--max-dets", 7)
    assert result.exit_code == 0, result.stderr
    assert "boxes" in result.stdout
    assert "masks" in result.stdout
    assert "AR at 7" in result.stdout
    assert "nut" in result.stdout
    assert "images/s" in result.stderr
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["max_dets"] == 7
    assert metrics["images"] == 3
    predictions = json.loads((out / "predictions.json").read_text())
    assert {p["category_id"] for p in predictions} <= {10, 20}
    assert max(sum(p["image_id"] == i for p in predictions) for i in (1, 2, 3)) == 7


def test_results_go_beside_the_model(
    relook: Run, run_folder: Path, annotations: Path, pictures: Path
) -> None:
    for model in (run_folder, run_folder / "best.safetensors"):
        result = relook("eval", model, "--json", annotations, "--images", pictures, "--limit", 1)
        assert result.exit_code == 0, result.stderr
        assert (run_folder / "eval" / "truth" / "metrics.json").is_file()
        assert str(run_folder / "eval" / "truth") in result.stderr


def test_boxes_only(relook: Run, box_model: Path, annotations: Path, pictures: Path) -> None:
    result = relook("eval", box_model, "--json", annotations, "--images", pictures)
    assert result.exit_code == 0, result.stderr
    assert "masks" not in result.stdout


def test_other_classes(relook: Run, run_folder: Path, annotations: Path, pictures: Path) -> None:
    content = json.loads(annotations.read_text())
    content["categories"][0]["name"] = "screw"
    annotations.write_text(json.dumps(content))
    result = relook("eval", run_folder, "--json", annotations, "--images", pictures)
    assert result.exit_code == 3
    assert "D13" in result.stderr
    assert "not trained on screw" in result.stderr
    assert "The model has: nut, bolt. The file has: screw, nut." in result.stderr


def test_a_file_that_is_not_coco(relook: Run, run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1, 2]")
    result = relook("eval", run_folder, "--json", tmp_path / "a.json", "--images", tmp_path)
    assert result.exit_code == 3
    assert "data error D0" in result.stderr
    assert "Traceback" not in result.stderr
