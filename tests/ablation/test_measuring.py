"""What rows cost."""

from __future__ import annotations

import pytest
import torch

from relook.ablation.measuring import medians_in_turns, size_of
from relook.ablation.rows import ROWS
from relook.analysis.complexity import complexity
from relook.config.base import overlay
from relook.config.presets import preset
from relook.models.build import build_detector


def test_size_is_counted_at_the_input_size() -> None:
    config = preset("htc-tiny").with_(input__size=(100, 60), rpn__test__proposals=50)
    parameters, work = size_of(config)
    assert parameters == sum(p.numel() for p in build_detector(config).parameters())
    assert work == sum(complexity(config, 64, 128, 50, 100).multiply_adds.values())


@pytest.mark.parametrize("name", ROWS)
def test_every_named_row_builds(name: str) -> None:
    row = ROWS[name].at("tiny")
    with torch.device("meta"):
        detector = build_detector(overlay(preset(row.model), row.overlay().model))
    assert sum(p.numel() for p in detector.parameters()) > 100_000


def test_calls_are_made_in_turns_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [0.0]
    monkeypatch.setattr("relook.ablation.measuring.time.perf_counter", lambda: clock[0])
    made: list[str] = []
    threads = []

    def call(name: str, seconds: float) -> object:
        def run() -> None:
            made.append(name)
            threads.append(torch.get_num_threads())
            clock[0] += seconds

        return run

    runs = {"a": [call("a", s) for s in (1, 9, 2)], "b": [call("b", s) for s in (4, 5, 6)]}
    assert medians_in_turns(runs) == {"a": 2, "b": 5}  # type: ignore[arg-type]
    assert made == ["a", "b", "a", "b", "b", "a", "a", "b"]  # the first two warm up
    assert set(threads) == {1}
