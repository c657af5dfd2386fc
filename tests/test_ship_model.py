"""`scripts/ship_model.py`: from a run folder to a model file that knows itself, and its card."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import shutil
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

import relook
from relook.errors import DataError, ModelError, UsageError
from relook.structures.object_sizes import KEY
from relook.training.run_folder import environment
from relook.training.settings import Overlay, resolve
from relook.weights.file import change_extra, load_model, save_model
from relook.weights.shipped import shipped_file

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS, NUCLEI = ROOT / "scripts", ROOT / "datasets" / "nuclei"
CARD = "# nuclei\n\nWords.\n\n<!-- {0} -->\nold\n<!-- /{0} -->\n"


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(SCRIPTS)
    spec = importlib.util.spec_from_file_location("ship_model", SCRIPTS / "ship_model.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "ship_model", module)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder with the shipped weights, as if they had been trained on three real images;
    two others are to be validated on."""
    data, path = tmp_path / "data", tmp_path / "run"
    data.mkdir()
    for split, count in (("train", 3), ("val", 2)):
        truth = json.loads((NUCLEI / "annotations" / f"instances_{split}.json").read_text())
        truth["images"] = truth["images"][:count]
        kept = {image["id"] for image in truth["images"]}
        truth["annotations"] = [one for one in truth["annotations"] if one["image_id"] in kept]
        (data / f"instances_{split}.json").write_text(json.dumps(truth))
    saved = load_model(shipped_file("nuclei"))
    save_model(path / "best.safetensors", saved.detector, saved.config, saved.classes)
    given = {"train_json": data / "instances_train.json", "train_images": NUCLEI / "images"}
    settings = resolve([Overlay(data=given)], preset_name="detectors-htc-tiny", base=saved.config)
    (path / "config.yaml").write_text(settings.to_yaml())
    (path / "env.json").write_text(json.dumps(environment()))
    row = {"epoch": 0, "lr": 0.001, "seconds_per_step": 90.0, "loss": 2.0}
    rows = [{**row, "step": step, "epoch": (step - 1) // 2} for step in range(2, 41, 2)]
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def folder(tmp_path: Path, script: ModuleType) -> Path:
    path = tmp_path / "models"
    path.mkdir()
    (path / "nuclei.md").write_text(CARD.format(script.MARK))
    return path


def test_a_file_that_knows_itself_and_a_card(
    script: ModuleType, run: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [str(run), "nuclei", "--command", "relook train -m x", "--out", str(folder)]
    assert script.main(given) == 0
    assert "F1 at IoU 0.5" in capsys.readouterr().out
    file, card = folder / "nuclei.safetensors", (folder / "nuclei.md").read_text()
    assert {path.name for path in folder.iterdir()} == {
        "nuclei.safetensors", "nuclei.md", "nuclei-curve.svg",
    }  # fmt: skip
    extra = load_model(file).extra
    assert relook.load(file, device="cpu").shown_from == extra["shown_from"]
    assert f"From score {extra['shown_from']:g} on" in card
    assert extra["preset"] == "detectors-htc-tiny"
    sizes = load_model(file).sizes
    assert sizes is not None and sizes.count > 10
    assert f"| sizes of the training objects | {sizes.line()} |" in card
    assert extra["provenance"]["command"] == "relook train -m x"
    assert (extra["provenance"]["steps"], extra["provenance"]["epochs"]) == (40, 20)
    for split in ("train", "val"):
        content = json.loads((run.parent / "data" / f"instances_{split}.json").read_text())
        names = sorted(image["file_name"] for image in content["images"])
        found = hashlib.sha256("\n".join(names).encode()).hexdigest()
        assert extra["provenance"][f"{split}_images_sha256"] == found
        assert found in card
    assert hashlib.sha256(file.read_bytes()).hexdigest() in card
    assert card.startswith("# nuclei\n\nWords.\n")
    assert "\nold\n" not in card
    assert "| 40 | 20 | 0.001 | 2.000 |" in card
    assert "| fluorescence | 2 |" in card
    assert extra["provenance"]["hours"] == 1.0
    assert file.stat().st_size < 0.6 * (run / "best.safetensors").stat().st_size


def test_the_mean_over_seeds(script: ModuleType, run: Path, folder: Path) -> None:
    other = shutil.copytree(run, run.with_name("other"))
    config = other / "config.yaml"
    config.write_text(config.read_text().replace("seed: 0", "seed: 7"))
    given = [str(run), "nuclei", "--command", "x", "--out", str(folder), "--also", str(other)]
    assert script.main(given) == 0
    lines = (folder / "nuclei.md").read_text().splitlines()
    start = lines.index("| seed | box AP | mask AP | mask AP50 |") + 2
    cells = [[part.strip() for part in line.strip("|").split("|")] for line in lines[start:][:3]]
    assert [row[0] for row in cells] == ["0 (this file)", "7", "mean"]
    for column in (1, 2, 3):
        one, another, mean = (float(row[column]) for row in cells)
        assert mean == pytest.approx((one + another) / 2, abs=1e-3)
        assert one == pytest.approx(another, abs=0.02)  # the same weights, in 16 bits
    config.write_text(config.read_text().replace("lr: auto", "lr: 0.5"))
    with pytest.raises(UsageError, match=r"U04.*differ in more than the seed"):
        script.ship(run, "nuclei", "", folder, also=[other])


def test_a_model_that_was_chosen_by_validation_is_refused(
    script: ModuleType, run: Path, folder: Path
) -> None:
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("val_json: null", "val_json: val.json"))
    with pytest.raises(UsageError, match=r"U04.*would flatter it"):
        script.ship(run, "nuclei", "", folder)


def test_images_on_both_sides_are_refused(script: ModuleType, run: Path, folder: Path) -> None:
    data = run.parent / "data"
    shutil.copy(data / "instances_train.json", data / "instances_val.json")
    with pytest.raises(DataError, match=r"D13.*3 images were trained on: .*\.jpg"):
        script.ship(run, "nuclei", "", folder)


def test_a_file_too_large_for_a_wheel_is_refused(
    script: ModuleType, run: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(script, "LARGEST", 10_000)
    with pytest.raises(ModelError, match=r"M05.*more than the 10,000"):
        script.ship(run, "nuclei", "", folder)
    assert [path.name for path in folder.iterdir()] == ["nuclei.md"]


def test_a_part_of_the_images_is_for_tries_only(script: ModuleType, run: Path) -> None:
    with pytest.raises(SystemExit):
        script.main([str(run), "nuclei", "--command", "x", "--limit", "1"])


def test_sizes_are_stored_and_nothing_else_changes(
    script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a file as it was before models had sizes, those that the shipped one has."""
    import ship_sizes

    for end in (".safetensors", ".md"):
        shutil.copy(shipped_file("mushrooms").with_suffix(end), tmp_path / f"mushrooms{end}")
    file, card = tmp_path / "mushrooms.safetensors", tmp_path / "mushrooms.md"
    change_extra(file, {KEY: None})
    card.write_text(re.sub(r"(?m)^\| sizes of .*\n", "", card.read_text()))
    monkeypatch.chdir(ROOT)  # the command of the training names its data from there
    ship_sizes.store("mushrooms", tmp_path)
    stored, shipped = load_model(file), load_model(shipped_file("mushrooms"))
    assert stored.extra == shipped.extra and stored.sizes == shipped.sizes
    own, theirs = stored.detector.state_dict(), shipped.detector.state_dict()
    assert list(own) == list(theirs)
    assert all(torch.equal(own[name], theirs[name]) for name in own)
    expected = shipped_file("mushrooms").with_suffix(".md").read_text()
    hashes = [
        hashlib.sha256(path.read_bytes()).hexdigest() for path in (file, shipped_file("mushrooms"))
    ]
    assert card.read_text() == expected.replace(hashes[1], hashes[0])
