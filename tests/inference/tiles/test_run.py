"""Tiles of one image, predicted."""

from __future__ import annotations

from relook.inference.predictor import Predictor

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
