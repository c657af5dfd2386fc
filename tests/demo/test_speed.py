"""The measurement of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from examples.demo.datasets import find_data
from examples.demo.speed import TIMED, seconds_an_image

from relook.inference.predictor import Predictor
from relook.training.start.source import Start


def test_the_mean_of_a_few_images_after_a_warm_up(
    shipped: Start, blob_sets: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predictor = Predictor.of(shipped.saved)
    index = find_data(blob_sets, "nuclei").validation()
    seen: list[str] = []
    readings: Iterator[float] = iter([10.0, 16.0])
    monkeypatch.setattr(predictor, "predict", lambda path, max_dets: seen.append(path.name))

    def clock() -> float:
        seen.append("clock")
        return next(readings)

    assert seconds_an_image(predictor, index, max_dets=10, clock=clock) == 6.0 / TIMED
    names = [record.file_name for record in index.images[:TIMED]]
    assert seen == [names[0], "clock", *names, "clock"]
