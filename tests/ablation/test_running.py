"""One job: trained anew, gone on with or found done; then scored, or said to have diverged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from relook.ablation import running
from relook.ablation.ablation import Times
from relook.ablation.running import Job, checked_numbers, main, run_job, train_in
from relook.errors import DataError, RelookError
from relook.runtime.json_files import read_json
from relook.training.callbacks import Reseed
from relook.training.settings import Settings
from relook.weights.file import load_model


@pytest.fixture
def settings(make_settings: Callable[..., Settings], blobs: Path) -> Settings:
    return make_settings(blobs, "htc-tiny", epochs=2)


def _unscored(settings: Settings) -> Settings:
    return settings.with_(data__val_json=None, data__val_images=None)


def _weights(place: Path) -> dict[str, torch.Tensor]:
    return load_model(place / "run" / "best.safetensors").detector.state_dict()


def _stop_in_epoch(monkeypatch: pytest.MonkeyPatch, epoch: int) -> None:
    original = Reseed.on_train_batch_start

    def stop(self: Reseed, trainer: Any, module: Any, batch: Any, batch_idx: int) -> None:
        if trainer.current_epoch == epoch:
            raise RelookError("R01", "stopped by the test")
        original(self, trainer, module, batch, batch_idx)

    monkeypatch.setattr(Reseed, "on_train_batch_start", stop)


def test_a_training_is_gone_on_with_where_it_was(settings: Settings, tmp_path: Path) -> None:
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    straight.mkdir()
    stopped.mkdir()
    run, done = train_in(straight, _unscored(settings))
    assert (done.steps, done.images) == (4, 8)  # two epochs of four images, two at a time
    assert done.memory is not None and done.memory > 10**8 and done.on == "cpu"
    assert not run.predictions.exists()  # nothing was validated

    for epoch in (0, 1):  # before there is a checkpoint, and when there is one
        with pytest.MonkeyPatch.context() as patch:
            _stop_in_epoch(patch, epoch)
            with pytest.raises(RelookError, match="R01"):
                train_in(stopped, _unscored(settings))
        assert (stopped / "run" / "last.ckpt").exists() == (epoch == 1)
    _, resumed = train_in(stopped, _unscored(settings))
    assert (resumed.steps, resumed.images) == (4, 8)
    assert "going on with" in (stopped / "log.txt").read_text()
    ours, theirs = _weights(stopped), _weights(straight)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)

    # Found done: nothing is trained, nor asked of the run.
    (stopped / "run" / "last.ckpt").unlink()
    assert train_in(stopped, _unscored(settings))[1] == resumed
    # Killed before it could say that it is done: what it took is not known any more.
    (straight / "trained.json").unlink()
    assert train_in(straight, _unscored(settings))[1].memory is None
    again = _weights(straight)
    assert all(torch.equal(again[name], theirs[name]) for name in theirs)


def test_averaged_weights_that_were_not_saved_are_made_again(
    make_settings: Callable[..., Settings], blobs: Path, tmp_path: Path
) -> None:
    settings = _unscored(make_settings(blobs, "htc-tiny", epochs=1, ema=0.5))
    train_in(tmp_path, settings)
    before = _weights(tmp_path)
    (tmp_path / "trained.json").unlink()
    (tmp_path / "run" / "best.safetensors").unlink()
    _, again = train_in(tmp_path, settings)
    assert (again.steps, again.memory) == (2, None)  # nothing is trained again
    after = _weights(tmp_path)
    assert all(torch.equal(before[name], after[name]) for name in before)


def _job(settings: Settings) -> Job:
    return Job("htc", 3, "htc-seed3", settings.with_(train__seed=3).to_yaml())


def test_a_job_is_scored_on_the_validation_images(settings: Settings, tmp_path: Path) -> None:
    found = run_job(_job(settings.with_(train__epochs=1)), tmp_path)
    assert (found["row"], found["seed"], found["steps"]) == ("htc", 3, 2)
    assert found["metrics"]["images"] == 4 and found["metrics"]["objects"] == 7
    assert found["metrics"]["max_dets"] == settings.train.max_dets
    json.dumps(found)
    config = (tmp_path / "run" / "config.yaml").read_text()
    assert "seed: 3" in config and "val_json: null" in config


def test_a_training_that_diverges_is_a_result_and_another_error_is_none(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    codes = iter(["R03", "R02"])

    def fail(*_: Any, **__: Any) -> None:
        raise RelookError(next(codes), "why")

    monkeypatch.setattr(running, "train", fail)
    assert run_job(_job(settings), tmp_path) == {"row": "htc", "seed": 3, "diverged": "why"}
    with pytest.raises(RelookError, match="R02"):
        run_job(_job(settings), tmp_path)


def test_the_process_of_a_job_leaves_with_the_code_of_its_error(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setattr("relook.ablation.jobs._end_with_parent", lambda: None)
    gone = settings.with_(data__train_json=tmp_path / "gone.json")
    content = {"row": "htc", "seed": 3, "name": "htc-seed3", "settings": gone.to_yaml()}
    (tmp_path / "job.json").write_text(json.dumps(content))
    assert main([str(tmp_path), "all"]) == 3
    assert "D01" in capsys.readouterr().err


SCORES = {"ap": 0.5, "ap50": None}
DONE = {
    "metrics": {"box": SCORES, "mask": None},
    "steps": 3,
    "images": 6,
    "minutes": 0.5,
    "on": "cpu",
}


@pytest.mark.parametrize(
    "content",
    [
        "[]",
        "{",
        "{}",
        json.dumps({**DONE, "metrics": {"box": SCORES}}),
        json.dumps({**DONE, "metrics": {"box": {"ap": "0.5"}, "mask": None}}),
        json.dumps({**DONE, "minutes": None}),
        json.dumps({**DONE, "memory": "x"}),
        json.dumps({**DONE, "on": 3}),
        json.dumps({"diverged": 3}),
    ],
)
def test_damaged_numbers_are_named_with_what_to_do(content: str, tmp_path: Path) -> None:
    job = Job("a", 0, "a-seed0", "")
    path = tmp_path / "a-seed0" / "numbers.json"
    path.parent.mkdir()
    path.write_text(content)
    with pytest.raises(DataError, match=r"D03: .*numbers\.json is damaged.*Delete it"):
        checked_numbers(tmp_path, job)
    for whole in (DONE, {**DONE, "memory": 5}, {"diverged": "at step 3"}):
        path.write_text(json.dumps(whole))
        assert checked_numbers(tmp_path, job) == whole


def test_times_come_back(tmp_path: Path) -> None:
    times = Times({"a": 0.5}, 20, "cpu")
    (tmp_path / "times.json").write_text(json.dumps(times._asdict()))
    assert read_json(tmp_path / "times.json", Times, "") == times
