"""How quick this machine is."""

from __future__ import annotations

import time
from collections.abc import Callable

from relook.data.coco.reader import CocoIndex
from relook.inference.predictor import Predictor

from .datasets import spread

TIMED = 3  # images


def seconds_an_image(
    predictor: Predictor,
    index: CocoIndex,
    *,
    max_dets: int,
    clock: Callable[[], float] = time.monotonic,
) -> float:
    """Seconds that `predictor` needs for an image of `index`: the mean of a few.

    The first one is found once before, untimed, for the first time takes longer.
    """
    chosen = spread(index.images, TIMED)
    predictor.predict(chosen[0].path, max_dets=max_dets)
    began = clock()
    for record in chosen:
        predictor.predict(record.path, max_dets=max_dets)
    return max((clock() - began) / len(chosen), 1e-6)
