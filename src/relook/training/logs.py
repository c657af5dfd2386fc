"""Records and pictures of a training for TensorBoard, Weights & Biases and MLflow.

Lightning's adapters write them. Nothing leaves the machine unless the environment of the user
asks for it: TensorBoard and MLflow write into the run folder, and W&B is offline there.
"""

from __future__ import annotations

import importlib.util
import math
import os
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import numpy as np
from PIL import Image

from ..errors import UsageError
from .recipe import LogName
from .run_folder import RunFolder
from .settings import Settings

_QUIET: Final[dict[LogName, Mapping[str, str]]] = {
    "tensorboard": {},
    "wandb": {"WANDB_ERROR_REPORTING": "false", "WANDB_SILENT": "true"},
    "mlflow": {"MLFLOW_DISABLE_TELEMETRY": "true"},
}
"""Variables of the environment that are set where the user has not set them."""


def check_logs(names: Sequence[LogName]) -> None:
    """Refuse a log whose package is missing.

    Raises:
        UsageError: U04, with the extra that brings the package.
    """
    for name in names:
        if importlib.util.find_spec(name) is None:
            raise UsageError(
                "U04",
                f"--log {name}: the package {name} is not installed. Run pip install "
                f"'relook[{name}]', or leave --log out: metrics.csv and report.html have the "
                "same numbers.",
            )


class TrainingLog:
    """Sends the records of a run to the logs called `names`; a context manager that closes them.

    Nothing is opened before `begin`, which only the first process calls; until then, records and
    pictures are not sent. A resumed training goes on in the same folder of TensorBoard, and is a
    new run of W&B and of MLflow.
    """

    def __init__(self, names: Sequence[LogName], run: RunFolder, settings: Settings) -> None:
        self._names, self._run, self._settings = tuple(dict.fromkeys(names)), run, settings
        self._loggers: dict[LogName, Any] = {}

    @property
    def is_open(self) -> bool:
        """Return whether somebody looks at pictures."""
        return bool(self._loggers)

    def begin(self, step: int, say: Callable[[str], None]) -> None:
        """Open the logs of a training that begins after `step`, and send its settings."""
        for name in self._names:
            for variable, value in _QUIET[name].items():
                os.environ.setdefault(variable, value)
            logger, where = _OPENED[name](_Beginning(self._run, self._settings.preset, step))
            logger.log_hyperparams(_flat(self._settings.model_dump(mode="json")))
            self._loggers[name] = logger
            say(f"log: {name}, {where}")

    def record(self, row: Mapping[str, Any]) -> None:
        """Send a record of the run: its finite numbers, at its step."""
        numbers = {
            name if name == "epoch" or name.startswith("val/") else f"train/{name}": value
            for name, value in row.items()
            if name != "step" and isinstance(value, int | float) and math.isfinite(value)
        }
        for logger in self._loggers.values():
            logger.log_metrics(numbers, step=row["step"])

    def picture(self, name: str, picture: Image.Image, step: int) -> None:
        """Send a picture called `name`, at a step."""
        for kind, logger in self._loggers.items():
            _SEND[kind](logger, name, picture.convert("RGB"), step)

    def close(self, status: str) -> None:
        """Close the logs; `status` is ``success`` or ``failed``."""
        for kind, logger in self._loggers.items():
            logger.finalize(status)
            if kind == "wandb":  # Lightning leaves its run open
                logger.experiment.finish(exit_code=0 if status == "success" else 1)
        self._loggers = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close("success" if kind is None else "failed")


def _flat(tree: Mapping[str, Any], before: str = "") -> dict[str, Any]:
    """The leaves of nested settings by path, as text where they are no numbers."""
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        if isinstance(value, Mapping):
            leaves |= _flat(value, f"{before}{name}.")
        else:
            is_plain = isinstance(value, bool | int | float | str)
            leaves[f"{before}{name}"] = value if is_plain else str(value)
    return leaves


class _Beginning(NamedTuple):
    """A run, its preset, and the step that its training begins after."""

    run: RunFolder
    preset: str
    step: int


def _tensorboard(of: _Beginning) -> tuple[Any, str]:
    from lightning.pytorch.loggers import TensorBoardLogger

    logger = TensorBoardLogger(
        of.run.path,
        name="tensorboard",
        version="",
        default_hp_metric=False,
        purge_step=of.step + 1 if of.step else None,  # what a resumed training repeats
    )
    return logger, f"see it by: tensorboard --logdir {of.run.path.parent}"


def _wandb(of: _Beginning) -> tuple[Any, str]:
    from lightning.pytorch.loggers import WandbLogger

    mode = os.environ.get("WANDB_MODE")
    logger = WandbLogger(
        name=of.run.path.name,
        save_dir=of.run.path,
        project=os.environ.get("WANDB_PROJECT", "relook"),
        offline=mode is None,
        tags=[of.preset],
    )
    if mode is not None:
        return logger, f"as WANDB_MODE={mode} says"
    return logger, f"offline; send it by: wandb sync {of.run.path / 'wandb'}/offline-run-*"


def _mlflow(of: _Beginning) -> tuple[Any, str]:
    from lightning.pytorch.loggers import MLFlowLogger

    folder = of.run.path.resolve()
    address = os.environ.get("MLFLOW_TRACKING_URI")
    store = f"sqlite:///{(folder / 'mlflow.db').as_posix()}"
    logger = MLFlowLogger(
        experiment_name=os.environ.get("MLFLOW_EXPERIMENT_NAME", "relook"),
        run_name=of.run.path.name,
        tracking_uri=address or store,
        artifact_location=None if address else (folder / "mlflow").as_uri(),
        tags={"preset": of.preset},
    )
    if address:
        return logger, "as MLFLOW_TRACKING_URI says"
    return logger, f"see it by: mlflow ui --backend-store-uri {store}"


def _to_tensorboard(logger: Any, name: str, picture: Image.Image, step: int) -> None:
    logger.experiment.add_image(name, np.asarray(picture), step, dataformats="HWC")


def _to_wandb(logger: Any, name: str, picture: Image.Image, step: int) -> None:
    logger.log_image(name, [picture], step=step)


def _to_mlflow(logger: Any, name: str, picture: Image.Image, step: int) -> None:
    logger.experiment.log_image(logger.run_id, picture, f"{name}/{step:08}.png")


_OPENED: Final[dict[LogName, Callable[[_Beginning], tuple[Any, str]]]] = {
    "tensorboard": _tensorboard,
    "wandb": _wandb,
    "mlflow": _mlflow,
}
_SEND: Final[dict[LogName, Callable[[Any, str, Image.Image, int], None]]] = {
    "tensorboard": _to_tensorboard,
    "wandb": _to_wandb,
    "mlflow": _to_mlflow,
}
