"""States inside an epoch: a resumed training is bit for bit the one that was never stopped."""

from __future__ import annotations

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

from relook.errors import RelookError
from relook.models.detector import Detector
from relook.structures.detection import ImageBatch, Losses, Target
from relook.training.loop import resume, train
from relook.training.run_folder import RunFolder
from relook.training.settings import Settings

Make = Callable[..., Settings]
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


@pytest.mark.parametrize(
    ("changes", "call"),
    [
        ({"ema": 0.5, "optimizer": "adamw"}, 2),
        ({"accumulate": 2, "epochs": 2}, 3),
        ({"workers": 2, "epochs": 2}, 7),
    ],
    ids=["ema", "accumulate", "workers"],
)
def test_a_signal_inside_an_epoch_loses_nothing(
    changes: dict[str, Any],
    call: int,
    blobs: Path,
    make_settings: Make,
    tmp_path: Path,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = make_settings(blobs, batch=1, augment=AUGMENT, **changes)
    through = train(settings, console, out=tmp_path / "through").run
    with monkeypatch.context() as patch:
        during_loss(call, send(signal.SIGTERM), patch)
        with pytest.raises(RelookError, match="after step .* --resume") as caught:
            train(settings, console, out=tmp_path / "stopped")
    assert caught.value.code == "R01"
    assert_same(resume(tmp_path / "stopped", console).run, through)
