"""``relook eval``: numbers and files."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import Result

from relook.api import load

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
    assert result.stderr.count("images: JPEG, axes YXS, uint8: RGB; 8 bits as they are") == 1
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["max_dets"] == 7
    assert metrics["images"] == 3
    used = metrics["conditions"]
    assert (used["max_dets"], used["size"], used["score"]) == (7, [96, 96], 0.001)
    assert (used["fast"], used["one_class"], used["map"]) == (True, False, {})
    predictions = json.loads((out / "predictions.json").read_text())
    assert {p["category_id"] for p in predictions} <= {10, 20}
    assert max(sum(p["image_id"] == i for p in predictions) for i in (1, 2, 3)) == 7


def test_a_report_shows_the_same_numbers(
    relook: Run, run_folder: Path, annotations: Path, pictures: Path, tmp_path: Path
) -> None:
    arguments = ["eval", run_folder, "--json", annotations, "--images", pictures, "--limit", 2]
    result = relook(*arguments, "--out", tmp_path / "with")
    assert result.exit_code == 0, result.stderr
    assert f"report: {tmp_path / 'with' / 'report.html'}" in result.stderr
    metrics = json.loads((tmp_path / "with" / "metrics.json").read_text())
    page = (tmp_path / "with" / "report.html").read_text()
    assert "<title>nuts on truth</title>" in page
    assert f"{metrics['mask']['ap']:.3f}" in page
    assert "from score 0.05" in page  # the model's own
    classes = (tmp_path / "with" / "classes.csv").read_text().splitlines()
    assert sorted(line.split(",")[1:3] for line in classes[1:]) == [["bolt", "2"], ["nut", "2"]]
    assert relook(*arguments, "--no-report", "--out", tmp_path / "without").exit_code == 0
    names = {path.name for path in (tmp_path / "without").iterdir()}
    assert names == {"metrics.json", "predictions.json", "images.csv"}
    images, alone = ((tmp_path / part / "images.csv").read_text() for part in ("with", "without"))
    assert images == alone
    assert len(images.splitlines()) == 1 + 2


def test_results_go_beside_the_model(
    relook: Run, run_folder: Path, annotations: Path, pictures: Path
) -> None:
    for model in (run_folder, run_folder / "best.safetensors"):
        result = relook("eval", model, "--json", annotations, "--images", pictures, "--limit", 1)
        assert result.exit_code == 0, result.stderr
        assert (run_folder / "eval" / "truth" / "metrics.json").is_file()
        assert str(run_folder / "eval" / "truth") in result.stderr


def test_boxes_only(relook: Run, box_model: Path, annotations: Path, pictures: Path) -> None:
    content = json.loads(annotations.read_text())
    for row in content["annotations"]:
        x, y, width, height = row["bbox"]
        row["bbox"] = [x, y, x + width, y + height]
    annotations.write_text(json.dumps(content))
    result = relook("eval", box_model, "--json", annotations, "--images", pictures)
    assert result.exit_code == 0, result.stderr
    assert "boxes: 6 of 6 are not those of their masks" in result.stderr
    assert "corners x1 y1 x2 y2" in result.stderr
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
    assert "--map screw=nut" in result.stderr and "--one-class" in result.stderr


@pytest.mark.parametrize(
    ("options", "classes", "line"),
    [
        (["--map", "screw=bolt"], ["bolt", "nut"], "screw of truth.json counts as bolt"),
        (["--map", "screw=nut"], ["nut"], "screw of truth.json counts as nut"),
        (["--one-class"], ["object"], "(nut, bolt) count as of one class"),
    ],
)
def test_other_classes_are_matched_as_said(
    relook: Run,
    run_folder: Path,
    annotations: Path,
    pictures: Path,
    tmp_path: Path,
    options: list[str],
    classes: list[str],
    line: str,
) -> None:
    content = json.loads(annotations.read_text())
    content["categories"][0]["name"] = "screw"
    annotations.write_text(json.dumps(content))
    out = tmp_path / "out"
    where = ["--json", annotations, "--images", pictures, "--out", out]
    result = relook("eval", run_folder, *where, *options, "--limit", 1)
    assert result.exit_code == 0, result.stderr
    assert line in result.stderr
    rows = (out / "classes.csv").read_text().splitlines()[1:]
    assert sorted({row.split(",")[1] for row in rows}) == classes
    assert sum(int(row.split(",")[2]) for row in rows) == 2


def test_an_unknown_name_of_the_file_is_refused(
    relook: Run, run_folder: Path, annotations: Path, pictures: Path
) -> None:
    where = ["--json", annotations, "--images", pictures]
    result = relook("eval", run_folder, *where, "--map", "screw=bolt")
    assert result.exit_code == 2
    assert "U01: --map screw=bolt: truth.json has no class 'screw'" in result.stderr


def test_a_file_that_is_not_coco(relook: Run, run_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text("[1, 2]")
    result = relook("eval", run_folder, "--json", tmp_path / "a.json", "--images", tmp_path)
    assert result.exit_code == 3
    assert "data error D0" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.fixture
def own_model(run_folder: Path, tmp_path: Path) -> Path:
    """A run folder that a test may change."""
    return Path(shutil.copytree(run_folder, tmp_path / "own"))


@pytest.fixture
def findable(relook: Run, run_folder: Path, annotations: Path, pictures: Path) -> Path:
    """Annotations that are what the model finds with a score from 0.1."""
    arguments = ["--json", annotations, "--images", pictures, "--out", annotations.parent]
    assert relook("eval", run_folder, *arguments).exit_code == 0
    found = json.loads((annotations.parent / "predictions.json").read_text())
    content = json.loads(annotations.read_text())
    highest = sorted(found, key=lambda one: -one["score"])[:3]
    content["annotations"] = [
        {**one, "id": number, "area": one["bbox"][2] * one["bbox"][3], "iscrowd": 0}
        for number, one in enumerate(highest, start=1)
    ]
    path = annotations.with_name("findable.json")
    path.write_text(json.dumps(content))
    return path


def test_counts_at_the_threshold_of_the_model(
    relook: Run, run_folder: Path, annotations: Path, pictures: Path, tmp_path: Path
) -> None:
    arguments = ["--json", annotations, "--images", pictures, "--out", tmp_path / "out"]
    result = relook("eval", run_folder, *arguments)
    assert "at 0.05" in result.stdout
    counting = json.loads((tmp_path / "out" / "metrics.json").read_text())["counting"]
    assert counting["at_shown_from"]["threshold"] == 0.05
    assert counting["kind"] == "mask"


def test_the_best_threshold_is_kept_when_asked_for(
    relook: Run, own_model: Path, findable: Path, pictures: Path
) -> None:
    file = own_model / "best.safetensors"
    before = file.read_bytes()
    arguments = ["eval", own_model, "--json", findable, "--images", pictures]
    assert relook(*arguments).exit_code == 0
    assert file.read_bytes() == before  # only when asked for
    result = relook(*arguments, "--keep-threshold")
    assert result.exit_code == 0, result.stderr
    best = json.loads((own_model / "eval" / "findable" / "metrics.json").read_text())
    threshold = best["counting"]["best"]["threshold"]
    assert threshold != 0.05
    assert load(own_model, device="cpu").shown_from == threshold
    assert f"{file}: objects are now shown from score {threshold:g}, before from 0.05" in (
        result.stderr.replace("\n", "")
    )
    again = relook(*arguments)
    assert again.exit_code == 0
    counting = json.loads((own_model / "eval" / "findable" / "metrics.json").read_text())
    assert counting["counting"]["at_shown_from"] == counting["counting"]["best"]


def test_no_threshold_is_kept_where_nothing_was_found(
    relook: Run, own_model: Path, annotations: Path, pictures: Path
) -> None:
    content = json.loads(annotations.read_text())
    content["annotations"] = []
    annotations.write_text(json.dumps(content))
    before = (own_model / "best.safetensors").read_bytes()
    arguments = ["--json", annotations, "--images", pictures, "--keep-threshold"]
    result = relook("eval", own_model, *arguments)
    assert result.exit_code == 0, result.stderr
    assert "no object was found at any score threshold" in result.stderr
    assert (own_model / "best.safetensors").read_bytes() == before


def test_a_threshold_that_cannot_be_kept_is_refused_before_the_work(
    relook: Run,
    own_model: Path,
    annotations: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    out = tmp_path / "out"
    arguments = ["--json", annotations, "--images", pictures, "--out", out, "--keep-threshold"]
    foreign = tmp_path / "theirs.pth"
    foreign.write_bytes(b"")
    package = Path(shutil.copytree(own_model, tmp_path / "package"))
    monkeypatch.setattr("relook.weights.shipped.FOLDER", package)
    for model, more, words in (
        (own_model, ["--limit", 2], "a part of the images"),
        (foreign, [], "theirs.pth is no .safetensors file of relook"),
        (package / "best.safetensors", [], "comes with relook"),
    ):
        result = relook("eval", model, *arguments, *more)
        assert result.exit_code == 2
        message = " ".join(result.stderr.split())
        assert "usage error U04: --keep-threshold" in message
        assert words in message
    assert not out.exists()


def test_numbers_by_huddles(
    relook: Run, run_folder: Path, annotations: Path, pictures: Path, tmp_path: Path
) -> None:
    arguments = ["--json", annotations, "--images", pictures, "--out", tmp_path / "out"]
    result = relook("eval", run_folder, *arguments, "--by", "huddle")
    assert result.exit_code == 0, result.stderr
    assert "overlap: IoU of boxes" in result.stdout
    assert "boxes/masks" in result.stdout
    assert "1000 resamples" in result.stdout
    huddles = json.loads((tmp_path / "out" / "metrics.json").read_text())["huddles"]
    assert huddles["images"] == [[3] * 5, *[[0] * 5] * 5]  # no two objects overlap
    assert huddles["box"]["ap_of_images"][0] == [None] * 5  # fewer than 20 images
    assert huddles["box"]["ap_of_objects"][0] is not None
    assert not (tmp_path / "out" / "difference.json").exists()
    for options, kind, words in (
        (["--huddle-overlap", "mask"], "mask", "IoU of masks"),
        (["--huddle-overlap", "ioa", "--huddle-same-class"], "ioa", "of objects of its class"),
    ):
        result = relook("eval", run_folder, *arguments, "--by", "huddle", *options)
        assert result.exit_code == 0, result.stderr
        assert words in result.stdout
        huddles = json.loads((tmp_path / "out" / "metrics.json").read_text())["huddles"]
        assert (huddles["overlap"], huddles["same_class"]) == (kind, kind == "ioa")


def test_another_model_is_compared_on_the_same_images(
    relook: Run,
    run_folder: Path,
    box_model: Path,
    annotations: Path,
    pictures: Path,
    tmp_path: Path,
) -> None:
    arguments = ["--json", annotations, "--images", pictures, "--by", "huddle"]
    numbers = {}
    for model in (run_folder, box_model):
        out = tmp_path / model.name
        assert relook("eval", model, *arguments, "--out", out).exit_code == 0
        huddles = json.loads((out / "metrics.json").read_text())["huddles"]
        numbers[model] = huddles["box"]["ap_of_objects"]
    out = tmp_path / "both"
    result = relook("eval", run_folder, *arguments, "--out", out, "--compare", box_model)
    assert result.exit_code == 0, result.stderr
    assert f"less {box_model}:" in result.stdout
    assert "Difference of AP (boxes) of images" in result.stdout
    content = json.loads((out / "difference.json").read_text())
    assert content["other"] == str(box_model)
    assert content["mask"] is None  # the other one has none
    for row, (mine, its) in enumerate(zip(*numbers.values(), strict=True)):
        expected = None if mine is None else pytest.approx(mine - its)
        assert content["box"]["ap_of_objects"][row] == expected
    same = relook("eval", run_folder, *arguments, "--out", out, "--compare", run_folder)
    assert "+0.000 (no interval)" in same.stdout


def test_options_about_huddles_need_the_numbers_by_huddles(
    relook: Run, run_folder: Path, annotations: Path, pictures: Path, tmp_path: Path
) -> None:
    arguments = ["eval", run_folder, "--json", annotations, "--images", pictures]
    for more in (["--compare", run_folder], ["--huddle-same-class"], ["--huddle-overlap", "ioa"]):
        result = relook(*arguments, *more, "--out", tmp_path / "out")
        assert result.exit_code == 2
        assert "Add --by huddle" in " ".join(result.stderr.split())
    assert not (tmp_path / "out").exists()


def test_a_diameter_needs_a_model_that_knows_sizes(
    relook: Run, run_folder: Path, annotations: Path, pictures: Path, tmp_path: Path
) -> None:
    model = Path(shutil.copy(run_folder / "best.safetensors", tmp_path / "own.safetensors"))
    data = ("--json", annotations, "--images", pictures)
    arguments = (
        "eval",
        model,
        *data,
        "--out",
        tmp_path / "out",
        "--no-report",
        "--diameter",
        "auto",
    )
    refused = relook(*arguments)
    assert refused.exit_code == 4 and "M04: diameter" in refused.stderr
    assert relook("weights", "sizes", model, *data).exit_code == 0
    assert relook(*arguments).exit_code == 0
    assert (tmp_path / "out" / "metrics.json").is_file()


def test_images_that_are_stored_turned_need_a_frame(
    relook: Run, run_folder: Path, annotations: Path, pictures: Path, tmp_path: Path
) -> None:
    exif = Image.Exif()
    exif[0x0112] = 3
    with Image.open(pictures / "a.png") as image:
        image.save(pictures / "a.png", exif=exif)
    arguments = ["eval", run_folder, "--json", annotations, "--images", pictures, "--no-report"]
    result = relook(*arguments, "--out", tmp_path / "a")
    assert result.exit_code == 3
    assert "--frame stored or --frame upright" in " ".join(result.stderr.split())
    result = relook(*arguments, "--out", tmp_path / "a", "--frame", "stored")
    assert result.exit_code == 0, result.stderr
