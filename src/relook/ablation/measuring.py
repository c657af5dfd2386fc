"""Costs of a row: its parameters, its arithmetic and its time."""

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

MASKS = 100  # number of predicted masks in the count of multiply-adds


def size_of(config: ModelConfig) -> tuple[int, int]:
    """Parameters, and multiply-adds of detecting in one image of the model's input size.

    The image has the (long, short) sides of the input, padded as the network pads them; box heads
    get as many proposals as at test time.
    """
    width, height = (-(-side // STRIDE) * STRIDE for side in config.input.size)
    counts = complexity(config, height, width, config.rpn.test.proposals, MASKS)
    return sum(counts.parameters.values()), sum(counts.multiply_adds.values())


def medians_in_turns(
    runs: Mapping[str, Sequence[Callable[[], object]]],
) -> dict[str, float]:
    """Median seconds of each name's calls, on one thread.

    The names take turns, so that other load of the machine affects all of them equally. Each turn
    begins with another name. A first turn makes the first call of each name, and is not measured.
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
    return {name: statistics.median(seconds) for name, seconds in watches.items()}


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
            name: [partial(predictor.predict, image, max_dets=max_dets[name]) for image in pixels]
            for name, predictor in predictors.items()
        }
    )
