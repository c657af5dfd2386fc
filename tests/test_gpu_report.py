"""The report of a GPU, with rows that are made up and a module that is known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from benchmarks.gpu import __main__ as command
from benchmarks.gpu import measure, rows
from benchmarks.gpu.subjects import saved_bytes
from benchmarks.speed.numbers import Spread
from benchmarks.speed.report import Row
from torch import nn


@pytest.fixture
def bench(tmp_path: Path) -> measure.Bench:
    return measure.Bench(tmp_path, "cpu", is_small=True)


def made_up(bench: measure.Bench) -> Iterator[tuple[str, rows.Measure]]:
    yield "first", lambda: Row("made", "first", Spread(2.0, 1.0, 3.0), 1.0, "s", samples=[1, 2, 3])
    yield "second", lambda: Row("made", "second", 1 / 0)
    yield "third", lambda: Row("made", "third", None, note="needs a GPU")


def test_a_row_that_fails_does_not_end_the_others(
    bench: measure.Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "GROUPS", {"made": (made_up, 1.0)})
    assert command.measure(bench, "made") == 0
    lines = (bench.folder / "made.jsonl").read_text().splitlines()
    first, second, third = (command.read_row(json.loads(line)) for line in lines)
    assert first == Row("made", "first", Spread(2.0, 1.0, 3.0), 1.0, "s", samples=[1, 2, 3])
    assert second.measured is None and second.note == "failed: ZeroDivisionError: division by zero"
    assert third.note == "needs a GPU"


def test_groups_share_all_of_the_time() -> None:
    assert sum(share for _, share in rows.GROUPS.values()) == pytest.approx(1)
    assert next(iter(rows.GROUPS)) == "correctness"


def test_the_table_names_card_and_versions(tmp_path: Path) -> None:
    source = command.origin(8, small=True)
    command.write(tmp_path, source, [Row("predict", "a row", 2.0, 1.0, at_least=True)])
    content = json.loads((tmp_path / "gpu-dry-run.json").read_text())
    assert content["torch"] == torch.__version__ and content["rows"][0]["reached"] is True
    assert "| a row | 2.00 | ≥ 1.00 | yes |" in (tmp_path / "gpu-dry-run.md").read_text()
    assert command._short("NVIDIA H100 80GB HBM3") == "h100"


def test_the_peer_of_equal_batch_and_precision_is_compared() -> None:
    peer = "torchvision's Mask R-CNN R-50, batch"
    measured = [
        Row("predict", "`htc-r50`, batch 1, tf32", 10.0),
        Row("predict", f"{peer} 1, tf32", 20.0),
        Row("predict", f"{peer} 8, tf32", 50.0),
        Row("predict", "`htc-r50`, batch 8, bfloat16", None),
    ]
    (row,) = rows.against_peer(measured)
    assert row.value == 2.0 and row.reached is False and "batch 1, tf32" in row.what


def test_seconds_and_kernels_of_what_runs(bench: measure.Bench) -> None:
    calls: list[int] = []
    timing = measure.timed(bench, lambda: calls.append(1), warm=2, most=5)
    assert len(timing.samples) == 5 and len(calls) == 7 and timing.peak is None
    found = measure.kernels(bench, lambda: torch.ones(3).sum().item())
    assert found.copies == 1 and any(name == "aten::sum" for name, *_ in found.longest)


def test_bytes_that_wait_for_the_gradients() -> None:
    layer = nn.Linear(8, 4, bias=False)
    given = torch.ones(16, 8)
    kept = saved_bytes(lambda: layer(given).exp().sum(), list(layer.parameters()))
    assert kept == given.nbytes + 16 * 4 * 4  # what comes in, and what exp gave
    assert layer.weight.grad is not None


def test_without_a_gpu_it_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command.main([]) == 1
    assert "--dry-run" in capsys.readouterr().err
