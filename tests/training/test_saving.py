"""States inside an epoch: a resumed training is bit for bit the one that was never stopped."""

from __future__ import annotations

import io
import json
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors import safe_open
from safetensors.torch import load_file

from relook.config.base import overlay
from relook.errors import RelookError
from relook.models.detector import Detector
from relook.runtime.locks import FolderLock
from relook.structures.detection import ImageBatch, Losses, Target
from relook.training import saving
from relook.training.loop import resume, train
from relook.training.run_folder import RunFolder
from relook.training.settings import Settings

from ..conftest import small_settings, write_dataset

AUGMENT = {"crop": [64, 64], "scale_jitter": [0.8, 1.2], "copy_paste": 0.7, "noise": 5.0}


def during_loss(call: int, act: Callable[[], None], patch: pytest.MonkeyPatch) -> None:
    """Do `act` while the loss is computed for the time number `call`, from 1."""
    original, count = Detector.loss, [0]

    def loss(self: Detector, images: ImageBatch, targets: Sequence[Target]) -> Losses:
        count[0] += 1
        if count[0] == call:
            act()
        return original(self, images, targets)

    patch.setattr(Detector, "loss", loss)


def send(number: int) -> Callable[[], None]:
    return lambda: os.kill(os.getpid(), number)


def kill() -> None:
    """End this training as SIGKILL would, as far as its files are concerned."""
    raise SystemError("killed")


def rows(run: RunFolder) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in run.metrics.read_text().splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds_per_step"} for row in found]


def assert_same(found: RunFolder, expected: RunFolder) -> None:
    """The same records, weights, averaged weights, moments, best model and predictions."""
    assert rows(found) == rows(expected)
    here, there = (torch.load(run.last, weights_only=True) for run in (found, expected))
    for name in ("state_dict", "current_model_state", "optimizer_states", "lr_schedulers"):
        assert_equal(here.get(name), there.get(name), name)
    with safe_open(found.best, "pt") as here, safe_open(expected.best, "pt") as there:
        assert here.metadata() == there.metadata()
    assert_equal(load_file(found.best), load_file(expected.best), "best model")
    if expected.predictions.exists():
        assert found.predictions.read_bytes() == expected.predictions.read_bytes()


def said(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def assert_equal(one: Any, two: Any, name: str) -> None:
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two), name
    elif isinstance(one, dict):
        assert one.keys() == two.keys(), name
        for key, value in one.items():
            assert_equal(value, two[key], f"{name}.{key}")
    elif isinstance(one, list):
        for number, (first, second) in enumerate(zip(one, two, strict=True)):
            assert_equal(first, second, f"{name}[{number}]")
    else:
        assert one == two, name


def stopped(settings: Settings, out: Path, words: str) -> RelookError:
    """Train until it ends with an error about `words`."""
    with pytest.raises(RelookError, match=words) as caught:
        train(settings, Console(quiet=True), out=out)
    return caught.value


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("saving")


@pytest.fixture(scope="module")
def plain(folder: Path) -> Settings:
    """Averaged weights and added up gradients, no validation; two updates an epoch."""
    path = write_dataset(folder / "data", [[(4, 4, 20, 16)], [(10, 30, 24, 20)], [], []])
    train = {"batch": 1, "accumulate": 2, "ema": 0.5, "epochs": 2, "augment": AUGMENT}
    settings = small_settings(path, "htc-tiny", **train)
    return settings.with_(data__val_json=None, data__val_images=None)


@pytest.fixture(scope="module")
def through(folder: Path, plain: Settings) -> RunFolder:
    return train(plain, Console(quiet=True), out=folder / "through").run


@pytest.fixture(scope="module")
def validated(folder: Path, plain: Settings) -> Settings:
    """Two loader processes, and a validation after each epoch; four updates an epoch."""
    json_file = plain.data.train_json
    data = {"train_json": json_file, "train_images": json_file.parent / "images"}
    data |= {"val_json": json_file, "val_images": json_file.parent / "images"}
    changes = {"workers": 2, "accumulate": 1, "ema": None, "max_dets": 20}
    return overlay(plain, {"train": changes, "data": data})


