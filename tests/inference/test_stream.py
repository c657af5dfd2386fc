"""Outcomes in order, whatever becomes of the images."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest

from relook.errors import UsageError
from relook.inference.engine import OnView
from relook.inference.options import PredictOptions
from relook.inference.preprocess import Unreadable
from relook.inference.results import Result
from relook.inference.stream import Stream
from relook.inference.tiles.work import TileWork

from ..narrow_models import narrow_config, predictor_of

MODEL = predictor_of(narrow_config("htc-tiny", num_classes=2, input__size=(64, 64), semantic=None))


def stream(on_view: OnView | None = None, **changes: object) -> Stream:
    options = MODEL.resolved(PredictOptions().with_(**changes))  # type: ignore[arg-type]
    return Stream(MODEL, options, TileWork(MODEL, options), on_view)


def test_outcomes_come_in_order_and_what_cannot_be_read_is_one_of_them() -> None:
    small, wide = np.zeros((40, 40, 3), np.uint8), np.zeros((40, 90, 3), np.uint8)
    outcomes = list(stream(batch_size=2).outcomes([small, b"no image", wide, small]))
    assert [type(outcome) for outcome in outcomes] == [Result, Unreadable, Result, Result]
    sizes = [outcome.size for outcome in outcomes if isinstance(outcome, Result)]
    assert sizes == [(40, 40), (40, 90), (40, 40)]


def test_tiles_and_whole_images_share_a_stream() -> None:
    large = np.random.default_rng(0).integers(0, 255, (150, 200, 3), np.uint8)
    small = np.zeros((40, 40, 3), np.uint8)
    sizes = [
        outcome.size
        for outcome in stream(tile=96, score=0.0).outcomes([small, large, small])
        if isinstance(outcome, Result)
    ]
    assert sizes == [(40, 40), (150, 200), (40, 40)]


def test_options_that_the_model_cannot_fulfil_are_refused_before_an_image_is_read() -> None:
    from relook.data.images import Reading

    with pytest.raises(UsageError, match="U04"):
        stream(reading=Reading(channels=(0, 1)))


def test_images_in_several_views_come_one_by_one_and_tell_their_steps() -> None:
    taken, steps = [], []

    def images() -> Iterator[np.ndarray]:
        for number in range(30):
            taken.append(number)
            yield np.zeros((40, 40, 3), np.uint8)

    def on_view(name: str, done: int, total: int) -> None:
        steps.append((name, done, total))

    outcomes = stream(on_view, tta="flip", batch_size=8).outcomes(images())
    next(outcomes)
    outcomes.close()
    assert len(taken) <= 5
    assert steps[:6] == [("image", done, 6) for done in range(1, 7)]
