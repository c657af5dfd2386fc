"""Parameters and multiply-adds against formulas and published counts."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import pytest
import torch
from torch import nn

from relook.analysis.complexity import _measured, complexity, multiply_adds
from relook.config.presets import PRESETS, preset
from relook.errors import UsageError
from relook.layers import SAConv2d
from relook.layers.deformable import DeformableConv2d
from relook.models.build import build_detector

empty = partial(torch.empty, device="meta")


def measured(module: nn.Module, *shape: int) -> int:
    with torch.no_grad():
        return _measured(module.to("meta"), empty(*shape))[0]


def test_one_layer_of_each_kind_by_hand() -> None:
    conv = nn.Conv2d(6, 8, 3, stride=2, padding=1, groups=2)
    assert measured(conv, 2, 6, 10, 12) == 2 * 5 * 6 * 8 * (6 // 2) * 9
    linear = nn.Linear(7, 5)
    assert measured(linear, 3, 7) == 3 * 7 * 5
    upsample = nn.ConvTranspose2d(4, 3, 2, stride=2)
    assert measured(upsample, 1, 4, 5, 6) == 5 * 6 * 4 * 3 * 4
    norm = nn.Sequential(nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)).eval()
    assert measured(norm, 1, 4, 8, 8) == 0


def test_a_deformable_convolution_counts_as_a_plain_one() -> None:
    offset, kernel = 8 * 9 * 18 * 8 * 9, 8 * 9 * 8 * (8 // 2) * 9
    assert measured(DeformableConv2d(8, stride=1, groups=2), 1, 8, 8, 9) == offset + kernel


@pytest.mark.parametrize("deformable", [False, True])
def test_switchable_atrous_convolution_by_hand(deformable: bool) -> None:
    channels, height, width = 8, 9, 7
    pixels = height * width
    branch = pixels * channels * channels * 9
    offset = pixels * channels * 18 * 9 if deformable else 0
    contexts = 2 * channels * channels  # each on one cell
    switch = pixels * channels
    assert (
        measured(SAConv2d(channels, deformable=deformable), 1, channels, height, width)
        == 2 * (branch + offset) + contexts + switch
    )


def test_plain_model_against_hooks() -> None:
    config = preset("htc-r50")
    with torch.device("meta"):
        detector = build_detector(config).eval()
    total = 0

    def count(module: Any, _: Any, out: torch.Tensor) -> None:
        nonlocal total
        total += prod(out.shape[:1] + out.shape[2:]) * module.weight.numel()

    for module in detector.features.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    with torch.no_grad():
        detector.features(empty(1, 3, 256, 320))
    assert multiply_adds(config, 256, 320)["features"] == total


def test_published_size_of_a_resnet_50() -> None:
    """torchvision publishes 4.09 G for the classifier at 224x224, of which 2.05 M are its last
    layer; a pyramid of 256 channels is worked out by hand here."""
    config = preset("cascade-r50")
    laterals = sum(c * 256 * s * s for c, s in ((256, 56), (512, 28), (1024, 14), (2048, 7)))
    outputs = sum(256 * 256 * 9 * s * s for s in (56, 28, 14, 7))
    backbone = multiply_adds(config, 224, 224)["features"] - laterals - outputs
    assert backbone == pytest.approx(4.087e9, rel=1e-3)


def test_heads_by_hand() -> None:
    work = multiply_adds(preset("htc-r50"), proposals=10, masks=3)
    hidden = 256 * 49 * 1024 + 1024 * 1024 + 1024 * 81 + 1024 * 4
    assert work["boxes"] == 3 * 10 * hidden
    convs, upsample, logits = 4 * 256 * 256 * 9 * 196, 256 * 256 * 4 * 196, 256 * 80 * 784
    carry = 256 * 256 * 196
    assert work["masks"] == 3 * (3 * (convs + upsample + logits) + 2 * carry)


@pytest.mark.parametrize(("name", "side"), [("dsc-r50", 14), ("fast-dsc-r50", 7)])
def test_guidance_by_hand(name: str, side: int) -> None:
    """Guidance in every proposal, final masks in the detections; a projection for all but one."""
    work = multiply_adds(preset(name), proposals=10, masks=3)
    head = (4 * 256 * 256 * 9 + 256 * 256 * 4 + 4 * 256) * side**2
    fuse = 256 * 256 * side**2
    assert work["guidance"] == 10 * (3 * head + 2 * fuse)
    hidden = 256 * 49 * 1024 + 1024 * 1024 + 1024 * 81 + 1024 * 4
    assert work["boxes"] == 3 * 10 * (hidden + fuse)
    final = (4 * 256 * 256 * 9 + 256 * 256 * 4) * 196 + 256 * 80 * 784
    assert work["masks"] == 3 * (final + fuse)


def test_recomputed_features_cost_the_earlier_heads_again() -> None:
    config = preset("fast-dsc-r50")
    again = multiply_adds(
        config.with_(cascade__guidance__alignment="recompute"), proposals=10, masks=3
    )
    once = multiply_adds(config, proposals=10, masks=3)
    trunk, fuse = 4 * 256 * 256 * 9 * 49, 256 * 256 * 49
    assert again["guidance"] - once["guidance"] == 10 * (3 * trunk + fuse)  # 1 + 2 trunks
    assert again["masks"] > once["masks"]


def test_shape_guidance_costs_what_the_specification_says() -> None:
    htc, fast_dsc, dsc = (
        sum(multiply_adds(preset(f"{kind}-r50")).values()) for kind in ("htc", "fast-dsc", "dsc")
    )
    assert fast_dsc / htc == pytest.approx(1.65, abs=0.01)
    assert dsc / htc == pytest.approx(4.3, abs=0.05)


def test_parts_are_those_of_the_model() -> None:
    size = complexity(preset("detectors-cascade-r50"))
    assert list(size.parameters) == list(size.multiply_adds) == ["features", "rpn", "boxes"]
    assert sum(size.parameters.values()) == 123_891_025
    size = complexity(preset("detectors-htc-r50"))
    assert list(size.parameters) == ["features", "rpn", "semantic", "boxes", "masks"]
    assert sum(size.parameters.values()) == 134_754_552
    assert size.parameters["rpn"] == 593_935


def test_looking_twice_costs_twice() -> None:
    once, twice = (multiply_adds(preset(n), 128, 160) for n in ("htc-r50-sac", "detectors-htc-r50"))
    assert 1.9 < twice["features"] / once["features"] < 2.2
    assert twice["boxes"] == once["boxes"]


def test_no_memory_is_touched() -> None:
    largest = complexity(PRESETS["detectors-htc-x101-64x4d"].config, 8000, 8000)
    assert sum(largest.multiply_adds.values()) > 1e13


@pytest.mark.parametrize("size", [(800, 1333), (0, 32), (-32, 32)])
def test_sizes_the_network_does_not_take(size: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match=r"U03.*multiples of 32"):
        multiply_adds(preset("htc-tiny"), *size)
