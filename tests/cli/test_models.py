"""``relook models``: names, sizes and published numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import Result

from relook.config import presets
from relook.config.presets import PRESETS
from relook.weights.shipped import SHIPPED

Run = Callable[..., Result]


@pytest.fixture(autouse=True)
def _few(monkeypatch: pytest.MonkeyPatch) -> None:
    few = ("htc-r50", "cascade-r50", "detectors-htc-tiny")
    monkeypatch.setattr(presets, "PRESETS", {name: PRESETS[name] for name in few})


def test_a_table_of_presets_and_of_what_comes_with_relook(relook: Run) -> None:
    result = relook("models")
    assert result.exit_code == 0
    row = next(line for line in result.stdout.splitlines() if "htc-r50" in line)
    assert row.split()[:5] == ["htc-r50", "80.3", "451", "42.3", "37.4"]
    assert PRESETS["htc-r50"].about in row
    row = next(line for line in result.stdout.splitlines() if "cascade-r50" in line)
    assert row.split()[3:5] == ["40.3", "-"]
    assert "800x1344" in result.stdout
    assert "1000 proposals" in result.stdout
    shipped = next(line for line in result.stdout.splitlines() if line.split()[:1] == ["nuclei"])
    assert shipped.split()[2] == "detectors-htc-tiny"
    assert 1 < float(shipped.split()[1]) <= 15


def test_json(relook: Run) -> None:
    rows = json.loads(relook("models", "--json").stdout)
    presets, shipped = rows[: -len(SHIPPED)], rows[-len(SHIPPED) :]
    nuclei = shipped[0]
    assert [row["name"] for row in presets] == ["htc-r50", "cascade-r50", "detectors-htc-tiny"]
    assert not any(row["shipped"] for row in presets)
    assert [row["name"] for row in shipped] == list(SHIPPED)
    assert rows[0]["parameters"] == 80_258_293
    assert rows[0]["multiply_adds"] == sum(rows[0]["multiply_adds_by_part"].values())
    assert rows[0]["published"]["box_ap"] == 42.3
    assert rows[2]["published"] is None
    assert set(rows[0]) < set(nuclei)
    assert (nuclei["name"], nuclei["preset"]) == ("nuclei", "detectors-htc-tiny")
    assert nuclei["shipped"] is True
    assert nuclei["bytes"] == Path(nuclei["path"]).stat().st_size
    assert nuclei["parameters"] == rows[2]["parameters"]  # both for one class
