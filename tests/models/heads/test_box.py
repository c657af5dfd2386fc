"""The box head and its losses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from relook.layers.conv_norm import ConvNorm
from relook.models.heads.box import BoxHead, box_loss
from relook.ops.boxes import encode
from relook.structures.detection import Matched

STD = (0.1, 0.1, 0.2, 0.2)


def test_box_losses_are_sums_over_the_number_of_rois(matched: Callable[..., Matched]) -> None:
    rows = matched(2, 3)
    logits, deltas = torch.randn(5, 4), torch.randn(5, 4)
    losses = box_loss(logits, deltas, rows, STD)
    torch.testing.assert_close(losses["class"], F.cross_entropy(logits, rows.labels))
    goal = encode(rows.rois.boxes[:2], rows.gt_boxes[:2], STD)
    torch.testing.assert_close(
        losses["box"], F.smooth_l1_loss(deltas[:2], goal, reduction="sum") / 5
    )


@pytest.mark.parametrize("num_background", [3, 0])
def test_without_positives_the_losses_are_finite_and_keep_the_graph(
    matched: Callable[..., Matched], num_background: int
) -> None:
    head = BoxHead(4, num_classes=3, hidden=8)
    logits, deltas = head(torch.randn(num_background, 4, 7, 7))
    losses = box_loss(logits, deltas, matched(0, num_background), STD)
    assert losses["box"] == 0
    (losses["box"] + losses["class"]).backward()
    assert all(p.grad is not None for p in head.parameters())


@pytest.mark.parametrize("side", [7, 14])
def test_features_of_a_mask_head_join_through_a_projection(side: int) -> None:
    torch.manual_seed(0)
    fuse = ConvNorm(6, 4).eval()
    head = BoxHead(4, num_classes=3, hidden=8, fuse=fuse)
    pooled, shown = torch.randn(2, 4, 7, 7), torch.randn(2, 6, side, side)
    projected = fuse(shown).relu()
    cells = projected.view(2, 4, 7, side // 7, 7, side // 7).mean((3, 5))
    logits, deltas = head(pooled, shown)
    by_hand, moves = head(pooled + cells)
    torch.testing.assert_close(logits, by_hand)
    torch.testing.assert_close(deltas, moves)
    assert not torch.allclose(logits, head(pooled)[0])


def test_a_head_without_a_projection_is_blind_to_what_it_is_shown() -> None:
    head = BoxHead(4, num_classes=3, hidden=8)
    pooled = torch.randn(2, 4, 7, 7)
    assert torch.equal(head(pooled, torch.randn(2, 6, 7, 7))[0], head(pooled)[0])
    assert not [key for key in head.state_dict() if key.startswith("fuse")]
