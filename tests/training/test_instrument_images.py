"""Trainings on what instruments write: other channels, other types, images stored turned."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import torch
from rich.console import Console

from relook.data.coco.reader import read_coco
from relook.data.images import Reading
from relook.errors import UsageError
from relook.evaluation.run import evaluate_model
from relook.inference.predictor import Predictor
from relook.training.loop import train
from relook.training.settings import Overlay, Settings, resolve
from relook.training.start.source import Start
from relook.weights.file import SavedModel, load_model

from ..conftest import FAST
from ..conftest import MODEL as NARROW

DEEP = {"channels": [0, 2, 1, 3], "intensities": "data"}


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def as_tiff(json_path: Path, *, turned: bool = False) -> Path:
    """The data set as 16-bit TIFF of four channels, of which the first has the objects."""
    document = json.loads(json_path.read_text())
    random = np.random.default_rng(0)
    for image in document["images"]:
        source = json_path.parent / "images" / image["file_name"]
        from PIL import Image

        grey = np.asarray(Image.open(source).convert("L")).astype(np.uint16)
        noise = random.integers(300, 400, (3, *grey.shape)).astype(np.uint16)
        values = np.concatenate([grey[None] * 12 + 400, noise])
        image["file_name"] = f"{image['id']}.ome.tif"
        tags = [(274, "H", 1, 3 if turned else 1, True)]
        tifffile.imwrite(
            json_path.parent / "images" / image["file_name"],
            values,
            photometric="minisblack",
            metadata={"axes": "CYX"},
            extratags=tags,
        )
    path = json_path.with_name("tiff.json")
    path.write_text(json.dumps(document))
    return path


def settings_of(path: Path, reading: dict[str, Any], **data: Any) -> Settings:
    images = path.parent / "images"
    files = {"train_json": path, "train_images": images, "val_json": path, "val_images": images}
    model = {**NARROW, "input": {"size": [64, 64], "reading": reading}}
    recipe = {**FAST, "steps": 2, "augment": {**FAST["augment"], "colour": 0.2, "grey": 0.5}}
    return resolve(
        [Overlay(model=model, train=recipe, data={**files, **data})], preset_name="htc-tiny"
    )


def test_four_channels_from_a_model_of_three(blobs: Path, tmp_path: Path, console: Console) -> None:
    path = as_tiff(blobs)
    three = settings_of(path, {"channels": [0]})
    trained = load_model(train(three, console, out=tmp_path / "three").run.best)
    assert trained.config.input.reading == Reading(channels=(0,)).explicit()

    start = Start(trained, tmp_path / "three" / "best.safetensors")
    outcome = train(settings_of(path, DEEP), console, out=tmp_path / "four", start=start)
    text = said(console)
    assert "Values: channels 0, 2, 1, 3; values " in text
    assert "The first is OME-TIFF, axes CYX, uint16: channels 0, 2, 1, 3 of 4; values " in text
    assert "stem: 4 channels here, 3 in the weights" in text
    saved = load_model(outcome.run.best)
    own = saved.config.input
    assert own.reading.scale == "bounds"
    assert own.reading.bounds is not None
    assert len(own.reading.bounds) == len(own.mean) == own.channels == 4
    features: Any = saved.detector.features
    assert features.backbone.conv1.weight.shape[1] == 4

    predictor = Predictor.of(saved)
    index = read_coco(path, path.parent / "images", reading=predictor.reading())
    result = predictor.predict(index.images[0].path)
    assert result.image is not None
    assert result.image.shape == (64, 64, 3)
    assert result.info is not None
    assert "channels 0, 2, 1, 3 of 4" in result.info.used
    assert predictor.predict(index.images[0].path, tta="flip").size == (64, 64)
    assert outcome.metrics is not None
    evaluation = evaluate_model(predictor, index, max_dets=outcome.metrics.max_dets)
    assert evaluation.metrics.box.ap == pytest.approx(outcome.metrics.box.ap, abs=1e-6)
    with pytest.raises(UsageError, match=r"U04.*the network takes 4 channels"):
        predictor.predict(index.images[0].path, reading=Reading(channels=(0,)))


def test_images_stored_turned_learn_from_their_own_frame(
    blobs: Path, tmp_path: Path, console: Console
) -> None:
    path = as_tiff(blobs, turned=True)
    settings = settings_of(path, {"channels": [0]}, frame="stored")
    train(settings, console, out=tmp_path / "run")
    text = said(console)
    assert "orientation: 4 images stored turned, read upright; the annotations of 4" in (text)


def test_a_model_without_a_record_has_the_default_rule(small: Settings) -> None:
    config = small.model
    dumped = config.model_dump()
    del dumped["input"]["reading"]
    assert type(config).model_validate(dumped).input.reading == Reading()


def test_a_start_of_a_standardised_stem_keeps_its_map(tmp_path: Path) -> None:
    from relook.data.coco.reader import Category
    from relook.training.start.continued import continued_detector
    from relook.training.start.fresh import seeded_detector

    settings = resolve(
        [Overlay(model=NARROW, data={"train_json": "a", "train_images": "b"})],
        preset_name="detectors-htc-tiny",
    )
    config = settings.model.with_(num_classes=1, semantic=None)
    classes = (Category(1, "cell"),)
    saved = SavedModel(seeded_detector(config, 0).eval(), config, classes, {})
    five = config.with_(input__reading={"channels": [0, 1, 2, 3, 4]})
    lines: list[str] = []
    detector = continued_detector(five, classes, saved, tmp_path, 1, lines.append).eval()
    plane = torch.randn(1, 1, 64, 64)
    before, after = (
        [one.features.backbones[0].conv1(plane.expand(-1, count, -1, -1))]
        for one, count in ((saved.detector, 3), (detector, 5))
    )
    torch.testing.assert_close(after, before, atol=1e-4, rtol=1e-3)
    assert any("stem: 5 channels here" in line for line in lines)
    features: Any = detector.features
    assert features.backbones[0].conv1.weight.requires_grad
