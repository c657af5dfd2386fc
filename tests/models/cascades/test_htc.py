"""The cascade's bookkeeping; its numbers are checked against the reference in tests/parity."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from relook.models.cascades.htc import HybridTaskCascade
from relook.ops.masks import crop_masks
from relook.structures.detection import ImageBatch, Pyramid, Rois, Target
from relook.structures.rules.cascade import SelectRule

from ...narrow_models import detector_of, narrow_config

SIZE = (64, 96)
IMAGES = ImageBatch(torch.zeros(1, 3, *SIZE), (SIZE,), (SIZE,), ((32, 48),), ((2.0, 2.0),))


def _cascade(name: str = "htc-tiny", **changes: Any) -> HybridTaskCascade:
    cascade = detector_of(narrow_config(name, **changes)).cascade
    assert isinstance(cascade, HybridTaskCascade)
    return cascade


def _pyramid() -> Pyramid:
    torch.manual_seed(1)
    return [torch.randn(1, 16, SIZE[0] // s, SIZE[1] // s) for s in (4, 8, 16, 32, 64)]


def _context() -> Tensor:
    torch.manual_seed(2)
    return torch.randn(1, 16, SIZE[0] // 8, SIZE[1] // 8)


def _proposals() -> Rois:
    return Rois.cat([torch.tensor([[4.0, 4, 40, 40], [50, 10, 90, 50], [30, 20, 60, 60]])])


def _target() -> Target:
    masks = torch.zeros(1, *SIZE, dtype=torch.bool)
    masks[0, 6:38, 6:38] = True
    return Target(torch.tensor([[6.0, 6, 38, 38]]), torch.zeros(1).long(), crop_masks(masks))


def test_losses_carry_their_stages_weight() -> None:
    cascade = _cascade()
    losses = cascade.loss(_pyramid(), _context(), _proposals(), IMAGES, [_target()])
    assert list(losses) == [f"stage{i}.{n}" for i in range(3) for n in ("class", "box", "mask")]
    first, *_ = cascade.rules
    cascade.rules = (type(first)(first.iou, first.std, 10.0), *cascade.rules[1:])
    tenfold = cascade.loss(_pyramid(), _context(), _proposals(), IMAGES, [_target()])
    torch.testing.assert_close(tenfold["stage0.mask"], 10 * losses["stage0.mask"])
    torch.testing.assert_close(tenfold["stage1.mask"], losses["stage1.mask"])


@pytest.mark.parametrize("name", ["cascade-r50", "cascade-mask-r50", "mask-rcnn-r18"])
def test_plain_cascades_have_the_losses_they_should(name: str) -> None:
    cascade = _cascade(name)
    losses = cascade.loss(_pyramid(), None, _proposals(), IMAGES, [_target()])
    assert any("mask" in key for key in losses) == cascade.masks == ("mask" in name)
    assert len(cascade.rules) == (1 if name == "mask-rcnn-r18" else 3)


def test_objects_boxes_are_not_refined_into_the_next_stage(monkeypatch: Any) -> None:
    cascade = _cascade()
    seen: list[int] = []
    draw = cascade._draw

    def listening(rois: Rois, targets: Any, rule: Any) -> Any:
        seen.append(len(rois))
        return draw(rois, targets, rule)

    monkeypatch.setattr(cascade, "_draw", listening)
    cascade.loss(_pyramid(), _context(), _proposals(), IMAGES, [_target()])
    assert seen == [3] * 6  # twice a stage, never more than there were proposals


def _without_moves(cascade: HybridTaskCascade) -> HybridTaskCascade:
    """`cascade`, whose boxes stay where they are."""
    for head in cascade.box_heads:
        torch.nn.init.zeros_(head.regress.weight)
        torch.nn.init.zeros_(head.regress.bias)
    return cascade


def test_proposals_and_no_objects_boxes_go_on_to_the_next_stage(monkeypatch: Any) -> None:
    cascade, seen = _without_moves(_cascade()), list[list[list[float]]]()
    draw = cascade._draw

    def listening(rois: Rois, targets: Any, rule: Any) -> Any:
        seen.append(sorted(rois.boxes.tolist()))
        return draw(rois, targets, rule)

    monkeypatch.setattr(cascade, "_draw", listening)
    cascade.loss(_pyramid(), _context(), _proposals(), IMAGES, [_target()])
    assert len(seen) == 6
    for boxes in seen:
        assert boxes == [pytest.approx(row) for row in sorted(_proposals().boxes.tolist())]


@torch.no_grad()
def test_logits_are_averaged_over_the_stages() -> None:
    cascade = _without_moves(_cascade())
    each = [cascade._box(i, _pyramid(), _context(), _proposals())[0] for i in range(3)]
    boxes, scores = cascade.score(_pyramid(), _context(), _proposals(), IMAGES)
    expected = torch.stack(each).mean(0).softmax(-1)[:, : cascade.num_classes]
    torch.testing.assert_close(scores, expected)
    torch.testing.assert_close(boxes, _proposals().boxes)


def test_box_coordinates_pass_no_gradient_between_stages() -> None:
    cascade = _cascade()
    losses = cascade.loss(_pyramid(), _context(), _proposals(), IMAGES, [_target()])
    losses["stage2.class"].backward()
    assert all(p.grad is None for p in cascade.box_heads[0].parameters())


@pytest.mark.parametrize("flow", [True, False])
def test_the_mask_flow_connects_the_heads(flow: bool) -> None:
    cascade = _cascade(cascade__hybrid__mask_flow=flow)
    losses = cascade.loss(_pyramid(), _context(), _proposals(), IMAGES, [_target()])
    losses["stage2.mask"].backward()
    first = [p.grad is not None for p in cascade.mask_heads[0].convs.parameters()]
    assert all(first) if flow else not any(first)


@pytest.mark.parametrize("fuse", ["boxes", "masks"])
def test_each_fusion_of_the_context_can_be_switched_off(fuse: str) -> None:
    cascade = _cascade(**{f"semantic__fuse__{fuse}": False})
    context = _context().requires_grad_()
    losses = cascade.loss(_pyramid(), context, _proposals(), IMAGES, [_target()])
    blind = "mask" if fuse == "masks" else "class"
    seeing = "class" if fuse == "masks" else "mask"
    (grad,) = torch.autograd.grad(
        losses[f"stage0.{blind}"], context, allow_unused=True, retain_graph=True
    )
    assert grad is None
    (grad,) = torch.autograd.grad(losses[f"stage0.{seeing}"], context)
    assert grad.any()


@torch.no_grad()
def test_detections_are_in_pixels_of_the_original_image() -> None:
    cascade = _cascade()
    two = SelectRule(score_threshold=0.0, max_detections=2)
    (found,) = cascade.detect(_pyramid(), _context(), _proposals(), IMAGES, two)
    assert len(found) == 2 and found.size == (32, 48)
    assert (found.boxes[:, 2] <= 48).all() and (found.boxes[:, 3] <= 32).all()
    assert (found.scores.diff() <= 0).all() and found.mask_probabilities is not None
    other = replace(two, suppress_in="network")
    (same,) = cascade.detect(_pyramid(), _context(), _proposals(), IMAGES, other)
    torch.testing.assert_close(same.boxes, found.boxes)


@torch.no_grad()
def test_masks_are_the_mean_of_the_stages_or_the_last() -> None:
    cascade = _cascade()
    rois, labels = _proposals(), torch.zeros(3).long()
    each = [cascade._masks(i, _pyramid(), _context(), rois)[:, 0].sigmoid() for i in range(3)]
    mean = cascade.mask_probabilities(_pyramid(), _context(), rois, labels, IMAGES)
    torch.testing.assert_close(mean, torch.stack(each).mean(0))
    cascade.hybrid = replace(cascade.hybrid, mask_average="last")
    last = cascade.mask_probabilities(_pyramid(), _context(), rois, labels, IMAGES)
    torch.testing.assert_close(last, each[-1])


@torch.no_grad()
def test_without_proposals_there_are_no_detections() -> None:
    nothing = Rois.cat([torch.zeros(0, 4)])
    (found,) = _cascade().detect(
        _pyramid(), _context(), nothing, IMAGES, SelectRule(score_threshold=0.0)
    )
    assert found.boxes.shape == (0, 4) and found.mask_probabilities is not None
    assert found.mask_probabilities.shape == (0, 28, 28)
