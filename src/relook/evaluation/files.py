"""What an evaluation leaves on disk; a file is either whole or what it was before."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..atomic import write_text
from .metrics import Metrics


def save_metrics(path: Path | str, metrics: Metrics) -> None:
    """Write `metrics` as json; raises `RelookError` R02 when the file cannot be written."""
    content = json.dumps(metrics.to_json(), indent=2, ensure_ascii=False, allow_nan=False)
    write_text(path, content + "\n")


def save_predictions(path: Path | str, predictions: Sequence[Mapping[str, Any]]) -> None:
    """Write COCO result dictionaries as json, one a line; raises `RelookError` R02 likewise."""
    rows = ",\n".join(json.dumps(dict(row), allow_nan=False) for row in predictions)
    write_text(path, f"[\n{rows}\n]\n" if rows else "[]\n")
