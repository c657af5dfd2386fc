"""``relook train DATA``: what is found, chosen, said and stored."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import Result

from relook.data import splits
from relook.data.coco.records import CocoIndex
from relook.data.splits import Split
from relook.training import loop
from relook.training.from_data import preparing
from relook.training.settings import Settings
from relook.training.start import choosing
from relook.training.start.classes import CommonClasses
from relook.training.start.source import Start

from ..conftest import write_dataset
from ..narrow_models import FEW, NARROW, as_options

Run = Callable[..., Result]

QUICK = {**FEW, "augment__crop": (64, 64), "train__workers": 0}
SET = as_options({**NARROW, **QUICK, "input__size": (64, 64)})


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Five images with two rectangles each, where commands run; the first is for validation."""
    monkeypatch.chdir(tmp_path)
    write_dataset(tmp_path / "set", [[(5, 5, 20, 20), (35, 30, 20, 25)]] * 5)

    def split_images(index: CocoIndex, *_: object, **__: object) -> Split:
        ids = [image.id for image in index.images]
        return Split(train=tuple(ids[1:]), val=tuple(ids[:1]), test=(), lines=())

    monkeypatch.setattr(splits, "split_images", split_images)
    return Path("set")


def test_a_folder_is_enough(relook: Run, folder: Path) -> None:
    command = ["train", folder, "--model", "htc-tiny", *SET, "--epochs", 1, "--keep-upright"]
    command += ["--one-class", "--out", "runs/set", "--resume", "auto"]
    result = relook(*command)
    assert result.exit_code == 0, result.stderr
    run = Path("runs/set")
    plan = result.stderr
    assert "Found and chosen" in plan
    assert "set/instances.json is the COCO file to learn from" in plan
    assert "Images: set/images has all of the 5 files named there." in plan
    assert "Validation: 1 of 5 images, split off with seed 0" in plan
    assert "Start: random numbers" in plan
    assert "images keep their orientation: no flips, no turns" in plan
    assert "classes: object 8" in plan
    settings = yaml.safe_load((run / "config.yaml").read_text())
    assert settings["data"]["train_json"] == "runs/set/data/train.json"
    assert settings["data"]["one_class"] == "object"
    augment = settings["train"]["augment"]
    assert (augment["flip"], augment["vertical_flip"], augment["quarter_turns"]) == (0, 0, False)
    parts = [json.loads((run / "data" / f"{part}.json").read_text()) for part in ("train", "val")]
    assert [len(part["images"]) for part in parts] == [4, 1]
    assert "validation after epoch 1" in plan
    assert "Images: set/images" in (run / "report.html").read_text()
    before = (run / "data" / "train.json").stat().st_mtime_ns
    for again in (command, ["train", "--resume", run]):
        more = relook(*again)
        assert more.exit_code == 0, more.stderr
    assert (run / "data" / "train.json").stat().st_mtime_ns == before
    changed = relook(*command, "--batch", 3)
    assert changed.exit_code == 2 and "U04" in changed.stderr


def test_what_fails_leaves_no_run_folder(relook: Run, folder: Path) -> None:
    result = relook("train", folder, "--model", "htc-tiny", *SET, "--semantics", "panoptic")
    assert result.exit_code == 2 and "U04: semantics: panoptic" in result.stderr
    assert list(Path("runs").iterdir()) == []


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--train-json", "a.json"], "U04: set and --train-json a.json both name the data"),
        (["--resume", "runs/x"], "cannot be combined with DATA"),
        (["--resume", "runs/x", "--keep-upright"], "--keep-upright"),
        (["--map", "nut=cell", "--one-class"], "U04: --one-class"),
        (["--map", "nut=cell", "--model", "htc-tiny"], "U04: --map names classes of trained"),
        (["--class", "cell"], "U04: --class cell: set/instances.json is a COCO file"),
        (["--resume", "runs/x", "--class", "cell"], "--class"),
        (["--model", "htc-tyni"], "U01: unknown model 'htc-tyni'"),
    ],
)
def test_contradictions_are_refused(
    relook: Run, folder: Path, options: list[str], words: str
) -> None:
    result = relook("train", folder, *options)
    assert result.exit_code == 2, result.stderr
    assert words in result.stderr


