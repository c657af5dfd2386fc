"""Which preset each recorded state dict of the reference belongs to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from relook.config.model import ModelConfig
from relook.config.presets import preset

_FOLDER = Path(__file__).parents[1] / "parity" / "golden" / "keys"
MODELS = sorted(path.stem for path in _FOLDER.glob("*.json"))


def shapes(name: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the tensors of a reference model."""
    tensors = json.loads((_FOLDER / f"{name}.json").read_text())["tensors"]
    return ((key, tuple(shape)) for key, shape in tensors.items())


def config(name: str) -> ModelConfig:
    """The configuration that should have these tensors."""
    if name.endswith("_without_semantic"):
        return config(name.removesuffix("_without_semantic")).with_(semantic=None)
    return preset(name.replace("_", "-"))
