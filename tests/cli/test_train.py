"""``relook train``: options, precedence, refusals."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from typer.testing import Result

from ..narrow_models import FEW, NARROW, as_options

Run = Callable[..., Result]

QUICK = {**FEW, "augment__crop": (64, 64), "train__workers": 0}
SET = as_options({**NARROW, **QUICK, "input__size": (96, 96)})


@pytest.fixture
def data(annotations: Path, pictures: Path) -> list[object]:
    """Options that name training and validation data."""
    return ["--train-json", annotations, "--val-json", annotations, "--images", pictures]


def test_trains_evaluates_and_resumes(relook: Run, data: list[object], tmp_path: Path) -> None:
    out = tmp_path / "run"
    trained = relook(
        "train", "--model", "detectors-htc-tiny", *data, *SET, "--epochs", 1, "--batch", 2,
        "--lr", "auto", "--precision", "32", "--out", out,
    )  # fmt: skip
    assert trained.exit_code == 0, trained.stderr
    assert "classes: bolt 3, nut 3" in trained.stderr
    assert "validation after epoch 1" in trained.stderr
    config = yaml.safe_load((out / "config.yaml").read_text())
    assert config["train"]["epochs"] == 1
    assert config["model"]["preset"] == "detectors-htc-tiny"
    again = relook("train", "--resume", out)
    assert again.exit_code == 0, again.stderr
    assert f"going on with {out}" in again.stderr
    json, images = data[1], data[5]
    assert relook("eval", out, "--json", json, "--images", images).exit_code == 0
    more = relook(
        "train", "--weights", out, *data, *as_options(QUICK), "--epochs", 1, "--out",
        tmp_path / "more",
    )  # fmt: skip
    assert more.exit_code == 0, more.stderr
    assert "tensors from" in more.stderr
    assert "depend on the classes" not in more.stderr
    assert "train.epochs = 1, as you say. It would be " in more.stderr
    assert "  model.input.size = " in more.stderr
    plain = relook(
        "train", "--weights", out, *data, *SET, "--epochs", 1, "--no-fine-tune", "--out",
        tmp_path / "plain",
    )  # fmt: skip
    assert plain.exit_code == 0, plain.stderr
    assert "fine-tuning" not in plain.stderr


def test_set_wins_over_options_and_options_over_the_file(
    relook: Run, data: list[object], tmp_path: Path
) -> None:
    file = tmp_path / "recipe.yaml"
    file.write_text("model: htc-tiny\ntrain: {epochs: 7, batch: 9, seed: 4}\n")
    out = tmp_path / "run"
    result = relook(
        "train", "--config", file, *data, *SET, "--batch", 3, "--epochs", 5,
        "--set", "epochs=1", "--out", out,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    train = yaml.safe_load((out / "config.yaml").read_text())["train"]
    assert (train["epochs"], train["batch"], train["seed"]) == (1, 3, 4)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--model", "htc-tyni"], "U01: unknown model 'htc-tyni'; did you mean 'htc-tiny'"),
        ([], "U04: no model is chosen"),
        (["--model", "htc-tiny", "--set", "epoch=1"], "U02: --set: unknown key epoch; did you"),
        (["--model", "htc-tiny", "--set", "cascade.nms=1"], "U02: model: unknown key cascade.nms"),
        (["--model", "htc-tiny", "--lr", "fast"], "U03: --lr"),
        (["--model", "htc-tiny", "--semantics", "some"], "U03: train: semantics"),
        (["--model", "htc-tiny", "--precision", "8"], "U03: train: precision"),
        (["--model", "htc-tiny", "--resume", "runs/x"], "U04: --resume goes on exactly"),
        (["--model", "htc-tiny", "--minutes", "0"], "U03: train: minutes"),
        (["--model", "htc-tiny", "--resume", "auto"], "U04: --resume auto needs --out"),
        (["--model", "htc-tiny", "--save-every", "soon"], "U03: --save-every"),
        (["--weights", "nuclie"], "U01: 'nuclie' is neither a file, a run folder nor a model; did"),
    ],
)
def test_wrong_options_leave_with_2(
    relook: Run, data: list[object], options: list[str], words: str
) -> None:
    result = relook("train", *data, *options)
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_resumed_run_takes_no_option_of_the_start(relook: Run) -> None:
    result = relook("train", "--resume", "runs/x", "--no-fine-tune")
    assert result.exit_code == 2
    assert "cannot be combined with --no-fine-tune" in " ".join(result.stderr.split())


def test_missing_things_leave_with_3(relook: Run, data: list[object], tmp_path: Path) -> None:
    nothing = tmp_path / "nothing"
    wrong = relook("train", "--model", "htc-tiny", "--train-json", nothing, "--images", tmp_path)
    assert (wrong.exit_code, "D01" in wrong.stderr) == (3, True)
    assert relook("train", "--resume", nothing).exit_code == 3
    result = relook("train", "--model", "htc-tiny", *data, "--config", nothing)
    assert result.exit_code == 3


def test_data_must_be_named(relook: Run) -> None:
    result = relook("train", "--model", "htc-tiny")
    assert result.exit_code == 2
    assert "--train-json" in result.stderr
