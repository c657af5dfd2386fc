"""The inheritor's whole job by the command line: import, predict, fine-tune, predict again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from their_configs import guided_text
from theirs import narrow_state, save
from typer.testing import CliRunner

from relook.cli.app import app


def _relook(*arguments: object) -> str:
    outcome = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


@pytest.mark.parametrize(
    ("model", "family", "meta"),
    [
        ("htc_r50", "htc-r50", {}),
        ("cascade_r50_sac", "cascade-r50", {}),
        ("dsc_r50", "dsc-r50", {"config": guided_text(7)}),
    ],
)
def test_import_predict_fine_tune(
    model: str, family: str, meta: dict[str, str], blobs: Path, tmp_path: Path
) -> None:
    theirs = save(tmp_path / "theirs.pth", narrow_state(model), mmdet_version="2.28.0", **meta)
    ours, run = tmp_path / "ours.safetensors", tmp_path / "run"
    images = blobs.parent / "images"
    said = _relook("weights", "import", theirs, "--out", ours)
    assert "0 missing, 0 left over" in said
    assert json.loads((tmp_path / "ours.report.json").read_text())["sha256"] in said
    _relook("predict", images / "1.png", "--model", ours, "--size", 96, 96, "-o", tmp_path / "a")

    small = ("--set", "input.size=[96,96]", "--set", "train.workers=0", "--batch", 2)
    small += ("--lr", 1e-30)  # random weights of this depth explode at any other rate
    options = ("--train-json", blobs, "--images", images, "--epochs", 1, "--out", run)
    said = _relook("train", "--weights", ours, *options, *small)
    # Its widths are those of no preset: it goes by the recipe of its family.
    assert yaml.safe_load((run / "config.yaml").read_text())["model"]["preset"] == family
    assert "blob" in said and "tensors from" in said
    _relook("train", "--resume", run)
    _relook("predict", images / "1.png", "--model", run, "-o", tmp_path / "b")
    found = json.loads((tmp_path / "b" / "predictions.json").read_text())
    assert [c["name"] for c in found["categories"]] == ["blob"]
