"""Stored counts of the presets and of the models that come along, so that showing them does not
measure them.

``counts.json`` beside this file has for each the parameters and multiply-adds that
`analysis.complexity` counts, by part. ``scripts/count_presets.py`` writes it; a test compares it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final

from ..config.model import ModelConfig
from ..config.presets import PRESETS
from ..weights.opening import read_header
from ..weights.shipped import SHIPPED, shipped_file

FILE: Final = Path(__file__).parent / "counts.json"
SIZE: Final = (800, 1344)  # pixels, height and width of the image that is counted
PROPOSALS: Final = 1000
MASKS: Final = 100

Counts = dict[str, dict[str, int]]  # "parameters" and "multiply_adds": part -> number


def counts_of(name: str) -> Counts:
    """Parameters and multiply-adds of the preset or shipped model called `name`, by part."""
    counts: Counts = _table()[name]
    return counts


def stored_counts(config: ModelConfig) -> Counts | None:
    """Parameters and multiply-adds of `config`, by part; None where they are not stored."""
    return next((counts_of(name) for name, known in counted_models() if known == config), None)


def counted_models() -> Iterator[tuple[str, ModelConfig]]:
    """Yield the name and the configuration of everything that is in the table."""
    for name, preset in PRESETS.items():
        yield name, preset.config
    for name in SHIPPED:
        yield name, read_header(shipped_file(name)).config


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return table
