"""The semantic branch and its loss."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from relook.models.heads.semantic import SemanticHead, semantic_loss
from relook.structures.detection import IGNORE, Target
from relook.structures.rules.pixels import SemanticRule


def _logits_and_map() -> tuple[Tensor, Tensor]:
    torch.manual_seed(0)
    semantic = torch.randint(0, 3, (40, 56), dtype=torch.uint8)
    semantic[:8] = IGNORE
    return torch.randn(1, 3, 8, 8), semantic


def test_the_semantic_loss_reads_every_eighth_pixel_and_ignores_the_rest() -> None:
    logits, semantic = _logits_and_map()
    target = Target(torch.zeros(0, 4), torch.zeros(0).long(), semantic=semantic)
    seen = torch.full((1, 8, 8), IGNORE)
    seen[0, :5, :7] = semantic[::8, ::8].long()
    expected = F.cross_entropy(logits, seen, ignore_index=IGNORE)
    torch.testing.assert_close(semantic_loss(logits, [target], "valid"), expected)
    over_all = semantic_loss(logits, [target], "all")
    torch.testing.assert_close(over_all, expected * (seen != IGNORE).sum() / 64)


def test_what_lies_beside_an_image_can_be_a_class() -> None:
    logits, semantic = _logits_and_map()
    target = Target(torch.zeros(0, 4), torch.zeros(0).long(), semantic=semantic)
    seen = torch.full((1, 8, 8), 2)
    seen[0, :5, :7] = semantic[::8, ::8].long()
    expected = F.cross_entropy(logits, seen, ignore_index=IGNORE)
    found = semantic_loss(logits, [target], "valid", padding_label=2)
    torch.testing.assert_close(found, expected)
    assert not torch.isclose(found, semantic_loss(logits, [target], "valid"))
    without = Target(torch.zeros(0, 4), torch.zeros(0).long())
    assert semantic_loss(logits, [without], "valid", padding_label=2) == 0


def test_without_labels_the_semantic_loss_is_zero() -> None:
    logits, _ = _logits_and_map()
    nothing = Target(torch.zeros(0, 4), torch.zeros(0).long())
    assert semantic_loss(logits.requires_grad_(), [nothing], "valid") == 0


def test_the_semantic_head_sees_every_level() -> None:
    head = SemanticHead(8, SemanticRule(num_classes=5))
    pyramid = [torch.randn(1, 8, 96 // s, 128 // s).requires_grad_() for s in (4, 8, 16, 32)]
    pyramid.append(pyramid[3][..., ::2, ::2])
    logits, feature = head(pyramid)
    assert logits.shape == (1, 5, 12, 16) and feature.shape == (1, 8, 12, 16)
    logits.square().sum().backward()
    assert all(level.grad is not None and level.grad.any() for level in pyramid[:4])
