"""The models inside the package: there, small, as their cards say, and able to find things."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path

import pytest

import relook
from relook.data.coco.reader import read_coco
from relook.errors import UsageError
from relook.evaluation.run import evaluate_model
from relook.inference.predictor import Predictor
from relook.weights.file import load_model
from relook.weights.shipped import FOLDER, SHIPPED, shipped_file

DATASETS = Path(__file__).resolve().parents[2] / "datasets"
NUCLEI = DATASETS / "nuclei"
CLASSES = {"nuclei": "nucleus", "mushrooms": "mushroom"}  # data set, and model, to class


@pytest.fixture(scope="module")
def nuclei() -> Predictor:
    return relook.load("nuclei", device="cpu")


def _card(name: str) -> str:
    return (FOLDER / f"{name}.md").read_text(encoding="utf-8")


def _hash_after(title: str, card: str) -> str:
    found = re.search(rf"\| {re.escape(title)} \| `([0-9a-f]{{64}})`", card)
    assert found is not None, f"the card does not say: {title}"
    return found[1]


def _names_sha256(data: str, split: str) -> str:
    content = json.loads((DATASETS / data / "annotations" / f"instances_{split}.json").read_text())
    names = sorted(image["file_name"] for image in content["images"])
    return hashlib.sha256("\n".join(names).encode("utf-8")).hexdigest()


def test_a_name_that_is_not_shipped() -> None:
    with pytest.raises(UsageError, match=r"U01.*did you mean 'nuclei'"):
        shipped_file("nuclie")


@pytest.mark.parametrize("name", SHIPPED)
def test_every_file_is_a_small_model_with_a_card(name: str) -> None:
    path = shipped_file(name)
    assert path.stat().st_size <= 15_000_000
    saved = load_model(path)
    assert saved.extra["preset"] == SHIPPED[name].preset
    assert 0 < saved.extra["shown_from"] < 1
    assert 0 < saved.extra["objects"]["small"] < saved.extra["objects"]["large"]
    assert saved.sizes is not None
    card = _card(name)
    assert saved.sizes.line() in card
    assert _hash_after("SHA-256 of the file", card) == hashlib.sha256(path.read_bytes()).hexdigest()
    assert f"{path.stat().st_size:,} bytes" in card
    assert f"From score {saved.extra['shown_from']:g} on" in card
    assert saved.extra["provenance"]["command"] in card
    assert f"({name}-curve.svg)" in card
    assert "<polyline" in (FOLDER / f"{name}-curve.svg").read_text(encoding="utf-8")


def test_the_folder_holds_nothing_else() -> None:
    expected = {f"{name}{end}" for name in SHIPPED for end in (".safetensors", ".md", "-curve.svg")}
    code = {"__init__.py", "__pycache__"}
    assert {path.name for path in FOLDER.iterdir()} - code == expected


@pytest.mark.parametrize("name", CLASSES)
def test_the_card_names_the_images_of_the_data_set(name: str) -> None:
    card, saved = _card(name), load_model(shipped_file(name))
    for split, title in (("train", "training"), ("val", "validation")):
        names = _names_sha256(name, split)
        assert _hash_after(f"SHA-256 of the {title} names", card) == names
        assert saved.extra["provenance"][f"{split}_images_sha256"] == names
    assert "No step of the training saw them; the threshold was chosen on them." in card
    assert [category.name for category in saved.classes] == [CLASSES[name]]


def test_mushrooms_finds_mushrooms() -> None:
    folder = DATASETS / "mushrooms"
    index = read_coco(folder / "annotations" / "instances_val.json", folder / "images")
    metrics = evaluate_model(relook.load("mushrooms", device="cpu"), index, limit=1).metrics
    assert metrics.mask is not None
    assert metrics.mask.ap50 > 0.7


def test_nuclei_finds_nuclei(nuclei: Predictor) -> None:
    index = read_coco(NUCLEI / "annotations" / "instances_val.json", NUCLEI / "images")
    result = nuclei.predict(index.images[0].path)
    there = len(index.images[0].objects)
    assert 0.5 * there <= len(result) <= 1.5 * there
    metrics = evaluate_model(nuclei, index, max_dets=500, limit=4).metrics
    assert metrics.mask is not None
    assert metrics.mask.ap > 0.25
