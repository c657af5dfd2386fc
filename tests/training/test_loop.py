"""Whole trainings on a few small images: what they leave, how they stop, what they refuse."""

from __future__ import annotations

import errno
import io
import json
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from lightning.fabric.accelerators.mps import MPSAccelerator
from lightning.pytorch.callbacks import Timer
from PIL import Image
from rich.console import Console

from relook.config.base import overlay
from relook.data.coco.reader import read_coco
from relook.errors import DataError, RelookError, UsageError
from relook.models.detector import Detector
from relook.runtime.devices import choose_device
from relook.structures.detection import ImageBatch, Losses, Target
from relook.training.loop import resume, train
from relook.training.settings import Settings
from relook.training.start.source import Start
from relook.training.validation import Validation
from relook.weights.file import change_extra, load_model

Make = Callable[..., Settings]
MakeData = Callable[..., Path]
BOX_ONLY = {"masks": False, "hybrid": {"interleaved": False, "mask_flow": False}}


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def changed(settings: Settings, **changes: Any) -> Settings:
    return overlay(settings, changes)


def test_a_run_leaves_everything_it_promises(
    small: Settings, tmp_path: Path, console: Console
) -> None:
    run = tmp_path / "run"
    outcome = train(small, console, out=run)
    assert {path.name for path in run.iterdir()} == {
        "best.safetensors",
        "classes.json",
        "config.yaml",
        "data.json",
        "env.json",
        "first_batch.jpg",
        "last.ckpt",
        "metrics.csv",
        "metrics.jsonl",
        "predictions.json",
        "previous.ckpt",
        "report.html",
    }
    assert outcome.metrics is not None
    assert outcome.metrics.max_dets == 500
    assert json.loads((run / "classes.json").read_text()) == [
        {"id": 7, "name": "blob", "objects": 7}
    ]
    assert "torch" in json.loads((run / "env.json").read_text())["packages"]
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    losses = next(row for row in rows if "loss" in row)
    assert losses["loss"] == pytest.approx(
        sum(value for name, value in losses.items() if "." in name or name == "semantic"), rel=1e-4
    )
    assert any("val/mask_ap" in row for row in rows)
    assert (run / "metrics.csv").read_text().startswith("step,epoch,lr,")
    page = (run / "report.html").read_text()
    assert "<svg" in page
    assert "data:image/jpeg;base64," in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    with Image.open(run / "first_batch.jpg") as picture:
        assert min(picture.size) > 64
    text = said(console)
    for words in (
        "detectors-htc-tiny",
        "blob 7",
        "The semantic branch learns from the objects: ",
        "mirrored left and right 50%, up and down 50%, quarter turns, colour 0.2.",
        "Learning rate of adamw: ",
        f"Run folder: {run}",
        "validation after epoch 1: box AP",
        "stage2.mask",
    ):
        assert words in text


def test_the_model_of_a_run_is_the_resolved_one(
    small: Settings, tmp_path: Path, console: Console
) -> None:
    train(small, console, out=tmp_path / "run")
    saved = load_model(tmp_path / "run" / "best.safetensors")
    assert saved.config.semantic is not None
    assert saved.config.semantic.num_classes == 2
    assert [(c.id, c.name) for c in saved.classes] == [(7, "blob")]
    assert saved.extra["preset"] == "detectors-htc-tiny"
    assert saved.sizes is not None
    assert (saved.sizes.count, saved.sizes.basis) == (7, "masks")
    assert saved.sizes.trained[0] < saved.sizes.quantiles[0] < saved.sizes.quantiles[-1]


def test_runs_get_free_names_and_are_never_overwritten(
    small: Settings, tmp_path: Path, console: Console
) -> None:
    blind = changed(small, data={"val_json": None})
    for name in ("detectors-htc-tiny", "detectors-htc-tiny-2"):
        outcome = train(blind, console, parent=tmp_path / "runs")
        assert outcome.run.path == tmp_path / "runs" / name
        assert outcome.run.best.is_file()  # without validation, the latest
        assert outcome.metrics is None
    with pytest.raises(UsageError, match="never overwrites") as caught:
        train(small, console, out=tmp_path / "runs" / "detectors-htc-tiny")
    assert caught.value.code == "U04"


