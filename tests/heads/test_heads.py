"""Heads and their losses."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from relook.heads.box import BoxHead, box_loss
from relook.heads.mask import MaskHead, mask_loss, own_class
from relook.heads.semantic import SemanticHead, semantic_loss
from relook.ops.boxes import encode
from relook.ops.masks import crop_masks
from relook.types import IGNORE, Matched, Rois, Target

STD = (0.1, 0.1, 0.2, 0.2)


def _matched(num_positive: int, num_background: int, image: int = 0) -> Matched:
    total = num_positive + num_background
    boxes = torch.tensor([[8.0, 8, 24, 24]]).repeat(total, 1)
    is_positive = torch.arange(total) < num_positive
    return Matched(
        Rois(boxes, torch.full((total,), image)),
        torch.where(is_positive, 1, 3),
        torch.where(is_positive[:, None], boxes + 2, torch.zeros(())),
        torch.where(is_positive, 0, -1),
        torch.zeros(total, dtype=torch.bool),
    )


def _target(masks: Tensor, semantic: Tensor | None = None) -> Target:
    return Target(
        torch.zeros(len(masks), 4), torch.zeros(len(masks)).long(), crop_masks(masks), semantic
    )


def test_box_losses_are_sums_over_the_number_of_rois() -> None:
    matched = _matched(2, 3)
    logits, deltas = torch.randn(5, 4), torch.randn(5, 4)
    losses = box_loss(logits, deltas, matched, STD)
    torch.testing.assert_close(losses["class"], F.cross_entropy(logits, matched.labels))
    goal = encode(matched.rois.boxes[:2], matched.gt_boxes[:2], STD)
    torch.testing.assert_close(
        losses["box"], F.smooth_l1_loss(deltas[:2], goal, reduction="sum") / 5
    )


@pytest.mark.parametrize("matched", [_matched(0, 3), _matched(0, 0)], ids=["negative", "none"])
def test_without_positives_the_losses_are_finite_and_keep_the_graph(matched: Matched) -> None:
    head = BoxHead(4, num_classes=3, hidden=8)
    logits, deltas = head(torch.randn(len(matched.rois), 4, 7, 7))
    losses = box_loss(logits, deltas, matched, STD)
    assert losses["box"] == 0
    (losses["box"] + losses["class"]).backward()
    assert all(p.grad is not None for p in head.parameters())


def test_mask_heads_add_what_is_carried_and_double_the_side() -> None:
    carry = torch.nn.Conv2d(6, 4, 1)
    head = MaskHead(4, 6, num_classes=3, carry=carry)
    pooled, carried = torch.randn(2, 4, 14, 14), torch.randn(2, 6, 14, 14)
    features = head.features(pooled, carried)
    assert features.shape == (2, 6, 14, 14)
    assert head.predict(features).shape == (2, 3, 28, 28)
    by_hand = head.features(pooled + carry(carried).relu())
    torch.testing.assert_close(features, by_hand)
    assert not torch.equal(features, head.features(pooled))


def test_own_class_picks_each_rows_channel() -> None:
    logits = torch.arange(12.0).view(3, 4, 1, 1)
    assert own_class(logits, torch.tensor([1, 0, 3])).flatten().tolist() == [1.0, 4.0, 11.0]


def test_the_mask_loss_looks_at_the_right_object_of_the_right_image() -> None:
    left = torch.zeros(1, 32, 32, dtype=torch.bool)
    left[:, :, :16] = True
    targets = [_target(~left), _target(left)]
    positives = _matched(1, 0, image=1)
    logits = torch.full((1, 3, 28, 28), -50.0)
    logits[:, 1, :, :14] = 50.0  # the RoI is 8..24: its left half lies on the object
    assert mask_loss(logits, positives, targets) < 1e-3
    assert mask_loss(logits, _matched(1, 0, image=0), targets) > 40


def test_no_positives_cost_nothing_and_missing_masks_are_an_error() -> None:
    head = MaskHead(4, 4, num_classes=3)
    loss = mask_loss(head.predict(head.features(torch.zeros(0, 4, 14, 14))), _matched(0, 0), [])
    loss.backward()
    assert loss == 0 and head.logits.weight.grad is not None
    without = [Target(torch.zeros(1, 4), torch.zeros(1).long())]
    with pytest.raises(ValueError, match="boxes only"):
        mask_loss(torch.zeros(1, 3, 28, 28), _matched(1, 0), without)


def _logits_and_map() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    semantic = torch.randint(0, 3, (40, 56), dtype=torch.uint8)
    semantic[:8] = IGNORE
    return torch.randn(1, 3, 8, 8), semantic


def test_the_semantic_loss_reads_every_eighth_pixel_and_ignores_the_rest() -> None:
    logits, semantic = _logits_and_map()
    target = _target(torch.zeros(0, 40, 56, dtype=torch.bool), semantic)
    seen = torch.full((1, 8, 8), IGNORE)
    seen[0, :5, :7] = semantic[::8, ::8].long()
    expected = F.cross_entropy(logits, seen, ignore_index=IGNORE)
    torch.testing.assert_close(semantic_loss(logits, [target], "valid"), expected)
    over_all = semantic_loss(logits, [target], "all")
    torch.testing.assert_close(over_all, expected * (seen != IGNORE).sum() / 64)


def test_without_labels_the_semantic_loss_is_zero() -> None:
    logits, _ = _logits_and_map()
    nothing = Target(torch.zeros(0, 4), torch.zeros(0).long())
    assert semantic_loss(logits.requires_grad_(), [nothing], "valid") == 0


def test_the_semantic_head_sees_every_level() -> None:
    head = SemanticHead(8, num_classes=5)
    pyramid = [torch.randn(1, 8, 96 // s, 128 // s).requires_grad_() for s in (4, 8, 16, 32)]
    pyramid.append(pyramid[3][..., ::2, ::2])
    logits, feature = head(pyramid)
    assert logits.shape == (1, 5, 12, 16) and feature.shape == (1, 8, 12, 16)
    logits.square().sum().backward()
    assert all(level.grad is not None and level.grad.any() for level in pyramid[:4])
