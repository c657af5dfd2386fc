"""`benchmarks/splitting.py` on a few images."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "splitting.py"


def test_balanced_parts_are_closer_to_their_share(capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("splitting", SCRIPT)
    assert spec is not None and spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    script.main(["--images", "300", "--classes", "5"])
    rows = [line.split("|")[1:4] for line in capsys.readouterr().out.splitlines()[2:]]
    spread = {
        name.strip(): float(high.strip(" %")) - float(low.strip(" %")) for name, low, high in rows
    }
    assert spread["balanced"] < 5 < spread["at random"]
