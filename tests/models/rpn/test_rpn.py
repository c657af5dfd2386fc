"""Region proposals and the losses of the network that makes them."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from relook.config.model import ModelConfig
from relook.config.presets import preset
from relook.models.build import build_rpn
from relook.models.rpn.rpn import RPN, Scored
from relook.ops.masks import crop_masks
from relook.structures.detection import ImageBatch, Target
from relook.structures.rules.proposals import Bound, ProposalRule

CONFIG: ModelConfig = preset("htc-tiny").with_(pyramid__channels=8)


def _pyramid(height: int, width: int, images: int = 1) -> list[Tensor]:
    torch.manual_seed(0)
    return [torch.randn(images, 8, -(-height // s), -(-width // s)) for s in (4, 8, 16, 32, 64)]


def _images(*sizes: tuple[int, int]) -> ImageBatch:
    height, width = (max(s[i] for s in sizes) for i in (0, 1))
    padded = tuple((-(-h // 32) * 32, -(-w // 32) * 32) for h, w in sizes)
    return ImageBatch(
        torch.zeros(len(sizes), 3, -(-height // 32) * 32, -(-width // 32) * 32),
        sizes,
        padded,
        sizes,
        ((1.0, 1.0),) * len(sizes),
    )


def _target(boxes: list[list[float]]) -> Target:
    masks = crop_masks(torch.ones(len(boxes), 96, 96, dtype=torch.bool))
    return Target(torch.tensor(boxes).reshape(-1, 4), torch.zeros(len(boxes)).long(), masks)


def test_proposals_are_inside_their_image_sorted_and_limited() -> None:
    config = CONFIG.with_(rpn__test__candidates=60, rpn__test__proposals=25)
    rpn = build_rpn(config)
    images = _images((96, 96), (64, 80))
    scored = rpn(_pyramid(96, 96, images=2))
    rois, scores = rpn.propose(scored, images, rpn.test_rule)
    for boxes, best, (height, width) in zip(
        rois.per_image(rois.boxes, 2), rois.per_image(scores, 2), images.sizes, strict=True
    ):
        assert 0 < len(boxes) <= 25
        assert (best.diff() <= 0).all()
        assert (boxes[:, 2] <= width).all() and (boxes[:, 3] <= height).all()
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_boxes_without_area_are_kept_only_on_request() -> None:
    images = _images((96, 96))
    pyramid = _pyramid(96, 96)
    counts = []
    for rule in ("above", "from"):
        rpn = build_rpn(CONFIG.with_(rpn__test__min_bbox_size_rule=rule, rpn__test__nms_iou=1.0))
        with torch.no_grad():
            rpn.deltas.bias.fill_(50.0)  # everything is pushed out of the image and clipped flat
        counts.append(len(rpn.propose(rpn(pyramid), images, rpn.test_rule)[0]))
    assert counts[0] == 0 and counts[1] > 0


@pytest.fixture(scope="module")
def unfiltered() -> tuple[RPN, Scored, Tensor]:
    """Every box that could be proposed, suppression aside; some have sides of 0 and of 12."""
    rpn = build_rpn(CONFIG)
    scored = rpn(_pyramid(96, 96))
    boxes = torch.tensor([[0.0, 8, 12, 80], [90, 0, 102, 96], [30, 30, 42, 42], [100, 0, 120, 9]])
    anchors = scored.anchors.clone()
    anchors[: len(boxes)] = boxes
    deltas = scored.deltas.detach().clone()
    deltas[:, : len(boxes)] = 0
    scored = replace(scored, anchors=anchors, deltas=deltas, logits=scored.logits.detach())
    rois, _ = rpn.propose(scored, _images((96, 96)), _all_sides(0, "from"))
    return rpn, scored, rois.boxes


def _all_sides(side: float, bound: Bound) -> ProposalRule:
    return ProposalRule(10**6, 10**6, 1.0, side, bound)


@given(st.sampled_from([0.0, 6.0, 12.0]) | st.floats(0, 100), st.sampled_from(["above", "from"]))
def test_sides_decide_what_is_proposed(
    unfiltered: tuple[RPN, Scored, Tensor], side: float, bound: Bound
) -> None:
    rpn, scored, boxes = unfiltered
    width, height = (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    kept = (width >= side) & (height >= side)
    if bound == "above":
        kept &= (width != side) & (height != side)
    rois, _ = rpn.propose(scored, _images((96, 96)), _all_sides(side, bound))
    assert torch.equal(rois.boxes, boxes[kept])
    if side in (0, 6, 12):  # there are boxes that only the bound decides on
        assert ((width == side) | (height == side)).any()


def test_the_loss_falls_to_zero_for_perfect_predictions() -> None:
    rpn = build_rpn(CONFIG.with_(rpn__anchors__per_image=10**6))
    images, target = _images((96, 96)), _target([[20.0, 20, 52, 52]])
    scored = rpn(_pyramid(96, 96))
    losses = rpn.loss(scored, images, [target])
    assert set(losses) == {"objectness", "box"} and losses["objectness"] > 0.3
    (sample,) = rpn.sample(scored, images, [target])
    assert len(sample.positives) > 0
    from relook.ops.boxes import encode

    perfect = type(scored)(
        scored.anchors,
        torch.full_like(scored.logits, -50.0).index_fill(1, sample.positives, 50.0),
        scored.deltas.index_copy(
            1,
            sample.positives,
            encode(scored.anchors[sample.positives], sample.gt_boxes, (1, 1, 1, 1))[None],
        ),
        scored.level_sizes,
        scored.anchors_per_level,
    )
    for loss in rpn.loss(perfect, images, [target]).values():
        assert loss < 1e-6


def test_images_without_objects_or_without_room_for_an_anchor_give_finite_losses() -> None:
    rpn = build_rpn(CONFIG)
    scored = rpn(_pyramid(96, 96, images=2))
    images = _images((96, 96), (1, 1))
    losses = rpn.loss(scored, images, [_target([]), _target([])])
    assert losses["objectness"] > 0 and losses["box"] == 0
    sum(losses.values(), torch.zeros(())).backward()
    assert rpn.conv.weight.grad is not None


def test_loss_counts_are_those_of_the_batch() -> None:
    """Two equal images give the loss of one: sums are divided by all drawn anchors."""
    rpn = build_rpn(CONFIG.with_(rpn__anchors__per_image=10**6))
    pyramid, target = _pyramid(96, 96), _target([[20.0, 20, 52, 52]])
    one = rpn.loss(rpn(pyramid), _images((96, 96)), [target])
    twice = [torch.cat([level, level]) for level in pyramid]
    two = rpn.loss(rpn(twice), _images((96, 96), (96, 96)), [target, target])
    for name in one:
        torch.testing.assert_close(one[name], two[name])
