"""The style of a ResNet: what is written, and what the statistics of the first layer say."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from relook.interop.style import stated_style, style_of_stem


@pytest.mark.parametrize(
    ("meta", "name", "style"),
    [
        ({"config": "backbone=dict(style='pytorch')"}, "a.pth", "pytorch"),
        ({"cfg": 'backbone=dict(style="caffe")'}, "a.pth", "caffe"),
        ({"config": "x=dict(style='pytorch'); n=dict(to_rgb=False)"}, "a.pth", "caffe"),
        ({"config": 7}, "cascade_rcnn_r50_caffe_fpn_1x.pth", "caffe"),
        ({}, "cascade_rcnn_r50_fpn_1x.pth", None),
        ({"config": "backbone=dict(depth=50)"}, "a.pth", None),
    ],
)
def test_what_meta_and_name_say(meta: dict[str, object], name: str, style: str | None) -> None:
    found = stated_style(meta, name)
    assert (found and found.style) == style


def stem(pixels: Tensor) -> dict[str, Tensor]:
    """A first layer with the statistics it would have collected on such pixels."""
    generator = torch.Generator().manual_seed(0)
    kernel = torch.randn(16, 3, 7, 7, generator=generator) * 0.1
    answers = torch.nn.functional.conv2d(pixels, kernel)
    return {
        "backbone.conv1.weight": kernel,
        "backbone.bn1.weight": torch.rand(16, generator=generator),
        "backbone.bn1.running_mean": answers.mean((0, 2, 3)),
        "backbone.bn1.running_var": answers.var((0, 2, 3)),
    }


def smooth_pixels() -> Tensor:
    """Of unit variance and correlated, as in photographs."""
    noise = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(1))
    image = torch.nn.functional.interpolate(noise, size=(120, 120), mode="bilinear")
    return (image - image.mean()) / image.std()


def test_statistics_of_undivided_pixels_are_noticed() -> None:
    assert style_of_stem(stem(smooth_pixels())) is None
    found = style_of_stem(stem(58 * smooth_pixels()))
    assert found is not None and found.style == "caffe"


def test_folded_statistics_are_noticed() -> None:
    state = stem(smooth_pixels())
    state["backbone.bn1.running_mean"] = torch.zeros(16)
    state["backbone.bn1.running_var"] = torch.ones(16)
    found = style_of_stem(state)
    assert found is not None and "folded" in found.why
    state["backbone.bn1.weight"] = torch.ones(16)  # never trained at all
    assert style_of_stem(state) is None


def test_without_a_usable_stem_nothing_is_said() -> None:
    state = stem(58 * smooth_pixels())
    assert style_of_stem({}) is None
    assert style_of_stem({**state, "backbone.bn1.running_var": torch.ones(3)}) is None
    assert style_of_stem({**state, "backbone.conv1.weight": torch.zeros(16, 3, 7, 7)}) is None
    standardised = {**state, "backbone.conv1.weight_gamma": torch.ones(16, 1, 1, 1)}
    assert style_of_stem(standardised) is None
