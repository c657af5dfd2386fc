"""`benchmarks/save_kinds.py` on a few objects."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "save_kinds.py"


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("save_kinds", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("kind", ["csv", "geojson", "cvat", "labels"])
def test_a_kind_is_written_and_measured(script: ModuleType, kind: str) -> None:
    row = script.measure(kind, 9, 120)
    assert row["seconds"] > 0 and row["peak"] > 10 and row["bytes"] > 100


def test_objects_that_do_not_fit_are_refused(script: ModuleType) -> None:
    with pytest.raises(SystemExit, match="do not fit"):
        script.discs(100, 50)
