"""Files that earlier releases wrote are read, each with what was written; newer ones are refused.

A release adds a folder of its own, written by `write.py`; folders are never changed.
"""

from __future__ import annotations

import io
import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from safetensors import safe_open
from safetensors.torch import save_file

from relook.ablation.plan import Plan
from relook.ablation.running import Job, checked_numbers
from relook.errors import RelookError
from relook.evaluation.files import read_predictions
from relook.inference.batch.journal import FOLDER, Journal, read_records
from relook.training.loop import resume
from relook.training.run_folder import RunFolder
from relook.training.settings import read_overlay
from relook.weights.file import load_model

from .write import CODE, settings, write

HERE = Path(__file__).parent
RELEASES = sorted(path for path in HERE.iterdir() if path.is_dir() and path.name[0].isdigit())
of_every_release = pytest.mark.parametrize("release", RELEASES, ids=lambda path: path.name)


@of_every_release
def test_model_file(release: Path) -> None:
    saved = load_model(release / "model.safetensors")
    assert [(c.id, c.name) for c in saved.classes] == [(7, "cell")]
    assert saved.extra["shown_from"] == 0.25 and saved.licence == "Apache-2.0"
    assert saved.config.backbone.width == 4 and not saved.config.cascade.masks
    with safe_open(release / "model.safetensors", framework="pt") as file:
        for name, value in saved.detector.state_dict().items():
            assert torch.equal(value, file.get_tensor(name).to(value.dtype))


@of_every_release
def test_run_folder(release: Path) -> None:
    run = RunFolder(release / "run")
    settings = run.read_settings()
    assert settings.preset == "htc-tiny" and settings.train.epochs == 3
    assert settings.model.backbone.width == 8 and settings.model.semantic is None
    assert settings.data.val_json == Path("val.json")
    rows = run.rows()
    assert [row["step"] for row in rows] == [1, 2, 2] and rows[0]["loss"] == 2.5
    assert rows[2]["val/box_ap"] == 0.25 and math.isnan(rows[2]["val/mask_ap"])


@of_every_release
def test_a_training_goes_on_from_its_checkpoint(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The checkpoint is of step 3 of 4, with averaged weights and momentum."""
    shutil.copytree(release / "stopped", tmp_path / "stopped")
    monkeypatch.chdir(tmp_path / "stopped")
    run = RunFolder(Path("run"))
    before = [(row["step"], row["loss"]) for row in run.rows()]
    console = Console(width=200, file=io.StringIO())
    outcome = resume(run.path, console)
    assert "going on with" in console.file.getvalue()
    assert (outcome.steps, outcome.images) == (4, 4)
    rows = run.rows()
    assert [(row["step"], row["loss"]) for row in rows[:3]] == before
    assert rows[3]["step"] == 4 and rows[3]["loss"] == pytest.approx(1.749, rel=0.01)
    averaged = load_model(run.best).detector.state_dict()
    paths = release / "stopped" / run.last, run.last
    states = [torch.load(path, weights_only=False) for path in paths]
    for key in ("state_dict", "current_model_state"):  # averaged, and as they are
        then, now = (state[key] for state in states)
        assert then.keys() == now.keys()
        assert any(not torch.equal(then[name], now[name]) for name in then)
    saved = states[1]["state_dict"]
    assert all(torch.equal(averaged[name], saved[f"detector.{name}"]) for name in averaged)


@of_every_release
def test_predictions(release: Path) -> None:
    (row,) = read_predictions(release / "predictions.json", {1: (12, 16)})
    assert row["segmentation"] == CODE and row["score"] == 0.75


@of_every_release
def test_journal(release: Path, tmp_path: Path) -> None:
    shutil.copytree(release / "predicted" / "journal", tmp_path / FOLDER)
    journal = Journal(tmp_path)
    assert journal.begin({"model": "ab" * 32, "size": [64, 48]}, resume=True)
    lines = journal.lines()
    assert lines["a.png"].stamp == [100, 5] and lines["b.png"].error == "D02"
    (record,) = read_records([lines["a.png"]])
    assert record["objects"][0]["segmentation"] == CODE
    journal.keep(lines.values())  # as a run that goes on with it writes it
    assert journal.lines().keys() == lines.keys()


@of_every_release
def test_ablation(release: Path, tmp_path: Path) -> None:
    numbers = checked_numbers(release / "ablation", Job("plain", 0, "plain-seed0", ""))
    assert numbers["metrics"]["box"]["ap50"] == 0.5
    shutil.copy(release / "ablation" / "plan.json", tmp_path)
    with pytest.raises(RelookError, match=r"another ablation[^$]*plain\.preset: htc-tiny then"):
        Plan({}, 1).start(tmp_path, resume=True)


@of_every_release
def test_an_ablation_of_every_release_goes_on(
    release: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Settings that are newer than its plan are no difference; annotation files that differ are."""
    monkeypatch.chdir(tmp_path)
    for name in ("train.json", "val.json"):
        (tmp_path / name).write_text("{}")
    out = tmp_path / "out"
    out.mkdir()
    content = json.loads((release / "ablation" / "plan.json").read_text())
    content["files"] = Plan({"plain": settings()}, 1).content()["files"]
    (out / "plan.json").write_text(json.dumps(content))
    Plan({"plain": settings()}, 1).start(out, resume=True)
    (tmp_path / "train.json").write_text("[]")
    with pytest.raises(RelookError, match=r"files\.train\.json") as caught:
        Plan({"plain": settings()}, 1).start(out, resume=True)
    assert "rows." not in caught.value.message


def test_todays_files_are_read(tmp_path: Path) -> None:
    today = tmp_path / "today"
    write(today)
    test_model_file(today)
    test_run_folder(today)
    test_journal(today, tmp_path / "journal")


def _raised(path: Path, key: str) -> None:
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, key: 99}))


def _newer_model(folder: Path) -> Any:
    path = folder / "model.safetensors"
    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    save_file(tensors, path, {**metadata, "format_version": "99", "relook_version": "9.9"})
    load_model(path)


def _newer_settings(folder: Path) -> Any:
    path = folder / "run" / "config.yaml"
    path.write_text(path.read_text().replace("format: 1", "format: 99"))
    read_overlay(path)


def _newer_journal(folder: Path) -> Any:
    (folder / "predicted" / "journal").rename(folder / "predicted" / FOLDER)
    _raised(folder / "predicted" / FOLDER / "settings.json", "format")
    Journal(folder / "predicted").begin({}, resume=True)


def _newer_plan(folder: Path) -> Any:
    _raised(folder / "ablation" / "plan.json", "format")
    Plan({}, 1).start(folder / "ablation", resume=True)


@pytest.mark.parametrize("read", [_newer_model, _newer_settings, _newer_journal, _newer_plan])
def test_newer_files_are_refused_with_what_to_do(read: Any, tmp_path: Path) -> None:
    folder = tmp_path / "newer"
    shutil.copytree(RELEASES[-1], folder)
    with pytest.raises(RelookError, match=r"(M03|U03).*99.*[Uu]pdate relook") as caught:
        read(folder)
    assert "0.1" in caught.value.message  # what this relook is
