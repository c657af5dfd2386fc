"""Non-maximum suppression."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.ops import nms

from relook.ops import nms as suppression
from relook.ops.nms import suppress, suppress_classes


def _crowd(count: int, seed: int) -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    corner = torch.rand(count, 2, generator=generator) * 100
    size = torch.rand(count, 2, generator=generator) * 40 + 5
    scores = torch.rand(count, generator=generator)
    groups = torch.randint(0, 5, (count,), generator=generator)
    return torch.cat([corner, corner + size], dim=1), scores, groups


def _group_by_group(boxes: Tensor, scores: Tensor, groups: Tensor, iou: float) -> list[int]:
    kept = []
    for group in groups.unique():
        rows = (groups == group).nonzero().flatten()
        kept += rows[nms(boxes[rows], scores[rows], iou)].tolist()
    return sorted(kept, key=lambda row: -scores[row].item())


@pytest.mark.parametrize(("split_from", "apart"), [(10_000, False), (10, False), (10_000, True)])
def test_groups_do_not_touch_each_other(
    split_from: int, apart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One pass with shifted boxes, and group by group from `SPLIT_FROM` on, agree."""
    monkeypatch.setattr(suppression, "SPLIT_FROM", split_from)
    boxes, scores, groups = _crowd(200, seed=0)
    keep, kept_scores = suppress(boxes, scores, groups, 0.5, apart_from=1 if apart else None)
    assert keep.tolist() == _group_by_group(boxes, scores, groups, 0.5)
    assert torch.equal(kept_scores, scores[keep])


def test_nothing_in_nothing_out() -> None:
    keep, scores = suppress(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0).long(), 0.5)
    assert keep.shape == scores.shape == (0,)
    assert keep.dtype == torch.int64


def test_soft_nms_by_hand() -> None:
    """A box of IoU 0.5 loses half of its score; one below the least score is dropped."""
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 5], [50, 50, 60, 60], [80, 80, 90, 90]])
    scores, group = torch.tensor([0.75, 0.5, 0.375, 0.0005]), torch.zeros(4, dtype=torch.int64)
    keep, lowered = suppress(boxes, scores, group, 0.5, "soft_nms")
    assert keep.tolist() == [0, 2, 1] and lowered.tolist() == [0.75, 0.375, 0.25]
    keep, lowered = suppress(boxes[3:], scores[3:], group[3:], 0.5, "soft_nms")
    assert keep.tolist() == lowered.tolist() == []


def test_soft_nms_keeps_boxes_and_orders_lowered_scores() -> None:
    boxes, scores, groups = _crowd(60, seed=1)
    soft, soft_scores = suppress(boxes, scores, groups, 0.5, "soft_nms")
    hard, hard_scores = suppress(boxes, scores, groups, 0.5)
    assert set(hard.tolist()) <= set(soft.tolist())
    assert len(soft) > len(hard)
    assert (soft_scores.diff() <= 0).all()
    assert (soft_scores <= scores[soft]).all()
    assert torch.equal(soft_scores[0], hard_scores[0])


def test_candidates_need_more_than_the_threshold() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [50, 50, 60, 60]])
    scores = torch.tensor([[0.5, 0.2], [0.1, 0.9]])
    rows, best, labels = suppress_classes(boxes, scores, score_threshold=0.2, iou=0.5, limit=9)
    assert best.tolist() == pytest.approx([0.9, 0.5]) and labels.tolist() == [1, 0]
    assert rows.tolist() == [1, 0] and rows.dtype == torch.int64
    assert len(suppress_classes(boxes, scores, score_threshold=0.2, iou=0.5, limit=1)[0]) == 1
    nothing = suppress_classes(boxes, scores, score_threshold=0.95, iou=0.5, limit=9)
    assert [tuple(x.shape) for x in nothing] == [(0,), (0,), (0,)]


def test_rows_are_told_and_a_row_may_be_found_once_for_each_class() -> None:
    boxes = torch.tensor(
        [[10.0, 10, 60, 60], [12, 10, 60, 60], [100, 100, 150, 150], [11, 11, 61, 61]]
    )
    scores = torch.tensor([[0.6, 0.3], [0.7, 0.05], [0.2, 0.5], [0.0005, 0.0009]])
    rows, best, labels = suppress_classes(boxes, scores, score_threshold=0.001, iou=0.5, limit=9)
    assert rows.tolist() == [1, 2, 0, 2]
    assert labels.tolist() == [0, 1, 1, 0]
    assert best.tolist() == pytest.approx([0.7, 0.5, 0.3, 0.2])


def test_boxes_of_all_classes_suppress_each_other_if_asked() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [1, 0, 11, 10], [50, 50, 60, 60]])
    scores = torch.tensor([[0.9, 0.8], [0.7, 0.85], [0.1, 0.2]])
    options: dict[str, Any] = {"score_threshold": 0.05, "iou": 0.5, "limit": 9}
    assert len(suppress_classes(boxes, scores, **options)[0]) == 4
    rows, best, labels = suppress_classes(boxes, scores, **options, agnostic=True)
    assert (rows.tolist(), labels.tolist()) == ([0, 2], [0, 1])
    assert best.tolist() == pytest.approx([0.9, 0.2])
    rows, _, _ = suppress_classes(boxes, scores, **{**options, "limit": 2}, agnostic=True)
    assert rows.tolist() == [0, 2]  # twins take no place of the limit


@pytest.mark.parametrize("limit", [1, 7, 40, 1000])
def test_the_best_survivors_are_those_of_all_boxes(limit: int) -> None:
    generator = torch.Generator().manual_seed(limit)
    corner = torch.rand(300, 2, generator=generator) * 60
    boxes = torch.cat([corner, corner + 5 + torch.rand(300, 2, generator=generator) * 20], dim=1)
    scores = torch.randint(20, (300,), generator=generator) / 20  # many are equal
    groups = torch.randint(3, (300,), generator=generator)
    rows, values = suppress(boxes, scores, groups, 0.4)
    best, best_values = suppress(boxes, scores, groups, 0.4, limit=limit)
    assert min(limit, len(rows)) <= len(best) <= len(rows)
    assert torch.equal(best, rows[: len(best)])
    assert torch.equal(best_values, values[: len(best)])


def test_no_more_boxes_are_compared_than_the_limit_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    compared: list[int] = []

    def watched(boxes: Tensor, scores: Tensor, iou: float) -> Tensor:
        compared.append(len(boxes))
        return nms(boxes, scores, iou)

    monkeypatch.setattr(suppression, "nms", watched)
    corner = torch.arange(500.0)[:, None] * torch.tensor([10.0, 0.0])  # apart from each other
    boxes = torch.cat([corner, corner + 5], dim=1)
    rows, _ = suppress(boxes, torch.rand(500), torch.zeros(500, dtype=torch.int64), 0.5, limit=20)
    assert len(rows) == 40
    assert compared == [40]
