"""The table of counts is what is counted."""

from __future__ import annotations

import json

import pytest

from relook.analysis.complexity import complexity
from relook.analysis.counts import FILE, MASKS, PROPOSALS, SIZE, counts_of
from relook.config.presets import PRESETS


def test_every_preset_is_in_the_table_and_nothing_else() -> None:
    assert list(json.loads(FILE.read_text())) == list(PRESETS)


@pytest.mark.parametrize("name", PRESETS)
def test_counts_are_current(name: str) -> None:
    """Else run scripts/count_presets.py."""
    found = complexity(PRESETS[name].config, *SIZE, PROPOSALS, MASKS)
    assert counts_of(name) == {
        "parameters": found.parameters,
        "multiply_adds": found.multiply_adds,
    }
