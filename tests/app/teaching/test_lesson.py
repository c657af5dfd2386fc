"""A training on corrections, in the process of the test."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from relook.app.teaching import lesson as module
from relook.app.teaching.lesson import Lesson, LessonState, keep_newest, learn, main, write_request
from relook.data.coco.reader import Category
from relook.errors import RelookError
from relook.training.ending import interruption
from relook.training.run_folder import RunFolder
from relook.weights.file import load_model, save_model

from ...narrow_models import FEW, detector_of, narrow_config


@pytest.fixture
def lesson(tmp_path: Path) -> Lesson:
    """A narrow model, and two images with two squares each."""
    config = narrow_config(num_classes=1, semantic__num_classes=2, **FEW)
    config = config.with_(input__size=(64, 64))
    start = tmp_path / "start.safetensors"
    extra = {"preset": "htc-tiny", "shown_from": 0.625}
    save_model(start, detector_of(config), config, [Category(1, "cell")], extra)
    images, annotations = [], []
    for number in (1, 2):
        pixels = np.full((64, 64, 3), 20, np.uint8)
        for left in (6, 34):
            pixels[20:44, left : left + 24] = 230
            x, y = left, 20
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": 1,
                    "iscrowd": 0,
                    "bbox": [x, y, 24, 24],
                    "area": 576,
                    "segmentation": [[x, y, x + 24, y, x + 24, y + 24, x, y + 24]],
                }
            )
        name = f"{number}.png"
        Image.fromarray(pixels).save(tmp_path / name)
        images.append({"id": number, "file_name": name, "width": 64, "height": 64})
    names = [{"id": 1, "name": "cell"}]
    for part, number in (("train", 1), ("held_out", 2)):
        content = {
            "images": [image for image in images if image["id"] == number],
            "annotations": [row for row in annotations if row["image_id"] == number],
            "categories": names,
        }
        (tmp_path / f"{part}.json").write_text(json.dumps(content))
    return Lesson(
        model=str(start),
        images=str(tmp_path),
        train=str(tmp_path / "train.json"),
        held_out=str(tmp_path / "held_out.json"),
        steps=2,
    )


def test_a_lesson_measures_learns_and_measures_again(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each model file is read once."""
    folder = tmp_path / "lesson"
    write_request(folder, lesson)
    read: list[str] = []
    monkeypatch.setattr(
        module, "load_model", lambda path: read.append(str(path)) or load_model(path)
    )
    state = learn(folder)
    assert read == [lesson.model, str(RunFolder(folder / "run").best)]
    assert state.phase == "done"
    assert state == LessonState.read(folder)
    assert state.before is not None and state.after is not None
    assert state.before["images"] == 1 and state.before["objects"] == 2
    assert 0 <= (state.after["mask_ap"] or 0) <= 1
    assert state.pictures == 2
    assert all((folder / "pictures" / f"{n}.png").is_file() for n in range(2))
    run = RunFolder(folder / "run")
    rows = [row for row in run.rows() if "loss" in row]
    assert [row["step"] for row in rows] == [1, 2]
    assert rows[-1]["lr"] < rows[0]["lr"] or rows[-1]["lr"] < 1e-3
    assert load_model(run.best).extra["shown_from"] == 0.625  # one image is too few to choose it
    before, after = load_model(lesson.model).detector, load_model(run.best).detector
    moved = [
        not torch.equal(a, b)
        for a, b in zip(before.parameters(), after.parameters(), strict=True)
        if b.requires_grad
    ]
    assert any(moved)


def test_a_renamed_class_is_measured_and_learned_from_where_the_model_is(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before the training it is scored as it was, and the weights of its class are kept."""
    for part in ("train", "held_out"):
        path = tmp_path / f"{part}.json"
        path.write_text(path.read_text().replace('"name": "cell"', '"name": "ring"'))
    starts: list[Any] = []
    monkeypatch.setattr(module, "train", lambda *_, start, **__: starts.append(start))
    write_request(tmp_path / "lesson", replace(lesson, renamed={"cell": "ring"}))
    state = learn(tmp_path / "lesson")
    assert state.before is not None and state.before["objects"] == 2
    assert [item.name for item in starts[0].saved.classes] == ["ring"]


def stopped(settings: Any, console: Any, *, out: Path, **more: Any) -> None:
    """A training that is stopped after its first step."""
    out.mkdir()
    run = RunFolder(out)
    detector = detector_of(settings.model)
    states = {f"detector.{name}": value for name, value in detector.state_dict().items()}
    torch.save({"state_dict": states}, run.last)
    run.config.write_text(settings.with_(model=settings.model).to_yaml())
    (out / "classes.json").write_text('[{"id": 1, "name": "cell", "objects": 2}]')
    raise interruption(run, 1)


def test_a_training_that_is_stopped_keeps_what_it_learned(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it has ended an epoch, or has a state only."""
    folder = tmp_path / "lesson"
    write_request(folder, replace(lesson, held_out=None))
    monkeypatch.setattr(module, "train", stopped)
    state = learn(folder)
    assert (state.phase, state.before, state.after) == ("stopped", None, None)
    run = RunFolder(folder / "run")
    saved = load_model(run.best)
    assert [c.name for c in saved.classes] == ["cell"]
    expected = torch.load(run.last, weights_only=True)["state_dict"]
    for name, value in saved.detector.state_dict().items():
        assert torch.equal(value, expected[f"detector.{name}"])
    assert saved.extra["shown_from"] == 0.625
    before = run.best.stat().st_mtime_ns
    keep_newest(run)  # a model that is there is not touched
    assert run.best.stat().st_mtime_ns == before


def test_objects_are_shown_from_the_best_score_where_images_are_enough(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "lesson"
    write_request(folder, lesson)
    monkeypatch.setattr(module, "train", stopped)
    monkeypatch.setattr(module, "measured", lambda *_: module.Measured({"f1": 0.5}, 0, 0.75))
    assert learn(folder).after == {"f1": 0.5}
    assert load_model(RunFolder(folder / "run").best).extra["shown_from"] == 0.75


def test_an_error_ends_in_words(
    lesson: Lesson, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "lesson"
    write_request(folder, replace(lesson, train=str(tmp_path / "none.json"), steps=None))
    threads = torch.get_num_threads()
    try:
        assert main([str(folder)], end=lambda: None) == 3
    finally:
        torch.set_num_threads(threads)
    state = LessonState.read(folder)
    assert state.phase == "failed" and "none.json" in state.message
    assert "D01" in capsys.readouterr().err


def test_a_divergence_is_no_stop(
    lesson: Lesson, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def diverged(*_: Any, **__: Any) -> None:
        raise RelookError("R03", "the loss is not finite")

    write_request(tmp_path / "lesson", replace(lesson, held_out=None))
    monkeypatch.setattr(module, "train", diverged)
    with pytest.raises(RelookError, match="R03"):
        learn(tmp_path / "lesson")


def test_scores_without_regard_to_classes(lesson: Lesson) -> None:
    """A model of another domain is measured on the data as it is."""
    content = json.loads(Path(lesson.held_out or "").read_text())
    content["categories"][0]["name"] = "mushroom"
    Path(lesson.held_out or "").write_text(json.dumps(content))
    predictor = module.Predictor.of(load_model(lesson.model))
    changed = replace(lesson, one_class=True)
    found = module.measured(predictor, changed, Path(lesson.images) / "pictures", 5)
    assert (found.scores["one_class"], found.scores["objects"], found.pictures) == (1, 2, 1)
    assert (Path(lesson.images) / "pictures" / "5.png").is_file()
