"""``relook predict`` and ``relook eval`` with --task panoptic."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import Result

from relook.data.coco.reader import Category
from relook.data.panoptic.reader import PanopticIndex, read_panoptic, read_truth
from relook.structures.panoptic import PanopticCategory
from relook.weights.file import save_model

from ..narrow_models import detector_of, narrow_config

Run = Callable[..., Result]
STUFF = (PanopticCategory(2, "sky", False), PanopticCategory(3, "ground", False))
LOW = "score=0.01,stuff_area=4"


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model of blobs, sky and ground whose ids are not those of the data."""
    config = narrow_config(
        "detectors-panoptic-tiny",
        num_classes=1,
        cascade__select__max_detections=6,
        rpn__test__proposals=20,
        stuff__num_classes=3,
        semantic__num_classes=3,
        input__size=(64, 64),
    )
    path = tmp_path / "run" / "best.safetensors"
    path.parent.mkdir()
    extra = {"shown_from": 0.01}
    save_model(path, detector_of(config), config, [Category(1, "blob")], extra, stuff=STUFF)
    return path


def test_a_model_and_its_own_maps_score_the_same(
    relook: Run, model: Path, panoptic_blobs: Path, tmp_path: Path
) -> None:
    truth = ["--json", panoptic_blobs, "--images", panoptic_blobs.parent / "images"]
    how = ["--task", "panoptic", "--rule", LOW]
    found = relook("eval", model, *truth, *how, "--out", tmp_path / "a")
    assert found.exit_code == 0, found.stderr
    assert "PQ" in found.stdout and "sky" in found.stdout and "boxes" in found.stdout
    numbers = json.loads((tmp_path / "a" / "metrics.json").read_text())
    assert numbers["panoptic"]["images"] == 4 and numbers["objects"]["images"] == 4
    assert {
        row["category_id"] for row in json.loads((tmp_path / "a" / "predictions.json").read_text())
    } == {7}
    index = read_panoptic(tmp_path / "a" / "panoptic.json", panoptic_blobs.parent / "images")
    for image in index.images:
        kinds = {s.category_id for s in read_truth(image).segments}
        assert kinds and kinds <= {7, 20, 21}
    again = relook(
        "eval", tmp_path / "a" / "panoptic.json", *truth, "--task", "panoptic", "-o", tmp_path / "b"
    )
    assert again.exit_code == 0, again.stderr
    same = json.loads((tmp_path / "b" / "metrics.json").read_text())
    assert same["panoptic"] == numbers["panoptic"]


def _written(out: Path, images: Path) -> PanopticIndex:
    """What a prediction has written, its images named within their folder."""
    document = json.loads((out / "panoptic.json").read_text())
    for row in document["images"]:
        row["file_name"] = Path(row["file_name"]).name
    (out / "panoptic.json").write_text(json.dumps(document))
    return read_panoptic(out / "panoptic.json", images)


def test_predictions_are_in_the_format_of_coco_and_a_stopped_run_goes_on(
    relook: Run, model: Path, panoptic_blobs: Path, tmp_path: Path
) -> None:
    images, out = panoptic_blobs.parent / "images", tmp_path / "found"
    (images / "broken.png").write_bytes(b"no image")
    how = ["predict", images, "-m", model, "--task", "panoptic", "--rule", LOW, "-o", out]
    found = relook(*how)
    assert found.exit_code == 3, found.stderr
    assert sorted(p.name for p in (out / "overlay").iterdir()) == [f"{i}.jpg" for i in (1, 2, 3, 4)]
    assert not (out / "predictions.json").exists()
    index = _written(out, images)
    assert [c.name for c in index.categories] == ["blob", "sky", "ground"]
    assert {s.is_thing for image in index.images for s in image.segments} == {True, False}
    before = {i.file_name: read_truth(i).ids.copy() for i in index.images}
    (images / "broken.png").unlink()
    (out / "panoptic" / "2.png").unlink()
    resumed = relook(*how, "--resume")
    assert resumed.exit_code == 0, resumed.stderr
    assert "3 of them kept" in resumed.stderr
    for image in _written(out, images).images:
        assert np.array_equal(read_truth(image).ids, before[image.file_name])


