"""Parameters and multiply-adds against formulas and published counts."""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from relook.analysis.complexity import _counted, boxes_apart, complexity, multiply_adds
from relook.analysis.counts import counts_of
from relook.config.parts import Part
from relook.config.presets import PRESETS, preset
from relook.errors import ModelError, UsageError
from relook.layers import SAConv2d
from relook.layers.deformable import DeformableConv2d
from relook.models.build import build_detector
from relook.models.cascades.steps import pool
from relook.ops.boxes import pairwise_iou
from relook.ops.convention import V2
from relook.structures.detection import Detections, ImageBatch, Pyramid, Rois
from relook.structures.rules.cascade import SelectRule

empty = partial(torch.empty, device="meta")


def measured(module: nn.Module, *shape: int) -> int:
    module.to("meta")
    with torch.no_grad(), _counted({"module": module}) as work:
        module(empty(*shape))
    return work["module"]


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
    assert work["box_heads"] == 3 * 10 * hidden
    convs, upsample, logits = 4 * 256 * 256 * 9 * 196, 256 * 256 * 4 * 196, 256 * 80 * 784
    carry = 256 * 256 * 196
    assert work["mask_heads"] == 3 * (3 * (convs + upsample + logits) + 2 * carry)


@pytest.mark.parametrize(("name", "side"), [("dsc-r50", 14), ("fast-dsc-r50", 7)])
def test_guidance_by_hand(name: str, side: int) -> None:
    """Guidance in every proposal, final masks in the detections; a projection for all but one."""
    work = multiply_adds(preset(name), proposals=10, masks=3)
    head = (4 * 256 * 256 * 9 + 256 * 256 * 4 + 4 * 256) * side**2
    fuse = 256 * 256 * side**2
    assert work["guidance_heads"] == 10 * (3 * head + 2 * fuse)
    hidden = 256 * 49 * 1024 + 1024 * 1024 + 1024 * 81 + 1024 * 4
    assert work["box_heads"] == 3 * 10 * (hidden + fuse)
    final = (4 * 256 * 256 * 9 + 256 * 256 * 4) * 196 + 256 * 80 * 784
    assert work["mask_head"] == 3 * (final + fuse)


def test_recomputed_features_cost_the_earlier_heads_again() -> None:
    config = preset("fast-dsc-r50")
    again = multiply_adds(
        config.with_(cascade__guidance__alignment="recompute"), proposals=10, masks=3
    )
    once = multiply_adds(config, proposals=10, masks=3)
    trunk, fuse = 4 * 256 * 256 * 9 * 49, 256 * 256 * 49
    before_boxes = 10 * (3 * trunk + fuse)  # 1 + 2 trunks, in every proposal
    before_masks = 3 * 4 * (3 * trunk + 2 * fuse)  # all three, on 14x14 cells of every detection
    assert again["guidance_heads"] - once["guidance_heads"] == before_boxes + before_masks
    assert again["mask_head"] - once["mask_head"] == 3 * 3 * fuse  # on 14x14 cells, not on 7x7


def test_shape_guidance_costs_what_the_specification_says() -> None:
    """By the table of counts; test_counts.py shows that it is what is counted."""
    htc, fast_dsc, dsc = (
        sum(counts_of(f"{kind}-r50")["multiply_adds"].values())
        for kind in ("htc", "fast-dsc", "dsc")
    )
    assert fast_dsc / htc == pytest.approx(1.65, abs=0.01)
    assert dsc / htc == pytest.approx(4.3, abs=0.05)


def test_parts_are_those_of_the_model() -> None:
    size = complexity(preset("detectors-cascade-r50"), 128, 160, 10, 5)
    assert list(size.parameters) == list(size.multiply_adds) == ["features", "rpn", "box_heads"]
    assert sum(size.parameters.values()) == 123_891_025
    size = complexity(preset("detectors-htc-r50"), 128, 160, 10, 5)
    assert list(size.parameters) == ["features", "rpn", "semantic", "box_heads", "mask_heads"]
    assert sum(size.parameters.values()) == 134_754_552
    assert size.parameters["rpn"] == 593_935


def test_looking_twice_costs_twice() -> None:
    once, twice = (
        multiply_adds(preset(name), 128, 160, proposals=20, masks=5)
        for name in ("htc-r50-sac", "detectors-htc-r50")
    )
    assert 1.9 < twice["features"] / once["features"] < 2.2
    assert twice["box_heads"] == once["box_heads"]


