"""``relook compare``: files, counts, and what it refuses."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

Run = Callable[..., Result]


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / "comparison.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_pictures_numbers_and_files(
    relook: Run,
    run_folder: Path,
    box_model: Path,
    pictures: Path,
    annotations: Path,
    tmp_path: Path,
) -> None:
    out = tmp_path / "out"
    options = ["--json", annotations, "-o", out, "--device", "cpu", "--score", 0.01]
    result = relook("compare", run_folder, box_model, pictures, *options)
    assert result.exit_code == 0, result.stderr
    assert "A: nuts, objects from score 0.01\nB: boxes, objects from score 0.01" in result.stdout
    assert "3 images, compared by boxes" in result.stdout  # one model finds boxes only
    assert sorted(path.name for path in (out / "pictures").iterdir()) == [
        "a-2.jpg",
        "a.jpg",
        "b.jpg",
    ]
    with Image.open(out / "pictures" / "a.jpg") as picture:
        assert picture.height > picture.width > 800
    content = json.loads((out / "comparison.json").read_text())
    assert content["with_truth"] is True
    assert content["a"]["score"] == content["b"]["score"] == 0.01
    rows = rows_of(out)
    assert len(rows) == sum(content["counts"].values()) == len(content["objects"])
    assert {row["image"] for row in rows} == {
        str(pictures / name) for name in ("a.png", "b.jpg", "more/a.png")
    }
    of_truth = [row for row in rows if "wrong" not in row["verdict"]]
    assert len(of_truth) == 6  # two true objects in each image
    for verdict, count in content["counts"].items():
        assert [row["verdict"] for row in rows].count(verdict) == count
        assert f"{count:7d}  " in result.stdout


def test_a_model_and_itself(relook: Run, run_folder: Path, pictures: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    options = ["-o", out, "--device", "cpu", "--limit", 2]
    result = relook("compare", run_folder, run_folder / "best.safetensors", pictures, *options)
    assert result.exit_code == 0, result.stderr
    assert f"A: {run_folder}, objects from score 0.05" in result.stdout  # what tells them apart
    assert "2 images, compared by masks" in result.stdout
    assert "largest differences" not in result.stdout
    assert {row["verdict"] for row in rows_of(out)} == {"alike"}
    assert {row["iou_between"] for row in rows_of(out)} == {"1.0"}
    assert "share no class" not in result.stderr
    again = relook("compare", run_folder, run_folder, pictures, *options, "--score-b", 1)
    assert "objects from score 0.05\n" in again.stdout
    assert {row["verdict"] for row in rows_of(out)} == {"a only"}


def test_classes_that_only_one_has(
    relook: Run, run_folder: Path, pictures: Path, tmp_path: Path
) -> None:
    options = ["-o", tmp_path / "out", "--limit", 1, "--score-a", 1]
    result = relook("compare", run_folder, "nuclei", pictures, *options)
    assert result.exit_code == 0, result.stderr
    assert "The models share no class" in result.stderr and "B finds nucleus." in result.stderr
    assert "class nut: only A has it (0 objects)" in result.stdout
    assert "class nucleus: only B has it (" in result.stdout


def test_an_image_that_cannot_be_read(
    relook: Run, run_folder: Path, pictures: Path, tmp_path: Path
) -> None:
    (pictures / "b.jpg").write_bytes(b"no picture")
    result = relook("compare", run_folder, run_folder, pictures, "-o", tmp_path / "out")
    assert result.exit_code == 3
    assert "2 images" in result.stdout
    message = " ".join(result.stderr.split())
    assert "left out: data error D02" in message
    assert "b.jpg" in message


def test_truth_that_does_not_fit(
    relook: Run, run_folder: Path, pictures: Path, annotations: Path, tmp_path: Path
) -> None:
    content = json.loads(annotations.read_text())
    content["annotations"][0]["image_id"] = 77
    annotations.write_text(json.dumps(content))
    options = ["--json", annotations, "-o", tmp_path / "out"]
    result = relook("compare", run_folder, run_folder, pictures / "b.jpg", *options)
    assert result.exit_code == 0
    assert "left out: 1 x objects of an image that the file does not list" in result.stderr
    content["images"][1]["file_name"] = "other.jpg"
    annotations.write_text(json.dumps(content))
    result = relook("compare", run_folder, run_folder, pictures / "b.jpg", *options)
    assert result.exit_code == 3
    assert "data error D11" in result.stderr
    result = relook("compare", run_folder, run_folder, pictures, *options, "--limit", 1)
    assert result.exit_code == 0
    assert f"left out: 1 of 3 images, which {annotations} has not" in result.stderr
    assert "1 image, compared" in result.stdout


def test_an_interruption_leaves_no_numbers(
    relook: Run,
    run_folder: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("relook.analysis.compare.pictures.picture_of", interrupted)
    result = relook("compare", run_folder, run_folder, pictures, "-o", tmp_path / "out")
    assert result.exit_code not in (0, 2, 3)
    assert "R01" in result.stderr
    assert not (tmp_path / "out" / "comparison.csv").exists()


def test_three_scores_for_two_models(relook: Run, run_folder: Path, pictures: Path) -> None:
    options = ["--score", 0.1, "--score-a", 0.2, "--score-b", 0.3]
    result = relook("compare", run_folder, run_folder, pictures, *options)
    assert result.exit_code == 2
    assert "U04" in result.stderr


@pytest.mark.parametrize("option", [("--frame", "upright"), ("--crowd", "as-objects")])
def test_options_of_no_annotations(
    relook: Run, run_folder: Path, pictures: Path, option: tuple[str, str]
) -> None:
    result = relook("compare", run_folder, run_folder, pictures, *option)
    assert result.exit_code == 2
    assert f"U04: {option[0]} is about annotations, and there are none" in result.stderr


def test_truth_that_is_all_crowd(
    relook: Run, run_folder: Path, pictures: Path, annotations: Path, tmp_path: Path
) -> None:
    """As CVAT writes masks: said, and read as objects where that is asked for."""
    content = json.loads(annotations.read_text())
    for row in content["annotations"]:
        row["iscrowd"] = 1
    annotations.write_text(json.dumps(content))
    how = [pictures, "--json", annotations, "-o", tmp_path / "out", "--limit", 1]
    crowd = relook("compare", run_folder, run_folder, *how)
    assert "all 6 annotations are marked iscrowd: 1" in crowd.stderr
    assert not {row["verdict"] for row in rows_of(tmp_path / "out")} & {"both missed"}
    objects = relook("compare", run_folder, run_folder, *how, "--crowd", "as-objects")
    assert objects.exit_code == 0, objects.stderr
    assert "iscrowd" not in objects.stderr
    assert len([r for r in rows_of(tmp_path / "out") if "wrong" not in r["verdict"]]) == 2
