"""``relook ablate``: what it refuses before anything is trained."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

Run = Callable[..., Result]
COCO_MINI = Path(__file__).parents[2] / "datasets" / "coco_mini"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "U04: one budget for all rows: pass either --epochs N or --budget MIN"),
        (["--epochs", 1, "--budget", 1], "U04: one budget"),
        (["--epochs", 1, "--side-by-side", "--at-once", 2], "U04: --side-by-side and --at-once"),
        (["--epochs", 1, "--rows", "main,+rpf"], "U01: --rows: unknown row '+rpf'; did you mean"),
        (["--epochs", 1, "--set", "train.epochs=3"], "U04: --set train.epochs"),
        (["--epochs", 1, "--set", "pyramid.step=3"], "U02: row htc: model: unknown key"),
        (["--epochs", 1, "--lr", "fast"], "U03: --lr"),
        (["--budget", -1], "U03: minutes"),
    ],
)
def test_wrong_options_leave_with_2(
    relook: Run,
    annotations: Path,
    pictures: Path,
    tmp_path: Path,
    options: list[object],
    words: str,
) -> None:
    out = tmp_path / "out"
    data = ["--train-json", annotations, "--val-json", annotations, "--images", pictures]
    result = relook("ablate", *data, *options, "--out", out)
    assert result.exit_code == 2
    assert words in result.stderr
    assert not out.exists()


def test_data_that_cannot_be_used_is_refused_first(
    relook: Run, annotations: Path, pictures: Path, tmp_path: Path
) -> None:
    train, out = ["--train-json", annotations, "--images", pictures], tmp_path / "out"
    assert "--val-json" in relook("ablate", *train, "--epochs", 1, "--out", out).stderr
    gone = ["--val-json", tmp_path / "gone.json"]
    result = relook("ablate", *train, *gone, "--epochs", 1, "--out", out)
    assert result.exit_code == 3 and "D01" in result.stderr
    assert not out.exists()


@pytest.mark.parametrize(
    ("option", "cores", "workers"),
    [
        ([], ["all"], "auto"),
        (["--at-once", 3], ["any"] * 3, 0),
        (["--side-by-side"], [*range(os.cpu_count() or 1)], 0),
    ],
)
def test_how_many_are_trained_at_a_time(
    relook: Run,
    annotations: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: list[object],
    cores: list[object],
    workers: object,
) -> None:
    from relook.ablation import ablation

    asked: list[object] = []

    def stop(jobs: object, folder: object, cores: list[object], *_: object) -> None:
        asked.extend(cores)
        raise KeyboardInterrupt

    monkeypatch.setattr(ablation, "run_all", stop)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {*range(os.cpu_count() or 1)})
    data = ["--train-json", annotations, "--val-json", annotations, "--images", pictures]
    out = tmp_path / "out"
    relook("ablate", *data, "--epochs", 1, "--rows", "htc", *option, "--out", out)
    assert asked == cores
    plan = json.loads((out / "plan.json").read_text())
    assert plan["rows"]["htc"]["train"]["workers"] == workers


def test_ctrl_c_says_how_to_go_on(
    relook: Run,
    annotations: Path,
    pictures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from relook.ablation import ablation

    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ablation, "run_all", stop)
    data = ["--train-json", annotations, "--val-json", annotations, "--images", pictures]
    options = [*data, "--epochs", 1, "--rows", "htc,+sac", "--out", tmp_path / "out"]
    result = relook("ablate", *options)
    assert result.exit_code == 130
    assert "2 rows, 1 seed, 1 epoch each: htc, +sac" in result.stderr
    assert "finished parts are kept. Go on with the same command and --resume" in result.stderr
    assert "holds an ablation already" in relook("ablate", *options).stderr
    assert relook("ablate", *options, "--resume").exit_code == 130


def test_rows_are_scored_on_objects(relook: Run, tmp_path: Path) -> None:
    data = COCO_MINI / "annotations"
    files = ["--train-json", data / "panoptic_train.json", "--val-json", data / "panoptic_val.json"]
    given = [*files, "--images", COCO_MINI / "images", "--out", tmp_path / "out"]
    result = relook("ablate", *given, "--rows", "htc", "--epochs", 1)
    assert result.exit_code == 2
    assert "panoptic_val.json is a panoptic file, but rows are scored by the AP of" in result.stderr
    assert not (tmp_path / "out").exists()