def test_one_line_of_json_names_the_segments(
    relook: Run, model: Path, panoptic_blobs: Path
) -> None:
    image = panoptic_blobs.parent / "images" / "1.png"
    how = ["--task", "panoptic", "--rule", LOW, "--json"]
    found = relook("predict", image, "-m", model, *how)
    record = json.loads(found.stdout)
    things = [s for s in record["segments"] if s["isthing"]]
    assert things and all(record["objects"][s["object"]]["name"] == s["name"] for s in things)
    assert {s["name"] for s in record["segments"]} > {"blob"}


def test_labels_of_another_model(
    relook: Run, model: Path, panoptic_blobs: Path, tmp_path: Path
) -> None:
    images = panoptic_blobs.parent / "images"
    (tmp_path / "maps").mkdir()
    semantic = np.full((64, 64), 4, dtype=np.uint8)
    Image.fromarray(semantic).save(tmp_path / "maps" / "1.png")
    table = {"categories": [{"id": 9, "name": "fog", "isthing": 0}], "labels": {"4": 9}}
    (tmp_path / "table.json").write_text(json.dumps(table))
    how = ["--task", "panoptic", "--stuff-maps", tmp_path / "maps", "--rule", "score=1"]
    how += ["--stuff-labels", tmp_path / "table.json", "--json"]
    found = relook("predict", images / "1.png", "-m", model, *how)
    assert found.exit_code == 0, found.stderr
    record = json.loads(found.stdout)
    assert [(s["name"], s["area"]) for s in record["segments"]] == [("fog", 4096)]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        (["--rule", "score=0.5"], "only with --task panoptic"),
        (["--stuff-maps", "x"], "only with --task panoptic"),
        (["--save", "panoptic"], "Add --task panoptic"),
        (["--task", "panoptic", "--stuff-maps", "x"], "the meaning of the labels in these files"),
        (["--task", "panoptic", "--rule", "score"], "expected key=value"),
        (["--task", "panoptic", "--rule", "scores=1"], "did you mean"),
        (["--task", "panoptic", "--rule", "score=2"], "less than or equal to 1"),
        (["--task", "panoptic", "--rule", "score=2001-99-99"], "U03"),
        (["--task", "panoptic", "--tta", "flip"], "not labels of pixels"),
    ],
)
def test_options_that_do_not_go_together(
    relook: Run, model: Path, panoptic_blobs: Path, options: list[str], what: str
) -> None:
    found = relook("predict", panoptic_blobs.parent / "images", "-m", model, *options)
    assert found.exit_code == 2
    assert what in " ".join(found.stderr.split())


def test_categories_must_be_in_the_file(
    relook: Run, model: Path, panoptic_blobs: Path, tmp_path: Path
) -> None:
    document = json.loads(panoptic_blobs.read_text())
    document["categories"][1]["name"] = "cloud"
    panoptic_blobs.write_text(json.dumps(document))
    truth = ["--json", panoptic_blobs, "--images", panoptic_blobs.parent / "images"]
    found = relook("eval", model, *truth, "--task", "panoptic", "-o", tmp_path / "a")
    assert found.exit_code == 3 and "D13" in found.stderr and "sky" in found.stderr


def test_the_first_images_alone(
    relook: Run, model: Path, panoptic_blobs: Path, tmp_path: Path
) -> None:
    truth = ["--json", panoptic_blobs, "--images", panoptic_blobs.parent / "images"]
    how = [*truth, "--task", "panoptic"]
    whole = relook("eval", model, *how, "--rule", LOW, "-o", tmp_path / "whole")
    assert f"Of 4 images of {panoptic_blobs.name}." in whole.stdout
    found = relook("eval", model, *how, "--rule", LOW, "--limit", 2, "-o", tmp_path / "two")
    assert found.exit_code == 0, found.stderr
    words = f"Of the first 2 images of {panoptic_blobs.name}, which has 4 (--limit): not comparable"
    assert words in found.stdout
    numbers = json.loads((tmp_path / "two" / "metrics.json").read_text())
    assert numbers["panoptic"]["images"] == numbers["objects"]["images"] == 2
    assert len(list((tmp_path / "two" / "panoptic").iterdir())) == 2
    for results in ("whole", "two"):  # of all images, or of these alone
        file = tmp_path / results / "panoptic.json"
        again = relook("eval", file, *how, "--limit", 2, "-o", tmp_path / f"again-{results}")
        assert again.exit_code == 0, again.stderr
        assert words in again.stdout
        same = json.loads((tmp_path / f"again-{results}" / "metrics.json").read_text())
        assert same["panoptic"] == numbers["panoptic"]
    short = relook("eval", tmp_path / "two" / "panoptic.json", *how, "-o", tmp_path / "short")
    assert short.exit_code == 3 and "D15" in short.stderr
    all_of_them = relook("eval", tmp_path / "whole" / "panoptic.json", *how, "--limit", 9)
    assert f"Of 4 images of {panoptic_blobs.name}." in all_of_them.stdout


