"""``relook eval --submission`` and ``relook data check-submission``."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]


@pytest.fixture
def hidden(annotations: Path) -> Path:
    """The images and categories of `annotations`, as a file of a test set names them."""
    content = json.loads(annotations.read_text())
    del content["annotations"]
    path = annotations.with_name("image_info_test-dev2017.json")
    path.write_text(json.dumps(content))
    return path


def test_files_for_a_server(
    relook: Run, run_folder: Path, hidden: Path, pictures: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    arguments = ["eval", run_folder, "--json", hidden, "--images", pictures, "--out", out]
    result = relook(*arguments, "--submission", "--max-dets", 5, "--tta", "flip", "--batch", 2)
    assert result.exit_code == 0, result.stderr
    name = "detections_test-dev2017_nuts_results"
    files = [out / kind / f"{name}.zip" for kind in ("bbox", "segm")]
    assert sorted(path for path in out.rglob("*") if path.is_file()) == files
    for path, kind in zip(files, ("boxes", "masks"), strict=True):
        assert f"{path}: 15 {kind} in 3 images, format checked" in result.stdout
        with zipfile.ZipFile(path) as archive:
            rows = json.loads(archive.read(f"{name}.json"))
        assert {row["category_id"] for row in rows} <= {10, 20}


def test_it_goes_beside_the_model(
    relook: Run, box_model: Path, hidden: Path, pictures: Path
) -> None:
    arguments = ["eval", box_model, "--json", hidden, "--images", pictures, "--submission"]
    result = relook(*arguments)
    assert result.exit_code == 0, result.stderr
    folder = box_model / "eval" / "image_info_test-dev2017"
    assert (folder / "bbox" / "detections_test-dev2017_boxes_results.zip").is_file()


def test_without_it_the_truth_is_needed(
    relook: Run, run_folder: Path, hidden: Path, pictures: Path, tmp_path: Path
) -> None:
    result = relook("eval", run_folder, "--json", hidden, "--images", pictures, "-o", tmp_path)
    assert result.exit_code == 3
    assert "D04" in result.stderr


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--limit", 2], "a server expects all images"),
        (["--keep-threshold"], "it needs the truth, which is hidden"),
        (["--by", "huddle"], "it needs the truth"),
        (["--by", "huddle", "--compare", "nuclei"], "it needs the truth"),
    ],
)
def test_what_does_not_go_with_it(
    relook: Run,
    run_folder: Path,
    hidden: Path,
    pictures: Path,
    tmp_path: Path,
    options: list[object],
    why: str,
) -> None:
    arguments = ["eval", run_folder, "--json", hidden, "--images", pictures, "-o", tmp_path / "o"]
    result = relook(*arguments, "--submission", *options)
    assert result.exit_code == 2
    assert f"usage error U04: --submission with {options[0]}: {why}" in " ".join(
        result.stderr.split()
    )
    assert not (tmp_path / "o").exists()


def test_an_interruption(
    relook: Run,
    run_folder: Path,
    hidden: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("relook.evaluation.submission.writer.check_size", interrupted)
    out = tmp_path / "out"
    arguments = ["eval", run_folder, "--json", hidden, "--images", pictures, "-o", out]
    result = relook(*arguments, "--submission")
    assert "R01" in result.stderr
    assert not [path for path in out.rglob("*") if path.is_file()]


def test_checking_a_file_made_elsewhere(relook: Run, hidden: Path, tmp_path: Path) -> None:
    row = {"image_id": 1, "category_id": 20, "bbox": [0, 0, 60, 50], "score": 0.5}
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps([row, row]))
    result = relook("data", "check-submission", path, "--json", hidden)
    assert result.exit_code == 0, result.stderr
    assert f"{path}: 2 boxes in 1 image, format checked" in result.stdout
    result = relook("data", "check-submission", path, "--json", hidden, "--max-dets", 1)
    assert result.exit_code == 3
    assert "data error D16: theirs.json: entry 2 is number 2 of image 1" in result.stderr
