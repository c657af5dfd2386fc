"""Time per image of several models, interleaved: what disturbs the machine disturbs them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median, quantiles
from typing import Any

import torch
from torch import Tensor

from relook.data.batching import batch_images
from relook.data.images import Pixels
from relook.data.resizing import resize_image, resized_size
from relook.inference.predictor import Predictor
from relook.ops.rle import encode_mask

from .model import Yardstick

Run = Callable[[Pixels], Any]  # everything from the pixels of an image to coded masks


def interleaved(runs: Mapping[str, Run], images: Sequence[Pixels]) -> dict[str, list[float]]:
    """Seconds that each of `runs` takes for each of `images`.

    Every image goes through all of them before the next, and who begins changes from image to
    image. The first image is run once before the clock starts.
    """
    names = list(runs)
    seconds: dict[str, list[float]] = {name: [] for name in names}
    for run in runs.values():
        run(images[0])
    for number, image in enumerate(images):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            started = time.perf_counter()
            runs[name](image)
            seconds[name].append(time.perf_counter() - started)
    return seconds


def summary(seconds: Mapping[str, Sequence[float]], against: str) -> dict[str, dict[str, float]]:
    """By name: the median in milliseconds, and how many times longer than `against` it takes.

    The factor is the median over the images, beside its quartiles, which say how much of it is
    noise.
    """
    result = {}
    for name, own in seconds.items():
        factors = [a / b for a, b in zip(own, seconds[against], strict=True)]
        low, _, high = quantiles(factors, n=4) if len(factors) > 1 else factors * 3
        result[name] = {
            "ms": 1000 * median(own),
            "factor": median(factors),
            "factor_low": low,
            "factor_high": high,
        }
    return result


def with_relook(predictor: Predictor, max_dets: int) -> Run:
    """Reading aside, what `relook predict` does: resizing, network, paste, codes of the masks."""
    return lambda image: predictor.predict(image, max_dets=max_dets)


def with_torchvision(predictor: Predictor) -> Run:
    """The same for a yardstick whose masks are pasted by torchvision, each over the whole image."""
    network, given = predictor.detector, predictor.config.input
    assert isinstance(network, Yardstick)

    def run(image: Pixels) -> None:
        size = image.shape[0], image.shape[1]
        resized = resize_image(image, resized_size(*size, given.size))
        batch = batch_images([resized], [size], given.mean, given.std).to(predictor.device)
        with torch.inference_mode():
            found = network.pasted(batch)[0]
        for mask in found["masks"]:
            encode_mask(_above_half(mask[0]).numpy())

    return run


def _above_half(mask: Tensor) -> Tensor:
    return (mask >= 0.5).cpu()
