"""Options of what is saved."""

from __future__ import annotations

import pytest

from relook.errors import UsageError
from relook.inference.writers.options import SaveOptions


def test_values_of_options_make_sense() -> None:
    for values in ({"pixel_size": (0.0, 1.0)}, {"simplify": -1.0}, {"simplify": float("nan")}):
        with pytest.raises(UsageError, match="U03"):
            SaveOptions(**values)  # type: ignore[arg-type]
    assert SaveOptions(pixel_size=(0.5, 0.25)).record() == {
        "pixel_size": [0.5, 0.25],
        "simplify": 0.0,
        "labels": "auto",
    }
