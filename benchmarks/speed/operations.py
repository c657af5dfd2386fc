"""Cases of single operations: the rate of large products, one SAC layer."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from relook.models.detector import Detector

from .contender import Contender

Answer = dict[str, Any]
SAC_STAGES = {128: 2, 256: 3, 512: 4}  # by channels: the stage of a ResNet that has so many
_PRODUCTS = 2048  # channels and rows of the products whose rate is measured
_REPEATS = 5


def rate(_: Contender) -> Answer:
    """Multiply-adds a second of large float32 products, by kind; the median of a few."""
    n = _PRODUCTS
    a, b = torch.randn(n, n), torch.randn(n, n)
    image = torch.randn(1, n, 32, n // 32).to(memory_format=torch.channels_last)
    kernel = torch.randn(n, n, 1, 1).to(memory_format=torch.channels_last)
    products: dict[str, Callable[[], Tensor]] = {
        "matrix product": lambda: a @ b,
        "1x1 convolution, channels last": lambda: F.conv2d(image, kernel),
    }
    linear = getattr(torch.ops.mkldnn, "_linear_pointwise", None)
    if linear is not None:
        products["oneDNN linear"] = lambda: linear(a, b, None, "none", [], "")
    with torch.inference_mode():
        return {name: n**3 / _median_seconds(product) for name, product in products.items()}


def _median_seconds(run: Callable[[], Any]) -> float:
    run()
    seconds = []
    for _ in range(_REPEATS):
        started = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - started)
    return sorted(seconds)[_REPEATS // 2]


def folded_sac(folded: Detector, stage: int) -> nn.Module:
    """The deformable SAC layer in the second block of a stage (from 1) of a folded backbone.

    Raises:
        AttributeError: the copy has none there.
    """
    from relook.models.folding.sac import FoldedSAC  # the baseline has none

    unit = folded.get_submodule(f"features.backbones.0.stages.{stage - 1}.1.units.1")
    if not isinstance(unit, FoldedSAC):
        raise AttributeError(f"{type(unit).__name__} is no folded SAC layer")
    return unit


def sac(contender: Contender, channels: int, height: int, width: int) -> Answer:
    """Seconds of one deformable SAC layer of `detectors-htc-r50`, and of two plain convolutions.

    All at (1, channels, height, width), each in both memory formats, the faster one counting;
    ``folded`` is missing where the side folds nothing. A folded layer holds the norm and ReLU after
    it too.
    """
    model = "detectors-htc-r50"
    x = torch.randn(1, channels, height, width, generator=torch.Generator().manual_seed(0))
    plain = nn.Sequential(*[nn.Conv2d(channels, channels, 3, padding=1, bias=False)] * 2).eval()
    detector, _ = contender.detector(model, "train")  # as trained: nothing folded
    stage = SAC_STAGES[channels]
    own = f"features.backbones.0.layer{stage}.1.conv2"
    layers = {"two convolutions": plain, "layer": detector.get_submodule(own)}
    folded = contender.folded(detector)
    if folded is not detector:
        layers["folded"] = folded_sac(folded, stage)
    seconds: Answer = {}
    with torch.inference_mode():
        for memory_format in (torch.contiguous_format, torch.channels_last):
            given = x.to(memory_format=memory_format)
            plain.to(memory_format=memory_format)
            for name, layer in layers.items():
                one = _median_seconds(lambda layer=layer, given=given: layer(given))
                seconds[name] = min(one, seconds.get(name, one))
    return seconds