@pytest.fixture(scope="module")
def validated_through(folder: Path, validated: Settings) -> RunFolder:
    return train(validated, Console(quiet=True), out=folder / "validated").run


def test_a_signal_inside_an_epoch_loses_nothing(
    plain: Settings, through: RunFolder, tmp_path: Path, console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """It arrives while gradients are added up, and the training ends after the update."""
    handlers = [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)]
    with monkeypatch.context() as patch:
        during_loss(5, send(signal.SIGTERM), patch)
        error = stopped(plain, tmp_path / "run", r"after step \d; .* --resume")
    assert error.code == "R01"
    assert [signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM)] == handlers
    assert not list((tmp_path / "run").glob(".*"))
    assert_same(resume(tmp_path / "run", console).run, through)


@pytest.mark.parametrize("call", [4, 7])
def test_a_kill_loses_what_came_after_the_last_state(
    call: int, plain: Settings, through: RunFolder, tmp_path: Path, console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """States are saved at every update, and the fourth and seventh batch are no first ones."""
    often = plain.with_(train__save_minutes=1e-9)
    with monkeypatch.context() as patch:
        during_loss(call, kill, patch)
        with pytest.raises(SystemError):
            train(often, console, out=tmp_path / "run")
    state = torch.load(tmp_path / "run" / "last.ckpt", weights_only=True)
    assert state["global_step"] == (call - 1) // 2
    assert_same(resume(tmp_path / "run", console).run, through)


def test_ends_of_short_epochs_do_without_saving(
    plain: Settings, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """All but the first and the last; a kill then loses the epochs since, and nothing else."""
    longer = plain.with_(train__epochs=4)
    steps: dict[str, list[int]] = {"each": [], "few": [], "killed": []}
    runs = {}
    for name, times in (("each", 0), ("few", 1_000_000), ("killed", 1_000_000)):
        with monkeypatch.context() as patch:
            patch.setattr(saving, "_SPARED", times)
            original = saving.Saving._save

            def save(
                self: saving.Saving, trainer: Any, module: Any, name: str = name,
                original: Any = original,
            ) -> None:  # fmt: skip
                steps[name].append(trainer.global_step)
                original(self, trainer, module)

            patch.setattr(saving.Saving, "_save", save)
            if name != "killed":
                runs[name] = train(longer, console, out=tmp_path / name).run
                continue
            during_loss(11, kill, patch)
            with pytest.raises(SystemError):
                train(longer, console, out=tmp_path / name)
    assert steps == {"each": [2, 4, 6, 8], "few": [2, 8], "killed": [2]}
    assert_same(runs["few"], runs["each"])
    assert_same(resume(tmp_path / "killed", console).run, runs["each"])


def test_time_that_is_over_at_the_end_of_a_short_epoch_loses_nothing(
    plain: Settings, tmp_path: Path, console: Console, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """The limit is passed after the last step of an epoch that does without saving."""
    monkeypatch.setattr(saving, "_SPARED", 1_000_000)
    original = saving.Saving.on_train_epoch_end

    def late(self: saving.Saving, trainer: Any, module: Any) -> None:
        if trainer.current_epoch == 1:
            local = module.clock.local
            monkeypatch.setattr(module.clock, "local", lambda: local() + 3600)
        original(self, trainer, module)

    monkeypatch.setattr(saving.Saving, "on_train_epoch_end", late)
    limited = plain.with_(train__epochs=9, train__minutes=30)
    run = train(limited, console, out=tmp_path / "run").run
    state = torch.load(run.last, weights_only=True)
    assert state["global_step"] == rows(run)[-1]["step"]


def test_a_state_can_be_asked_for(
    plain: Settings, through: RunFolder, tmp_path: Path, console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    run = RunFolder(tmp_path / "run")
    with monkeypatch.context() as patch:
        during_loss(1, send(signal.SIGUSR1), patch)
        during_loss(4, kill, patch)
        with pytest.raises(SystemError):
            train(plain, console, out=run.path)
    assert torch.load(run.last, weights_only=True)["global_step"] == 1


def test_with_loader_processes_and_in_a_validation(
    validated: Settings, validated_through: RunFolder, tmp_path: Path, console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Stopped in the first validation: the finished epoch is kept. Then stopped in the second."""
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr("relook.training.validation.evaluate_coco", raising(KeyboardInterrupt))
        stopped(validated, run, "its state is kept")
    with monkeypatch.context() as patch:
        during_loss(2, send(signal.SIGTERM), patch)
        with pytest.raises(RelookError, match="after step 6"):
            resume(run, console)
    assert_same(resume(run, console).run, validated_through)


def raising(error: type[BaseException]) -> Callable[..., None]:
    def fail(*_: Any, **__: Any) -> None:
        raise error

    return fail


def test_what_the_end_does_is_done_again(
    plain: Settings, through: RunFolder, tmp_path: Path, console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Averaged weights are the model of a training without validation; killed before they are."""
    run, original, count = tmp_path / "run", saving.save_model, [0]

    def save(*arguments: Any, **more: Any) -> None:
        count[0] += 1
        if count[0] == 2:
            raise SystemError("killed")
        original(*arguments, **more)

    with monkeypatch.context() as patch:
        patch.setattr(saving, "save_model", save)
        with pytest.raises(SystemError):
            train(plain, console, out=run)
    assert_same(resume(run, console).run, through)


def test_a_run_that_its_patience_has_ended_has_nothing_left_to_train(
    validated: Settings, tmp_path: Path, console: Console
) -> None:
    settings = validated.with_(train__patience=1, train__lr=1e-9, train__epochs=9, train__workers=0)
    run = train(settings, console, out=tmp_path / "run").run
    before = rows(run)
    assert len(before) < 4 * 9
    assert resume(run.path, console).run == run
    assert rows(run) == before
    assert "nothing is left to train: this run has used up its patience" in said(console)


def test_weights_out_of_range_are_not_saved(
    plain: Settings, through: RunFolder, tmp_path: Path, console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    wild = plain.with_(train__lr=1e30, train__steps=1)
    error = stopped(wild, tmp_path / "wild", r"diverged by step 1: .*\(--lr\)")
    assert error.code == "R03"
    assert not (tmp_path / "wild" / "best.safetensors").exists()
    assert not (tmp_path / "wild" / "last.ckpt").exists()
    run = RunFolder(tmp_path / "nan")
    original = Detector.loss
    count = [0]

    def loss(self: Detector, images: ImageBatch, targets: Sequence[Target]) -> Losses:
        losses = original(self, images, targets)
        count[0] += 1
        if count[0] == 8:  # the last of the training
            with torch.no_grad():
                next(iter(self.parameters())).data.mul_(torch.nan)
        return losses

    with monkeypatch.context() as patch:
        patch.setattr(Detector, "loss", loss)
        error = stopped(plain, run.path, f"diverged by step 4.* --resume {run.path}")
    assert torch.load(run.last, weights_only=True)["global_step"] == 2
    assert all(bool(value.isfinite().all()) for value in load_file(run.best).values())
    assert_same(resume(run.path, console).run, through)


def test_a_run_goes_on_with_its_own_data_and_alone(
    plain: Settings, through: RunFolder, console: Console, tmp_path: Path
) -> None:
    with FolderLock(through.path, print), pytest.raises(RelookError, match="in use") as caught:
        resume(through.path, console)
    assert caught.value.code == "R07"
    file = plain.data.train_json
    text = file.read_text()
    try:
        file.write_text(text.replace('"blob"', '"stone"'))
        with pytest.raises(RelookError, match=r"stone \(7\), and were blob") as caught:
            resume(through.path, console)
    finally:
        file.write_text(text)
    assert caught.value.code == "R06"