@pytest.mark.parametrize(
    ("options", "model", "weights"),
    [
        ([], None, "nuclei"),
        (["--weights", "mushrooms"], None, "mushrooms"),
        (["--from-scratch"], "detectors-htc-tiny", None),
        (["--model", "htc-tiny", "--from-scratch"], "htc-tiny", None),
        (["--set", "train.backbone_from=x.safetensors"], "detectors-htc-tiny", None),
        (["--map", "cell=mushroom"], None, "mushrooms"),
        (["--model", "detectors-cascade-tiny"], "detectors-cascade-tiny", "nuclei"),
    ],
)
def test_what_is_said_decides_the_start(
    relook: Run,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: list[str],
    model: str | None,
    weights: str | None,
) -> None:
    found: list[choosing.ChosenStart] = []

    def prepare_run(request: object, choose: preparing.Choose, **_: object) -> None:
        found.append(choose(["cell"], True))
        raise SystemExit(0)

    monkeypatch.setattr(preparing, "prepare_run", prepare_run)
    assert relook("train", folder, *options).exit_code == 0
    assert (found[0].model, found[0].weights) == (model, weights)


def test_weights_with_a_class_of_another_name(
    relook: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []

    def train(settings: Settings, *_: object, start: Start, **options: Any) -> None:
        assert settings.data.val_json == options["run"].path / "data" / "val.json"
        said.extend(options["chosen"])
        classes = options["annotations"].train.classes
        said.extend(CommonClasses.of(start.saved.classes, classes, start.names).lines())

    monkeypatch.setattr(loop, "train", train)
    result = relook(
        "train", folder, "--weights", "nuclei", "--map", "blob=nucleus", *as_options(QUICK),
        "--out", "mapped",
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "classes: weights kept for 1 (blob, which is nucleus there)" in said
    assert "Start: nuclei, as you say." in said


def test_a_class_name_needs_data_to_convert(relook: Run, folder: Path) -> None:
    where = ["--train-json", folder / "instances.json", "--images", folder / "images"]
    result = relook("train", *where, "--model", "htc-tiny", "--class", "cell")
    assert result.exit_code == 2
    assert "U04: --class cell names the class of data that is converted" in result.stderr


def test_choices_on_annotations_reach_the_data_that_is_found(relook: Run, folder: Path) -> None:
    """As for data that is named: they were dropped here, and the files read strictly."""
    path = folder / "instances.json"
    content = json.loads(path.read_text())
    content["annotations"][0]["category_id"] = 77
    for row in content["annotations"][1:]:
        row["bbox"][0] += 20
    path.write_text(json.dumps(content))
    command = ["train", folder, "--model", "htc-tiny", "--from-scratch", *SET, "--steps", 1]
    strict = relook(*command, "--out", "strict")
    assert strict.exit_code == 3 and "D07" in strict.stderr
    found = relook(*command, "--ignore-unknown", "--boxes", "from-masks", "--out", "found")
    assert found.exit_code == 0, found.stderr
    settings = yaml.safe_load((Path("found") / "config.yaml").read_text())
    leniency = settings["data"]["leniency"]
    assert leniency["ignore_unknown"] and leniency["boxes"] == "from-masks"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--patience", 2], "U04: --patience 2 counts validations, and there are no images"),
        (["--semantic-maps", "set", "--semantics", "none"], "no map would be read"),
    ],
)
def test_settings_that_would_change_nothing(
    relook: Run, folder: Path, options: list[object], words: str
) -> None:
    where = ["--train-json", folder / "instances.json", "--images", folder / "images"]
    result = relook("train", *where, "--model", "htc-tiny", "--from-scratch", *options)
    assert result.exit_code == 2
    assert words in " ".join(result.stderr.split())
