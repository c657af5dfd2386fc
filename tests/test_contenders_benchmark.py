"""The tables of `benchmarks/contenders.py` and the parts of `benchmarks.small_models`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from relook.ops.cpu import onednn, winograd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "benchmarks"))

import contenders
from benchmarks import small_models


def test_every_layer_of_an_image_is_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    if not onednn.is_available():
        pytest.skip("this PyTorch lacks the operators of oneDNN that are watched")
    monkeypatch.setattr(winograd, "_WEIGHTS", 9 * 64 * 64)  # the tiny preset's heads too
    monkeypatch.setattr(winograd, "has_fast_products", lambda: True)
    monkeypatch.setattr(contenders, "LARGE", 256)
    before = onednn.convolution, onednn.product, winograd.convolution
    lines = list(contenders.lines_of("htc-tiny", (128, 160), 1, only_shapes=True))
    assert (onednn.convolution, onednn.product, winograd.convolution) == before
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]
    calls = {row[0]: int(row[1]) for row in rows[2:-1]}
    assert any(shape.endswith("filtered") for shape in calls)
    assert any(shape.startswith("product, ") for shape in calls)
    assert calls["all layers"] == sum(n for shape, n in calls.items() if shape != "all layers")
    assert "of the floor" in lines[-1]


def test_contenders_take_turns() -> None:
    called: list[str] = []
    ways = {name: (lambda name=name: called.append(name)) for name in ("eager", "other")}
    found = contenders.timed(ways, 3)
    assert sorted(called) == ["eager"] * 4 + ["other"] * 4
    assert called[2:] == ["other", "eager", "eager", "other", "other", "eager"]
    assert found["eager"][2] == 1.0


def test_parts_of_a_prediction_are_named() -> None:
    found = small_models.parts("nuclei", 1, 1)
    assert {"look 1", "look 2", "rpn", "everything else"} <= found.keys()
    assert all(seconds >= 0 for seconds in found.values()) and sum(found.values()) > 0