@pytest.mark.parametrize(
    "options",
    [
        ["--one-class"],
        ["--ignore-unknown"],
        ["--boxes", "from-masks"],
        ["--compare", "other"],
        ["--huddle-same-class"],
        ["--report"],
    ],
)
def test_options_about_objects_are_refused(
    relook: Run, model: Path, panoptic_blobs: Path, options: list[str]
) -> None:
    truth = ["--json", panoptic_blobs, "--images", panoptic_blobs.parent / "images"]
    found = relook("eval", model, *truth, "--task", "panoptic", *options)
    assert found.exit_code == 2 and "U04" in found.stderr
    assert f"cannot be combined with {options[0]}" in " ".join(found.stderr.split())


@pytest.mark.parametrize(
    "options",
    [
        ["--size", "32", "32"],
        ["--diameter", "9"],
        ["--tile", "off"],
        ["--max-dets", "3"],
        ["--agnostic"],
        ["--batch", "2"],
        ["--device", "cpu"],
        ["--fast", "off"],
        ["--precision", "bf16"],
        ["--rule", "score=0.2"],
        ["--channels", "0"],
        ["--intensities", "0:255"],
    ],
)
def test_options_about_a_model_are_refused_beside_results(
    relook: Run, panoptic_blobs: Path, options: list[str]
) -> None:
    truth = ["--json", panoptic_blobs, "--images", panoptic_blobs.parent / "images"]
    found = relook("eval", panoptic_blobs, *truth, "--task", "panoptic", *options)
    assert found.exit_code == 2 and "U04" in found.stderr
    words = " ".join(found.stderr.split())
    assert f"has results already, so that no model sees the images: {options[0]} would" in words


def test_images_of_the_truth_are_read_as_those_of_the_model(
    relook: Run, model: Path, panoptic_blobs: Path, tmp_path: Path
) -> None:
    """Sizes that the json leaves out are those of the page that is predicted."""
    images = panoptic_blobs.parent / "images"
    document = json.loads(panoptic_blobs.read_text())
    for row in document["images"]:
        picture = Image.open(images / row["file_name"]).convert("RGB")
        row["file_name"] = f"{row['id']}.tif"
        del row["width"], row["height"]
        black = Image.new("RGB", picture.size)
        black.save(images / row["file_name"], save_all=True, append_images=[picture])
    panoptic_blobs.write_text(json.dumps(document))
    how = ["--json", panoptic_blobs, "--images", images, "--task", "panoptic", "--page", 1]
    found = relook("eval", model, *how, "--rule", LOW, "-o", tmp_path / "a")
    assert found.exit_code == 0, found.stderr
    assert found.stderr.count("images: TIFF") == 1
    again = relook("eval", tmp_path / "a" / "panoptic.json", *how, "-o", tmp_path / "b")
    assert again.exit_code == 0, again.stderr
    a, b = (json.loads((tmp_path / name / "metrics.json").read_text()) for name in "ab")
    assert a["panoptic"] == b["panoptic"]
    assert a["conditions"]["reading"] == b["conditions"]["reading"] == {"page": 1}


def test_the_conditions_stand_beside_the_numbers(
    relook: Run, model: Path, panoptic_blobs: Path, tmp_path: Path
) -> None:
    truth = ["--json", panoptic_blobs, "--images", panoptic_blobs.parent / "images"]
    how = ["--task", "panoptic", "--rule", LOW, "--size", 48, 48, "--limit", 1, "-o", tmp_path]
    found = relook("eval", model, *truth, *how)
    assert found.exit_code == 0, found.stderr
    used = json.loads((tmp_path / "metrics.json").read_text())["conditions"]
    assert (used["size"], used["limit"], used["max_dets"]) == ([48, 48], 1, 6)
    rule = used["panoptic"]["rule"]
    assert (rule["score"], rule["stuff_area"], rule["overlap"]) == (0.01, 4, 0.5)
