"""What goes to TensorBoard, W&B and MLflow; stand-ins for Lightning's adapters take it."""

from __future__ import annotations

import inspect
import math
from pathlib import Path
from typing import Any, get_args

import lightning.pytorch.loggers as adapters
import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from relook.errors import UsageError
from relook.training import logs
from relook.training.logs import TrainingLog, check_logs
from relook.training.loop import train
from relook.training.recipe import LogName
from relook.training.run_folder import RunFolder
from relook.training.settings import Settings

NAMES: tuple[LogName, ...] = get_args(LogName)
REAL = {
    "tensorboard": adapters.TensorBoardLogger,
    "wandb": adapters.WandbLogger,
    "mlflow": adapters.MLFlowLogger,
}
VARIABLES = ("WANDB_MODE", "WANDB_PROJECT", "WANDB_ERROR_REPORTING", "WANDB_SILENT")
VARIABLES += ("MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME", "MLFLOW_DISABLE_TELEMETRY")


class Adapter:
    """An adapter and its experiment in one, that notes what it is given."""

    opened: dict[str, Adapter]

    def __init__(self, kind: str, options: dict[str, Any]) -> None:
        self.options, self.run_id, self.experiment = options, "7", self
        self.settings: dict[str, Any] = {}
        self.metrics: list[tuple[int, dict[str, float]]] = []
        self.pictures: list[tuple[str, Any, Any]] = []
        self.ends: list[object] = []
        Adapter.opened[kind] = self

    def log_hyperparams(self, values: dict[str, Any]) -> None:
        self.settings = values

    def log_metrics(self, values: dict[str, float], step: int) -> None:
        self.metrics.append((step, values))

    def add_image(self, name: str, pixels: Any, step: int, dataformats: str) -> None:
        assert dataformats == "HWC"
        self.pictures.append((name, pixels.shape, step))

    def log_image(self, first: str, second: Any, third: Any = None, step: int = -1) -> None:
        if first == self.run_id:  # of MLflow: run, picture, file
            self.pictures.append((third, np.shape(second), None))
        else:
            self.pictures.append((first, np.shape(second[0]), step))

    def finalize(self, status: str) -> None:
        self.ends.append(status)

    def finish(self, exit_code: int) -> None:
        self.ends.append(exit_code)


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> dict[str, Adapter]:
    """The adapters opened in this test, by the name of the log."""
    for variable in VARIABLES:
        monkeypatch.setenv(variable, "")  # so that what is set here is taken back
        monkeypatch.delenv(variable)
    Adapter.opened = {}
    for kind, real in REAL.items():

        def make(*places: Any, kind: str = kind, real: Any = real, **options: Any) -> Adapter:
            bound = inspect.signature(real).bind(*places, **options)  # a TypeError if it is none
            return Adapter(kind, dict(bound.arguments))

        monkeypatch.setattr(adapters, real.__name__, make)
    return Adapter.opened


def began(settings: Settings, folder: Path, step: int = 0) -> tuple[TrainingLog, list[str]]:
    said: list[str] = []
    log = TrainingLog(NAMES, RunFolder(folder / "run"), settings)
    log.begin(step, said.append)
    return log, said


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_package_is_told_with_its_extra(
    name: LogName, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(logs.importlib.util, "find_spec", lambda _: None)
        with pytest.raises(UsageError, match=rf"U04: --log {name}.*'relook\[{name}\]'"):
            check_logs([name])
    check_logs([])


def test_every_log_has_an_extra_in_the_project() -> None:
    text = (Path(__file__).parents[2] / "pyproject.toml").read_text()
    assert all(f'\n{name} = ["{name}>=' in text for name in NAMES)


def test_nothing_leaves_the_machine_unless_the_user_says_so(
    stand_ins: dict[str, Adapter],
    small: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, said = began(small, tmp_path)
    assert stand_ins["wandb"].options["offline"] is True
    assert stand_ins["mlflow"].options["tracking_uri"] == f"sqlite:///{tmp_path}/run/mlflow.db"
    assert logs.os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert logs.os.environ["WANDB_ERROR_REPORTING"] == "false"
    assert [line.split(",")[0] for line in said] == [f"log: {name}" for name in NAMES]
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://here")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    _, said = began(small, tmp_path)
    assert stand_ins["wandb"].options["offline"] is False
    assert stand_ins["mlflow"].options["tracking_uri"] == "http://here"
    assert logs.os.environ["MLFLOW_DISABLE_TELEMETRY"] == "false"
    assert "WANDB_MODE=online" in said[1] and "MLFLOW_TRACKING_URI" in said[2]


def test_numbers_and_pictures_go_to_all(
    stand_ins: dict[str, Adapter], small: Settings, tmp_path: Path
) -> None:
    log, _ = began(small, tmp_path)
    assert log.is_open
    log.record({"step": 3, "epoch": 0, "lr": 0.5, "stage0.mask": 0.25, "loss": math.nan})
    log.record({"step": 4, "epoch": 1, "val/mask_ap": 0.125})
    log.picture("validation", Image.new("RGB", (6, 4)), 4)
    log.close("success")
    assert not log.is_open
    for one in stand_ins.values():
        assert one.settings["train.batch"] == 2
        assert one.metrics == [
            (3, {"epoch": 0, "train/lr": 0.5, "train/stage0.mask": 0.25}),
            (4, {"epoch": 1, "val/mask_ap": 0.125}),
        ]
        ((name, shape, step),) = one.pictures
        assert name.split("/")[0] == "validation" and shape == (4, 6, 3)
        assert step == 4 or name == "validation/00000004.png"
    assert [one.ends for one in stand_ins.values()] == [["success"], ["success", 0], ["success"]]


def test_a_resumed_training_takes_the_place_of_what_it_repeats(
    stand_ins: dict[str, Adapter], small: Settings, tmp_path: Path
) -> None:
    began(small, tmp_path)
    assert stand_ins["tensorboard"].options["kwargs"] == {"purge_step": None}
    began(small, tmp_path, step=8)
    assert stand_ins["tensorboard"].options["kwargs"] == {"purge_step": 9}


def test_an_error_closes_the_logs_as_failed(
    stand_ins: dict[str, Adapter], small: Settings, tmp_path: Path
) -> None:
    log, _ = began(small, tmp_path)
    with pytest.raises(RuntimeError), log:
        raise RuntimeError
    assert stand_ins["wandb"].ends == ["failed", 1]


def test_a_training_logs_its_records_and_two_pictures(
    stand_ins: dict[str, Adapter],
    small: Settings,
    tmp_path: Path,
    console: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    logged = small.with_(train__log=("wandb",))
    with monkeypatch.context() as patch:
        patch.setattr(logs.importlib.util, "find_spec", lambda _: None)
        with pytest.raises(UsageError, match=r"relook\[wandb\]"):
            train(logged, console, out=tmp_path / "none")
    assert not (tmp_path / "none").exists()
    monkeypatch.setattr("relook.training.loop.check_logs", lambda _: None)
    outcome = train(logged, console, out=tmp_path / "run")
    (log,) = stand_ins.values()
    rows = outcome.run.rows()
    assert [step for step, _ in log.metrics] == [row["step"] for row in rows]
    assert log.metrics[0][1]["train/loss"] == rows[0]["loss"]
    assert log.metrics[-1][1]["val/mask_ap"] == rows[-1]["val/mask_ap"]
    assert [name for name, _, _ in log.pictures] == ["first_batch", "validation"]
    assert log.ends == ["success", 0]