def test_no_memory_is_touched() -> None:
    largest = complexity(
        PRESETS["detectors-htc-x101-64x4d"].config, 8000, 8000, proposals=20, masks=5
    )
    assert sum(largest.multiply_adds.values()) > 1e13


@pytest.mark.parametrize("size", [(800, 1333), (0, 32), (-32, 32)])
def test_sizes_the_network_does_not_take(size: tuple[int, int]) -> None:
    with pytest.raises(UsageError, match=r"U03.*multiples of 32"):
        multiply_adds(preset("htc-tiny"), *size)


def test_of_the_semantic_branch_only_the_context_is_computed_in_detecting() -> None:
    """No label of a pixel is asked for; a model with a head for stuff is asked for its labels."""
    height, width = 128, 160
    cells = [(height // s) * (width // s) for s in (4, 8, 16, 32, 64)]
    laterals = 5 * 256 * 256 * cells[1]  # every level is brought to stride 8 first
    convs, embed = 4 * 256 * 256 * 9 * cells[1], 256 * 256 * cells[1]
    plain, panoptic = (
        multiply_adds(preset(name), height, width, proposals=20, masks=5)
        for name in ("htc-r50", "detectors-panoptic-r50")
    )
    assert plain["semantic"] == laterals + convs + embed
    assert panoptic["semantic"] == laterals + convs + embed
    assert panoptic["stuff"] > 54 * 128 * cells[0]


def test_a_shorter_cascade_costs_less() -> None:
    config = preset("htc-r50")
    two = config.with_(cascade__stages=config.cascade.stages[:2])
    one, other = (multiply_adds(c, proposals=10, masks=3)["box_heads"] for c in (config, two))
    assert one * 2 == other * 3


class Pairs(nn.Module):
    """A cascade whose work is no multiple of the number of proposals."""

    convention, select, masks = V2, SelectRule(), False

    def __init__(self, channels: int, num_classes: int, broken: bool = False) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(3))
        self.rpn = nn.Linear(channels, 5)
        self.broken = broken

    def detect(
        self,
        pyramid: Pyramid,
        context: Tensor | None,
        proposals: Rois,
        images: ImageBatch,
        rule: SelectRule,
    ) -> list[Detections]:
        assert not self.broken, "not now"
        seen = self.rpn(pool(pyramid, None, proposals, 7).mean((2, 3)))
        scores = (seen @ seen.T).amax(1, keepdim=True) * self.scale[0]
        return [Detections(proposals.boxes, scores[:, 0], scores[:, 0].long(), None, (1, 1))]

    loss = score = mask_probabilities = detect


def test_what_a_cascade_of_a_user_does_is_counted() -> None:
    """By its own modules, and what it does beside them; numbers of rows need not be linear."""
    config = preset("htc-tiny").with_(parts__cascade=Part.of(Pairs))
    size = complexity(config, proposals=20)
    assert list(size.parameters) == ["features", "rpn", "semantic", "cascade.rpn", "cascade"]
    assert size.parameters["cascade.rpn"] == 65 * 5 and size.parameters["cascade"] == 3
    assert size.multiply_adds["cascade.rpn"] == 20 * 64 * 5
    assert size.multiply_adds["cascade"] == 20 * 20 * 5
    assert size.multiply_adds["rpn"] == multiply_adds(preset("htc-tiny"))["rpn"]


def test_a_cascade_that_does_not_run_dry_is_named() -> None:
    config = preset("htc-tiny").with_(parts__cascade=Part.of(Pairs, broken=True))
    with pytest.raises(ModelError, match=r"M08: the cascade Pairs cannot be counted.*not now"):
        complexity(config)


@given(st.integers(0, 300), st.integers(32, 900), st.integers(32, 900))
def test_boxes_lie_apart_and_in_the_image(number: int, height: int, width: int) -> None:
    boxes = boxes_apart(number, (height, width))
    assert len(boxes) == number
    assert (boxes >= 0).all() and (boxes[:, 2] <= width).all() and (boxes[:, 3] <= height).all()
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert not pairwise_iou(boxes, boxes).fill_diagonal_(0).any()