@pytest.mark.parametrize("mode", ["none", "instances", "auto"])
def test_htc_learns_without_stuff_maps(
    small: Settings, tmp_path: Path, console: Console, mode: str
) -> None:
    train(changed(small, train={"semantics": mode}), console, out=tmp_path / "run")
    saved = load_model(tmp_path / "run" / "best.safetensors")
    assert (saved.config.semantic is None) == (mode == "none")


def test_a_model_for_boxes_needs_no_masks(
    blobs: Path, make_settings: Make, tmp_path: Path, console: Console
) -> None:
    content = json.loads(blobs.read_text())
    for entry in content["annotations"]:
        del entry["segmentation"]
    blobs.write_text(json.dumps(content))
    with pytest.raises(DataError, match="segmentation"):
        train(make_settings(blobs), console, out=tmp_path / "refused")
    assert not (tmp_path / "refused").exists()
    settings = changed(make_settings(blobs), model={"cascade": BOX_ONLY})
    outcome = train(settings, console, out=tmp_path / "run")
    assert outcome.metrics is not None
    assert outcome.metrics.mask is None
    assert "boxes only" in said(console)


def test_batches_without_objects_are_trained_on(
    make_dataset: MakeData, make_settings: Make, tmp_path: Path, console: Console
) -> None:
    path = make_dataset(tmp_path / "data", [[], [], [(8, 8, 20, 20)], []])
    train(make_settings(path, batch=1), console, out=tmp_path / "run")
    assert "images without objects are kept" in said(console)


def test_empty_images_can_be_left_out(
    make_dataset: MakeData, make_settings: Make, tmp_path: Path, console: Console
) -> None:
    path = make_dataset(tmp_path / "data", [[], [(8, 8, 20, 20)], []])
    train(make_settings(path, keep_empty=False), console, out=tmp_path / "run")
    assert "images without objects are left out" in said(console)
    assert " of 1 step, " in said(console)


def test_no_object_at_all_is_an_error(
    make_dataset: MakeData, make_settings: Make, tmp_path: Path, console: Console
) -> None:
    path = make_dataset(tmp_path / "data", [[], []])
    with pytest.raises(DataError, match="no object to learn") as caught:
        train(make_settings(path), console, out=tmp_path / "run")
    assert caught.value.code == "D11"


def test_degenerate_annotations_are_counted_in_the_plan(
    blobs: Path, small: Settings, tmp_path: Path, console: Console
) -> None:
    content = json.loads(blobs.read_text())
    content["annotations"][0]["segmentation"] = [[5, 5, 5, 5, 5, 5]]
    content["annotations"][1]["bbox"] = [300, 300, 10, 10]
    blobs.write_text(json.dumps(content))
    train(small, console, out=tmp_path / "run")
    assert said(console).count("left out: 1 x") >= 2


@pytest.mark.parametrize("size", [(1, 1), (4000, 10)])
def test_extreme_images_are_trained_on(
    blobs: Path, small: Settings, tmp_path: Path, console: Console, size: tuple[int, int]
) -> None:
    width, height = size
    Image.new("RGB", size, (90, 120, 90)).save(blobs.parent / "images" / "odd.png")
    content = json.loads(blobs.read_text())
    content["images"] = [
        *content["images"][:1],
        {"id": 99, "file_name": "odd.png", "width": width, "height": height},
    ]
    content["annotations"] = [a for a in content["annotations"] if a["image_id"] == 1]
    blobs.write_text(json.dumps(content))
    train(small, console, out=tmp_path / "run")


@pytest.mark.parametrize("workers", [0, 1])
def test_a_truncated_image_is_named(
    blobs: Path, make_settings: Make, tmp_path: Path, console: Console, workers: int
) -> None:
    file = blobs.parent / "images" / "2.png"
    file.write_bytes(file.read_bytes()[:900])
    with pytest.raises(DataError, match=r"2\.png") as caught:
        train(make_settings(blobs, workers=workers), console, out=tmp_path / "run")
    assert caught.value.code == "D02"


