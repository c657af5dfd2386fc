"""What is chosen for a training that starts from a trained model."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from relook.config.base import overlay
from relook.config.presets import preset
from relook.data.coco.reader import Category
from relook.structures.object_sizes import ObjectSizes
from relook.training.fine_tuning import FineTuning, fine_tuning
from relook.training.loop import train
from relook.training.recipe import UNLIMITED, recipe_for
from relook.training.settings import Overlay
from relook.training.start.fresh import seeded_detector
from relook.training.start.source import Start
from relook.weights.file import SavedModel, load_model

MakeDataset = Callable[..., Path]
TINY = "detectors-htc-tiny"


def _saved(config: Any = None) -> SavedModel:
    """A model whose weights do not matter."""
    return SavedModel(torch.nn.Identity(), config or preset(TINY), (Category(1, "cell"),), {})  # type: ignore[arg-type]


def _tuned(path: Path, *more: Overlay, saved: SavedModel | None = None, **data: Any) -> FineTuning:
    given = Overlay(data={"train_json": path, "train_images": path.parent / "images", **data})
    return fine_tuning(saved or _saved(), [given, *more], name=TINY)


def _line(tuned: FineTuning, key: str) -> str:
    (line,) = [line for line in tuned.lines if line.startswith(f"{key} = ")]
    return line


def test_few_images_are_seen_often_and_many_at_least_a_dozen_times(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    few = _tuned(make_dataset(tmp_path / "few", [[(0, 0, 20, 20)]] * 5)).settings.train
    assert (few.epochs, few.batch, few.schedule) == (400, 2, "cosine")
    many = _tuned(make_dataset(tmp_path / "many", [[(0, 0, 20, 20)]] * 400)).settings.train
    assert many.epochs == 12
    one = _tuned(make_dataset(tmp_path / "one", [[(0, 0, 20, 20)]])).settings.train
    assert one.batch == 1


def test_minutes_decide_alone_where_they_are_given(blobs: Path) -> None:
    tuned = _tuned(blobs, Overlay(train={"minutes": 3}))
    assert tuned.settings.train.epochs == UNLIMITED
    expected = "train.epochs = unlimited: the training ends after 3 minutes."
    assert _line(tuned, "train.epochs") == expected


def test_validation_takes_its_share_of_the_time_only(
    blobs: Path, make_dataset: MakeDataset, tmp_path: Path
) -> None:
    val = make_dataset(tmp_path / "val", [[(0, 0, 20, 20)]] * 100)
    tuned = _tuned(blobs, val_json=val, val_images=val.parent / "images")
    recipe = tuned.settings.train
    assert recipe.validate_every * len(tuned.annotations.train.images) >= 400
    assert tuned.annotations.val is not None


def test_the_input_grows_until_small_objects_reach_the_smallest_anchor(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    large = _tuned(make_dataset(tmp_path / "large", [[(0, 0, 4, 4)]]))  # 32 pixels of 512
    assert large.settings.model.input.size == (512, 512)
    model = preset(TINY).with_(input__size=(256, 256))
    small = _tuned(make_dataset(tmp_path / "small", [[(0, 0, 3, 3)]]), saved=_saved(model))
    assert small.settings.model.input.size == (288, 288)  # 14 pixels across of 256 become 15
    tiny = _tuned(make_dataset(tmp_path / "tiny", [[(0, 0, 1, 1)]]))
    assert tiny.settings.model.input.size == (768, 768)


def _knowing(median: float, limits: tuple[int, int] = (512, 512)) -> SavedModel:
    """A model that was trained on objects half of which were under `median` pixels across."""
    quantiles = (0.5 * median, 0.8 * median, median, 1.25 * median, 2 * median)
    extra = ObjectSizes(quantiles, (0.4 * median, 3 * median), 100, "masks").to_extra()
    return _saved(preset(TINY).with_(input__size=limits))._replace(extra=extra)


def test_the_input_makes_objects_as_large_as_the_model_knows_them(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    path = make_dataset(tmp_path / "data", [[(0, 0, 16, 16)]])  # 144 pixels across of 512
    large = _tuned(path, saved=_knowing(36.0))
    assert large.settings.model.input.size == (128, 128)
    assert "144 pixels across there, and half of those" in _line(large, "model.input.size")
    alike = _tuned(path, saved=_knowing(140.0))
    assert alike.settings.model.input.size == (512, 512)
    assert "as in the model" in _line(alike, "model.input.size")
    small = _tuned(path, saved=_knowing(400.0))
    assert small.settings.model.input.size == (768, 768)  # 1.5 times, and no more


def test_windows_of_the_training_are_as_small_as_the_input(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    path = make_dataset(tmp_path / "data", [[(0, 0, 16, 16)]])
    tuned = _tuned(path, saved=_knowing(36.0))
    low, high = tuned.settings.train.augment.scale_jitter or (0, 0)
    assert (low, high) == (0.5, 2.5)  # 256 pixels of the window at 0.5 are the 128 of the input
    assert "above the scale of the input in test" in _line(tuned, "train.augment.scale_jitter")
    alike = _tuned(path, saved=_knowing(140.0))
    assert alike.settings.train.augment.scale_jitter == (1.0, 2.5)


def test_the_smallest_objects_stay_above_the_models_smallest(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    path = make_dataset(tmp_path / "data", [[(0, 0, 30, 30)] * 6 + [(40, 40, 4, 4)] * 2])
    tuned = _tuned(path, saved=_knowing(36.0))  # the smallest tenth is 36 pixels across, of 512
    assert tuned.settings.model.input.size == (256, 256)


def test_caps_have_room_for_the_fullest_image_and_are_never_lowered(
    make_dataset: MakeDataset, tmp_path: Path
) -> None:
    grid = [(x, y, 3, 3) for x in range(0, 60, 3) for y in range(0, 60, 3)]
    crowded = _tuned(make_dataset(tmp_path / "crowded", [grid])).settings
    assert crowded.model.cascade.select.max_detections == crowded.train.max_dets == 600
    assert crowded.model.rpn.test.proposals == 720
    assert crowded.model.rpn.test.candidates == 1000
    sparse = _tuned(make_dataset(tmp_path / "sparse", [[(0, 0, 9, 9)]])).settings.model
    assert (sparse.cascade.select.max_detections, sparse.rpn.test.proposals) == (500, 600)
    coco = _saved(preset("htc-r50"))
    raised = fine_tuning(
        coco,
        [Overlay(data={"train_json": tmp_path / "crowded/instances.json",
                       "train_images": tmp_path / "crowded/images"})],
        name="htc-r50",
    )  # fmt: skip
    assert raised.settings.model.cascade.select.max_detections == 600
    assert raised.settings.model.backbone.frozen_stages == 2
    assert "stored statistics" in _line(raised, "model.backbone.frozen_stages")
    assert raised.settings.train.learning_rate == pytest.approx(
        recipe_for("htc-r50").with_(batch=1).learning_rate
    )


def test_what_the_user_says_wins_and_the_line_says_so(blobs: Path) -> None:
    asked = Overlay(train={"lr": 0.5, "batch": 3, "epochs": 4}, model={"input": {"size": [96, 64]}})
    tuned = _tuned(blobs, asked)
    recipe = tuned.settings.train
    assert (recipe.learning_rate, recipe.batch, recipe.epochs) == (0.5, 3, 4)
    assert tuned.settings.model.input.size == (96, 64)
    assert "train.lr = 0.5, as you say. It would be 0.0015: " in _line(tuned, "train.lr")
    assert "as you say. It would be 500: " in _line(tuned, "train.epochs")


def test_a_named_model_gives_its_own_configuration(blobs: Path) -> None:
    given = Overlay(data={"train_json": blobs, "train_images": blobs.parent / "images"})
    other = overlay(preset(TINY), {"rpn": {"test": {"nms_iou": 0.9}}})
    assert fine_tuning(_saved(other), [given], name=TINY).settings.model.rpn.test.nms_iou == 0.9
    named = fine_tuning(_saved(other), [given], name=TINY, model_named=True)
    assert named.settings.model.rpn.test.nms_iou == 0.7


def test_the_plan_gives_the_reasons_and_the_training_runs(
    blobs: Path, narrow: Overlay, tmp_path: Path, console: Console
) -> None:
    config = overlay(preset(TINY), narrow.model)
    saved = SavedModel(seeded_detector(config, 0), config, (Category(1, "cell"),), {})
    given = Overlay(data={"train_json": blobs, "train_images": blobs.parent / "images"})
    tuned = fine_tuning(saved, [given, narrow, Overlay(train={"epochs": 1})], name=TINY)
    start = Start(saved, tmp_path / "cells.safetensors", tuned.lines)
    outcome = train(
        tuned.settings, console, out=tmp_path / "run", start=start, annotations=tuned.annotations
    )
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert len(tuned.lines) > 8
    assert "\n".join(f"  {line}" for line in tuned.lines) in text
    assert "  train.lr = " in outcome.run.report.read_text(encoding="utf-8")
    assert load_model(outcome.run.best).classes == (Category(7, "blob"),)
