"""What a row costs: its parameters, its arithmetic and its time."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import torch

from ..analysis.complexity import complexity
from ..config.model import ModelConfig
from ..data.images import read_image
from ..inference.predictor import Predictor
from ..models.detector import STRIDE

MASKS = 100  # that are predicted, in the count of multiply-adds


def size_of(config: ModelConfig) -> tuple[int, int]:
    """Parameters, and multiply-adds of detecting in one image of the model's input size.

    The image has the (long, short) sides of the input, padded as the network pads them; box heads
    see as many proposals as they do at test time.
    """
    width, height = (-(-side // STRIDE) * STRIDE for side in config.input.size)
    found = complexity(config, height, width, config.rpn.test.proposals, MASKS)
    return sum(found.parameters.values()), sum(found.multiply_adds.values())


def medians_in_turns(
    runs: Mapping[str, Sequence[Callable[[], object]]],
) -> dict[str, float]:
    """Median seconds of each name's calls, on one thread.

    The names take turns, so that what else the machine does meets them alike, and each turn begins
    with another one. A first turn, which does the first call of each, only warms up.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    names = list(runs)
    watches: dict[str, list[float]] = {name: [] for name in names}
    try:
        for name in names:
            runs[name][0]()
        for turn in range(max(len(calls) for calls in runs.values())):
            first = turn % len(names)
            for name in names[first:] + names[:first]:
                if turn < len(runs[name]):
                    started = time.perf_counter()
                    runs[name][turn]()
                    watches[name].append(time.perf_counter() - started)
    finally:
        torch.set_num_threads(threads)
    return {name: statistics.median(found) for name, found in watches.items()}


def seconds_per_image(
    predictors: Mapping[str, Predictor], images: Sequence[Path], max_dets: Mapping[str, int]
) -> dict[str, float]:
    """Median seconds of predicting in one of `images`, by the names of `predictors`.

    From pixels in memory to boxes and pasted masks, at the model's input size; reading the file
    is left out. At most ``max_dets[name]`` objects are kept.
    """
    pixels = [read_image(path) for path in images]
    return medians_in_turns(
        {
            name: [partial(one.predict, image, max_dets=max_dets[name]) for image in pixels]
            for name, one in predictors.items()
        }
    )
