"""The score threshold that ``relook eval --keep-threshold`` stores in a model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from ..evaluation.metrics import Metrics


def check_keeping(path: Path, limit: int | None) -> None:
    """Refuse to store a threshold that would mislead, or in a file that is not the user's.

    Raises:
        UsageError: U04.
    """
    from ..weights.header import SUFFIX
    from ..weights.shipped import FOLDER

    if limit is not None:
        raise UsageError(
            "U04",
            f"--keep-threshold with --limit {limit}: the threshold that is best for a part of the "
            "images can be wrong for all. Leave one of the two out.",
        )
    if path.parent == FOLDER:
        raise UsageError(
            "U04",
            f"--keep-threshold: {path.name} comes with relook, and every project here uses it. "
            f"Copy {path} and give the copy.",
        )
    if path.suffix != SUFFIX:
        raise UsageError(
            "U04",
            f"--keep-threshold: {path} is no {SUFFIX} file of relook, so a threshold cannot be "
            "stored in it. Make one of it by `relook weights import`.",
        )


def store_threshold(path: Path, before: float, metrics: Metrics) -> str:
    """Store the best threshold, if there is one; return a sentence about it."""
    from ..weights.file import change_extra

    best = metrics.best_counting
    if best is None:
        return f"no object was found at any score threshold, so {path} keeps {before:g}"
    change_extra(path, {"shown_from": best.threshold})
    return f"{path}: objects are now shown from score {best.threshold:g}, before from {before:g}"
