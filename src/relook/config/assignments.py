"""Fields of a model's configuration as people write them: ``cascade.select.nms_iou=0.3``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from ..errors import UsageError
from .base import assign

_ROOT = "model"  # which a key may start with, as it does for a training


def model_changes(assignments: Sequence[str]) -> dict[str, Any]:
    """Nested changes of a model, for `overlay`; values are read as YAML.

    Raises:
        UsageError: U03 for text that is not ``key=value``.
    """
    tree: dict[str, Any] = {}
    for text in assignments:
        key, equals, value = text.partition("=")
        path = key.strip().split(".")
        path = path[1:] if path[0] == _ROOT else path
        if not equals or not path or not all(path):
            raise UsageError(
                "U03",
                f"--set {text!r}: expected key=value, as in cascade.select.suppress_in=network",
            )
        try:
            assign(tree, path, yaml.safe_load(value))
        except yaml.YAMLError as error:
            raise UsageError("U03", f"--set {text!r}: {' '.join(str(error).split())}") from None
    return tree
