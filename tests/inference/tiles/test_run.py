"""Tiles of one image, predicted."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from relook.inference.options import PredictOptions
from relook.inference.predictor import Predictor
from relook.structures.detection import Detections

from .conftest import lattice


def test_batches_of_tiles_change_nothing(spots: Predictor) -> None:
    picture = lattice(200, 260)
    alone, together = spots.predict(picture), spots.predict(picture, batch_size=5)
    assert alone.masks == together.masks
    assert (alone.boxes == together.boxes).all()


def test_the_cap_on_objects_is_that_of_the_image(spots: Predictor) -> None:
    picture = lattice(200, 260)
    assert len(spots.predict(picture, max_dets=5)) == 5
    assert set(spots.detector.asked) == {None}  # type: ignore[union-attr]
    spots.predict(picture, max_dets=5000)
    assert set(spots.detector.asked) == {None, 5000}  # type: ignore[union-attr]


def test_objects_below_the_score_are_left_out(spots: Predictor) -> None:
    assert len(spots.predict(lattice(200, 260), score=0.95)) == 0


def test_views_of_a_tile_are_as_large_as_the_tile_is_for_the_network(
    spots: Predictor, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: set[tuple[int, int] | None] = set()

    def run_prepared(batch: Any, options: PredictOptions) -> Any:
        seen.add(options.size)
        return [
            Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0).long(), None, one.size)
            for one in batch
        ]

    monkeypatch.setattr(spots.engine, "run_prepared", run_prepared)
    spots.predict(lattice(300, 70), tile=70, size=(140, 105))
    assert seen == {(105, 105)}
