"""The mask head and its loss."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from relook.models.heads.mask import MaskHead, mask_loss, own_class
from relook.ops.masks import crop_masks
from relook.structures.detection import Matched, Target


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


def test_carried_features_may_be_of_another_side() -> None:
    carry = torch.nn.Conv2d(6, 4, 1)
    head = MaskHead(4, 6, num_classes=3, carry=carry)
    pooled, carried = torch.randn(2, 4, 14, 14), torch.randn(2, 6, 7, 7)
    repeated = carried.repeat_interleave(2, 2).repeat_interleave(2, 3)
    found = head.features(pooled, carried)
    torch.testing.assert_close(found, head.features(pooled, repeated))


def test_own_class_picks_each_rows_channel() -> None:
    logits = torch.arange(12.0).view(3, 4, 1, 1)
    assert own_class(logits, torch.tensor([1, 0, 3])).flatten().tolist() == [1.0, 4.0, 11.0]


def test_the_mask_loss_looks_at_the_right_object_of_the_right_image(
    matched: Callable[..., Matched],
) -> None:
    left = torch.zeros(1, 32, 32, dtype=torch.bool)
    left[:, :, :16] = True
    targets = [
        Target(torch.zeros(1, 4), torch.zeros(1).long(), crop_masks(m)) for m in (~left, left)
    ]
    positives = matched(1, 0, image=1)
    logits = torch.full((1, 3, 28, 28), -50.0)
    logits[:, 1, :, :14] = 50.0  # the RoI is 8..24: its left half lies on the object
    assert mask_loss(logits, positives, targets) < 1e-3
    assert mask_loss(logits, matched(1, 0, image=0), targets) > 40


def test_no_positives_cost_nothing_and_missing_masks_are_an_error(
    matched: Callable[..., Matched],
) -> None:
    head = MaskHead(4, 4, num_classes=3)
    loss = mask_loss(head.predict(head.features(torch.zeros(0, 4, 14, 14))), matched(0, 0), [])
    loss.backward()
    assert loss == 0 and head.logits.weight.grad is not None
    without = [Target(torch.zeros(1, 4), torch.zeros(1).long())]
    with pytest.raises(ValueError, match="boxes only"):
        mask_loss(torch.zeros(1, 3, 28, 28), matched(1, 0), without)
