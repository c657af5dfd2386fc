"""``relook models``: names, sizes and published numbers."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from typer.testing import Result

from relook import presets
from relook.presets import PRESETS

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    few = ("htc-r50", "cascade-r50", "detectors-htc-tiny")
    monkeypatch.setattr(presets, "PRESETS", {name: PRESETS[name] for name in few})


def test_a_table(relook: Run) -> None:
    result = relook("models")
    assert result.exit_code == 0
    row = next(line for line in result.stdout.splitlines() if "htc-r50" in line)
    assert row.split()[:5] == ["htc-r50", "80.3", "452", "42.3", "37.4"]
    assert PRESETS["htc-r50"].about in row
    row = next(line for line in result.stdout.splitlines() if "cascade-r50" in line)
    assert row.split()[3:5] == ["40.3", "-"]
    assert "800x1344" in result.stdout
    assert "1000 proposals" in result.stdout


def test_json(relook: Run) -> None:
    rows = json.loads(relook("models", "--json").stdout)
    assert [row["name"] for row in rows] == ["htc-r50", "cascade-r50", "detectors-htc-tiny"]
    assert rows[0]["parameters"] == 80_258_293
    assert rows[0]["multiply_adds"] == sum(rows[0]["multiply_adds_by_part"].values())
    assert rows[0]["published"]["box_ap"] == 42.3
    assert rows[2]["published"] is None
