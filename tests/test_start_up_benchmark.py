"""`benchmarks/start_up.py` with times that are made up."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_medians_ratios_and_what_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks import start_up

    calls: list[Sequence[str]] = []

    def timed(command: Sequence[str], root: Path, folder: Path) -> tuple[float, float, str]:
        assert (folder / "a.png").is_file() and json.loads((folder / "small.json").read_text())
        calls.append(command)
        if command[-1] == start_up.FIRST:
            slow = root != ROOT
            parts = {"import torch": 2.0, "import relook": 0.5 + slow, "load": 0.5}
            return 4.5, 9.0, json.dumps({**parts, "first": 1.0, "second": 0.5})
        if command[-1] == start_up.TORCH:
            return 2.0, 3.0, ""
        return (3.0 if root != ROOT else 0.8 if "data" in command else 0.4), 1.0, ""

    monkeypatch.setattr(start_up, "timed", timed)
    start_up.main(["--rounds", "2", "--before", str(tmp_path), "--out", str(tmp_path)])
    text = (tmp_path / "start-up.md").read_text()
    assert "| relook models | 0.40 | 0.20 | 3.00 | 1.50 | 0.5 |" in text
    assert "| relook data stats, one image | 0.80 | 0.40 | - | - | 0.5, missed |" in text
    assert "at most 1.5 | 1.60 (missed) | 2.00 |" in text
    content = json.loads((tmp_path / "start-up.json").read_text())
    assert content["cases"]["relook models"]["ratio"] == [0.2, 0.2]
    once = len(start_up.COMMANDS) + len(start_up.IN_BOTH) + 3 + 2  # imports; first predictions
    assert len(calls) == 4 + 2 * once
    assert sum(command[-1] == start_up.TORCH for command in calls) == 2
    assert calls[0][0] == sys.executable
