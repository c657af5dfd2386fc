"""The box head and its losses."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F

from relook.heads.box import BoxHead, box_loss
from relook.ops.boxes import encode
from relook.types import Matched

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
