"""Model files by a name or a path: found, and not opened.

Needs no PyTorch, so that commands tell what is missing before they import it.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Final

from .config.presets import PRESETS
from .errors import DataError, ModelError, UsageError, did_you_mean
from .runtime.edition import is_whole
from .weights.header import SUFFIX
from .weights.shipped import SHIPPED, shipped_file

_LOG: Final = logging.getLogger("relook")
_BEST, _LAST = f"best{SUFFIX}", "last.ckpt"
_LISTED = f"Trained models that come with relook: {', '.join(SHIPPED)}."


def find_model(name_or_path: str | Path) -> Path:
    """The model file of `name_or_path`: the file itself, the best one of a run folder, or the
    model of that name that comes with relook.

    A file or run folder in the current folder is preferred to a name, with a warning in the log.
    A folder without a model is not. The file is not opened.

    Raises:
        ModelError: M01 for a preset's name and for a run without a model yet, M02 for the state
            of a training.
        UsageError: U01 for a name that is no model.
        DataError: D01 for a path that does not exist.
    """
    name, path = str(name_or_path), Path(name_or_path).expanduser()
    model_file = _model_in(path) if path.is_dir() else path if path.is_file() else None
    if model_file is None:
        if name in SHIPPED:
            return shipped_file(name)
        raise _not_found(name, path)
    if name in SHIPPED:
        _LOG.warning(
            "%s: taking %s, which is here, and not the model of that name that comes with relook",
            name,
            model_file,
        )
    if model_file.name == _LAST:
        raise ModelError(
            "M02",
            f"{model_file} is the state of a training. Go on with `relook train --resume "
            f"{model_file.parent}`, or load the folder {model_file.parent} for its best model.",
        )
    return model_file


def name_of(path: Path) -> str:
    """Name of the model in the file at `path`; for the best model of a run, the run's name."""
    return path.parent.name if path.name == _BEST else path.stem


def _model_in(folder: Path) -> Path | None:
    """The best model of a run, else the latest one."""
    if (folder / _BEST).is_file():
        return folder / _BEST
    models = [file for file in folder.glob(f"*{SUFFIX}") if file.is_file()]
    return max(models, key=lambda file: file.stat().st_mtime, default=None)


def _not_found(name: str, path: Path) -> UsageError | DataError | ModelError:
    if path.is_dir() and name not in PRESETS:
        state = (
            f"it has {_LAST}, so its training has not finished a validation: go on with "
            f"`relook train --resume {path}`"
            if (path / _LAST).is_file()
            else "it is no run folder"
        )
        return ModelError("M01", f"{path} has no {SUFFIX} file; {state}.")
    if name in PRESETS:
        return ModelError(
            "M01",
            f"{name} names an architecture, and its weights are not available. Train it (`relook "
            f"train --model {name} ...`) and load the run folder, or give the path of a model "
            f"file{_where_published(name)}. For random weights use relook.build({name!r}). "
            f"{_LISTED}",
        )
    looks_like_path = path.suffix != "" or len(path.parts) > 1
    if looks_like_path:
        siblings = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
        close = did_you_mean(path.name, siblings) if siblings else ""
        hint = f"; {close}" if close.startswith("did") else ""
        return DataError("D01", f"{path}: there is no such file or run folder{hint}.")
    hint = did_you_mean(name, [*SHIPPED, *PRESETS])
    return UsageError(
        "U01",
        f"{name!r} is neither a file, a run folder nor a model; {hint}. {_LISTED}",
    )


def _where_published(name: str) -> str:
    if not is_whole():
        return ""
    from .interop.zoo.zoo import covered

    if not any(file.preset == name for file in covered()):
        return ""
    return f', or load published weights with relook.load({name!r}, weights="coco")'
