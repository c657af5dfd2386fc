"""Stored counts of the presets, so that listing the models does not measure them.

``counts.json`` beside this file has, for every preset, the parameters and multiply-adds that
`analysis.complexity` counts, by part. ``scripts/count_presets.py`` writes it; a test compares it.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

FILE: Final = Path(__file__).parent / "counts.json"
SIZE: Final = (800, 1344)  # pixels, height and width of the image that is counted
PROPOSALS: Final = 1000
MASKS: Final = 100

Counts = dict[str, dict[str, int]]  # "parameters" and "multiply_adds": part -> number


def counts_of(name: str) -> Counts:
    """Parameters and multiply-adds of the preset called `name`, by part."""
    counts: Counts = _table()[name]
    return counts


@cache
def _table() -> dict[str, Any]:
    table: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return table