def test_divergence_names_loss_images_and_step(
    small: Settings, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = Detector.loss

    def broken(self: Detector, images: ImageBatch, targets: Sequence[Target]) -> Losses:
        losses = original(self, images, targets)
        return {**losses, "stage1.box": losses["stage1.box"] * torch.nan}

    monkeypatch.setattr(Detector, "loss", broken)
    with pytest.raises(RelookError, match=r"step 0: stage1\.box = nan.*\d\.png") as caught:
        train(small, console, out=tmp_path / "run")
    assert caught.value.code == "R03"


def stopping_after(calls: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C arrives while the loss is computed for the time number `calls` + 1."""
    original = Detector.loss
    count = [0]

    def loss(self: Detector, images: ImageBatch, targets: Sequence[Target]) -> Losses:
        count[0] += 1
        if count[0] > calls:
            raise KeyboardInterrupt
        return original(self, images, targets)

    monkeypatch.setattr(Detector, "loss", loss)


@pytest.mark.parametrize("ema", [None, 0.5])
def test_stopped_and_resumed_equals_uninterrupted(
    blobs: Path,
    make_settings: Make,
    tmp_path: Path,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
    ema: float | None,
) -> None:
    more = {"copy_paste": 0.7, "blur": 1.0, "noise": 5.0, "grey": 0.3}
    augment = {"crop": [64, 64], "scale_jitter": [0.8, 1.2], **more}
    settings = make_settings(blobs, epochs=2, ema=ema, augment=augment)
    through = train(settings, console, out=tmp_path / "through").run
    handler = signal.getsignal(signal.SIGINT)  # a shell that runs this in the background ignores it
    with monkeypatch.context() as patch:
        stopping_after(3, patch)
        with pytest.raises(RelookError, match="--resume") as caught:
            train(settings, console, out=tmp_path / "stopped")
    assert caught.value.code == "R01"
    assert signal.getsignal(signal.SIGINT) is handler
    resumed = resume(tmp_path / "stopped", console).run
    expected = torch.load(through.last, weights_only=True)
    found = torch.load(resumed.last, weights_only=True)
    assert found["global_step"] == expected["global_step"] == 4
    for name, value in expected["state_dict"].items():
        torch.testing.assert_close(found["state_dict"][name], value, msg=name)
    steps = [[row["step"] for row in run.rows() if "loss" in row] for run in (through, resumed)]
    assert steps[0] == steps[1] == [1, 2, 3, 4]


def test_interrupted_in_the_first_epoch(
    small: Settings, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        stopping_after(1, patch)
        with pytest.raises(RelookError, match=r"no state to go on from yet.* --resume auto"):
            train(small, console, out=out)
    with pytest.raises(DataError, match=r"no checkpoint yet.* --resume auto"):
        resume(out, console)
    with pytest.raises(UsageError, match="--resume auto"):
        train(small, console, out=out)
    (out / f".last.ckpt.{'0' * 8}.tmp").write_bytes(b"half")
    train(small, console, out=out, go_on=True)
    assert not list(out.glob(".*"))
    before = (out / "last.ckpt").stat().st_mtime_ns
    assert train(small, console, out=out, go_on=True).steps == 2
    assert "nothing is left to train: this run has used up its epochs" in said(console)
    assert (out / "last.ckpt").stat().st_mtime_ns == before
    with pytest.raises(UsageError, match=r"other settings: train\.seed is 3, and was 0"):
        train(changed(small, train={"seed": 3}), console, out=out, go_on=True)


def test_a_full_disk_leaves_the_last_checkpoint_whole(
    blobs: Path,
    make_settings: Make,
    tmp_path: Path,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = make_settings(blobs, epochs=2)
    original, count = torch.save, [0]

    def save(content: Any, file: Any, **options: Any) -> None:
        count[0] += 1
        if count[0] == 3:  # after the validation of the first epoch comes the end of the second
            file.write(b"half a checkpoint")
            raise OSError(errno.ENOSPC, "No space left on device")
        original(content, file, **options)

    with monkeypatch.context() as patch:
        patch.setattr(torch, "save", save)
        with pytest.raises(RelookError, match="No space left on device") as caught:
            train(settings, console, out=tmp_path / "run")
    assert caught.value.code == "R02"
    assert torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)["global_step"] == 2
    assert not list((tmp_path / "run").glob(".*"))
    resume(tmp_path / "run", console)


def test_the_best_model_is_the_averaged_one(
    blobs: Path, make_settings: Make, tmp_path: Path, console: Console
) -> None:
    train(make_settings(blobs, ema=0.5), console, out=tmp_path / "run")
    state = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    saved = load_model(tmp_path / "run" / "best.safetensors").detector.state_dict()
    differs = False
    for name, value in saved.items():
        torch.testing.assert_close(state["state_dict"][f"detector.{name}"], value)
        differs |= not torch.equal(state["current_model_state"][f"detector.{name}"], value)
    assert differs


def test_patience_ends_a_training(
    blobs: Path, make_settings: Make, tmp_path: Path, console: Console
) -> None:
    settings = make_settings(blobs, epochs=6, patience=1, lr=1e-9)
    train(settings, console, out=tmp_path / "run")
    assert said(console).count("validation after epoch") == 2


def test_minutes_end_a_training_with_a_validation(
    blobs: Path, make_settings: Make, tmp_path: Path, console: Console
) -> None:
    settings = make_settings(blobs, epochs=10**6, minutes=1e-3, validate_every=10**6)
    outcome = train(settings, console, out=tmp_path / "run")
    assert outcome.metrics is not None
    assert outcome.run.last.is_file()


def test_no_step_follows_a_validation_that_used_up_the_minutes(
    blobs: Path,
    make_settings: Make,
    tmp_path: Path,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elapsed = [0.0]
    validate = Validation.validate

    def slow(*given: Any) -> None:
        validate(*given)
        elapsed[0] = 120.0

    monkeypatch.setattr(Validation, "validate", slow)
    monkeypatch.setattr(Timer, "time_elapsed", lambda *_: elapsed[0])
    outcome = train(make_settings(blobs, epochs=9, minutes=1), console, out=tmp_path / "run")
    assert outcome.steps == 2
    text = said(console)
    assert text.count("validation after") == 1
    assert "Validation: after every epoch, and when the training ends; " in text
    assert "ended after step 2 of 18, in epoch 1: the time of --minutes 1 is over" in text


def test_steps_are_the_beginning_of_the_whole_training(
    blobs: Path, make_settings: Make, tmp_path: Path, console: Console
) -> None:
    outcome = train(make_settings(blobs, epochs=3, steps=3), console, out=tmp_path / "begun")
    assert outcome.steps == 3 and outcome.metrics is not None  # in the middle of an epoch
    text = said(console)
    assert "it stops after step 3 (--steps)" in text
    assert "Validation: after every epoch and at the end, 2 times; " in text
    assert "validation after step 3, in epoch 2: box AP" in text
    assert "ended after step 3 of 6, in epoch 2: the steps that --steps gives are done" in text
    whole = train(make_settings(blobs, epochs=3), console, out=tmp_path / "whole")
    assert whole.steps == 6
    begun, records = (
        [row for row in map(json.loads, one.run.metrics.read_text().splitlines()) if "lr" in row]
        for one in (outcome, whole)
    )
    assert len(begun) == 3
    for one, other in zip(begun, records, strict=False):
        assert [one[name] for name in ("step", "lr", "loss")] == [
            other[name] for name in ("step", "lr", "loss")
        ]


def test_weights_of_other_classes_keep_all_but_the_last_layers(
    blobs: Path, make_settings: Make, tmp_path: Path, console: Console
) -> None:
    train(make_settings(blobs), console, out=tmp_path / "first")
    path = tmp_path / "first" / "best.safetensors"
    content = json.loads(blobs.read_text())
    content["categories"] = [{"id": 7, "name": "stone"}, {"id": 8, "name": "moss"}]
    blobs.write_text(json.dumps(content))
    settings = make_settings(blobs, lr=1e-12)
    train(settings, console, out=tmp_path / "second", start=Start(load_model(path), path))
    before = load_model(path).detector.state_dict()
    after = load_model(tmp_path / "second" / "best.safetensors").detector.state_dict()
    new = {
        n
        for n, value in after.items()
        if not torch.allclose(
            value,
            before[n].expand_as(value)
            if value.shape == before[n].shape
            else torch.full_like(value, 9e9),
        )
    }
    assert new
    assert all(part.split(".")[0] in {"cascade", "semantic"} for part in new)
    assert len(new) < 20
    assert "none of the data is in the file" in said(console)


def test_weights_of_the_same_classes_are_all_kept(
    blobs: Path, make_settings: Make, tmp_path: Path, console: Console
) -> None:
    train(make_settings(blobs), console, out=tmp_path / "first")
    path = tmp_path / "first" / "best.safetensors"
    settings = make_settings(blobs, lr=1e-12)
    train(settings, console, out=tmp_path / "second", start=Start(load_model(path), path))
    before = load_model(path).detector.state_dict()
    after = load_model(tmp_path / "second" / "best.safetensors").detector.state_dict()
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, msg=name)


@pytest.mark.parametrize("validated", [True, False])
def test_the_licence_of_the_weights_it_started_from_is_carried_on(
    small: Settings, tmp_path: Path, console: Console, validated: bool
) -> None:
    settings = small if validated else changed(small, data={"val_json": None, "val_images": None})
    train(settings, console, out=tmp_path / "own")
    path = tmp_path / "own" / "best.safetensors"
    assert load_model(path).licence is None
    change_extra(path, {"licence": "CC BY-NC 4.0"})
    train(settings, console, out=tmp_path / "theirs", start=Start(load_model(path), path))
    assert load_model(tmp_path / "theirs" / "best.safetensors").licence == "CC BY-NC 4.0"


def test_a_resumed_training_still_knows_the_licence(
    small: Settings, tmp_path: Path, console: Console
) -> None:
    settings = changed(small, data={"val_json": None, "val_images": None})
    train(settings, console, out=tmp_path / "own")
    path = tmp_path / "own" / "best.safetensors"
    change_extra(path, {"licence": "CC BY-NC 4.0"})
    train(settings, console, out=tmp_path / "theirs", start=Start(load_model(path), path))
    config, model = tmp_path / "theirs" / "config.yaml", tmp_path / "theirs" / "best.safetensors"
    config.write_text(config.read_text().replace("epochs: 1\n", "epochs: 2\n"))
    model.unlink()
    resume(tmp_path / "theirs", console)
    assert load_model(model).licence == "CC BY-NC 4.0"


def test_no_training_runs_on_mps_by_itself(
    small: Settings, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MPSAccelerator, "is_available", staticmethod(lambda: True))
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    trained: list[str] = []
    step = Detector.loss

    def loss(self: Detector, images: ImageBatch, targets: Sequence[Target]) -> Losses:
        trained.append(images.pixels.device.type)
        return step(self, images, targets)

    monkeypatch.setattr(Detector, "loss", loss)
    train(small, console, out=tmp_path / "run")
    assert set(trained) == {choose_device().type}


def test_files_must_agree_on_the_classes(
    blobs: Path, small: Settings, tmp_path: Path, console: Console
) -> None:
    content = json.loads(blobs.read_text())
    content["categories"][0]["name"] = "stone"
    other = blobs.with_name("other.json")
    other.write_text(json.dumps(content))
    with pytest.raises(DataError, match="stone") as caught:
        train(changed(small, data={"val_json": other}), console, out=tmp_path / "run")
    assert caught.value.code in {"D07", "D13"}
    assert read_coco(other, blobs.parent / "images").classes[0].name == "stone"
