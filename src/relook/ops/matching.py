"""Assignment of boxes to objects, and sampling of the boxes of a loss."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from .boxes import pairwise_iou

Assigner = Callable[[Tensor, Tensor, float, float, float | None], Tensor]
"""A function with the signature of `assign`."""
Sampler = Callable[[Tensor, int, float, int | None], tuple[Tensor, Tensor]]
"""A function with the signature of `draw`."""
BACKGROUND = -1  # the box has no object
IGNORED = -2  # too much overlap for background, too little for an object


def assign(
    boxes: Tensor,
    gt_boxes: Tensor,
    positive_iou: float,
    negative_iou: float,
    low_quality_iou: float | None = None,
) -> Tensor:
    """Row of `gt_boxes` (G, 4) that each box of `boxes` (N, 4) belongs to, (N,) int64.

    A box belongs to the object it overlaps most, if their IoU reaches `positive_iou`; it is
    `BACKGROUND` below `negative_iou` and `IGNORED` in between. With `low_quality_iou`, every
    object whose best IoU reaches that value also gets all boxes that have exactly its best IoU,
    also boxes of other objects; of two such objects the later one gets the box.
    """
    index = boxes.new_full((len(boxes),), BACKGROUND, dtype=torch.int64)
    if len(gt_boxes) == 0 or len(boxes) == 0:
        return index
    iou = pairwise_iou(gt_boxes, boxes)  # (G, N)
    best_iou, best = iou.max(dim=0)
    index = torch.where(best_iou >= negative_iou, index.new_full((), IGNORED), index)
    index = torch.where(best_iou >= positive_iou, best, index)
    if low_quality_iou is not None:
        own_best = iou.max(dim=1, keepdim=True).values  # (G, 1)
        claimed = (iou == own_best) & (own_best >= low_quality_iou)
        order = torch.arange(len(gt_boxes), device=boxes.device)[:, None]
        last_claim = torch.where(claimed, order, order.new_full((), -1)).max(dim=0).values
        index = torch.where(last_claim >= 0, last_claim, index)
    return index


def draw(
    index: Tensor, quota: int, positive_fraction: float, seed: int | None = None
) -> tuple[Tensor, Tensor]:
    """Rows of a random sample: (positive rows, background rows), each int64 and ascending.

    `index` (N,) is the result of `assign`. At most ``quota * positive_fraction`` positives are
    drawn, and the rest of `quota` are background rows; ignored rows are never drawn.
    The same `seed` draws the same rows; without one they come from torch's own generator.
    """
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    max_positives = int(quota * positive_fraction)
    positives = _choose((index >= 0).nonzero().flatten(), max_positives, generator)
    background = (index == BACKGROUND).nonzero().flatten()
    return positives, _choose(background, quota - len(positives), generator)


def _choose(rows: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    if len(rows) <= count:
        return rows
    # Drawn on the CPU, so that a seed gives the same rows on every device.
    chosen = torch.randperm(len(rows), generator=generator)[:count].to(rows.device)
    return rows[chosen].sort().values
