"""Weighted sums of rows of a table: the one operation behind sampling maps on a CPU.

A map stored channels last is a table with a row for each pixel. Bilinear samples, RoI bins and
the columns of a deformable convolution are all weighted sums of a few of its rows, and PyTorch's
embedding bag computes such sums vectorised over the channels and in parallel over the sums.

A set of Q sums is given by `rows` (E,) int32 and `weights` (E,), the terms of all sums one after
the other, and `starts` (Q,) int32, the first term of each.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def as_table(x: Tensor, margin: int = 0) -> tuple[Tensor, int, int]:
    """A map (B, C, H, W) as rows (B * H' * W', C), and H', W', which have a `margin` of zeros on
    each side."""
    pixels = x.permute(0, 2, 3, 1)
    if margin:
        pixels = F.pad(pixels, (0, 0, margin, margin, margin, margin))
    return pixels.reshape(-1, pixels.shape[-1]), pixels.shape[1], pixels.shape[2]


def gather(table: Tensor, rows: Tensor, weights: Tensor, starts: Tensor) -> Tensor:
    """Sums (Q, C) of rows of `table` (N, C), in its type; without gradients."""
    weights = weights.to(table.dtype)
    sums: Tensor = torch.embedding_bag(table, rows, starts, False, 0, False, weights)[0]
    return sums


def scatter(grad: Tensor, rows: Tensor, weights: Tensor, sum_of: Tensor, num_rows: int) -> Tensor:
    """Gradient (N, C) of the table, from `grad` (Q, C) of the sums.

    `sum_of` (E,) is the sum that each term belongs to. Sorted by row, the terms are sums again,
    this time of rows of `grad`: nothing is added at random places, so cores do not collide.
    """
    row, order = rows.sort()
    starts = torch.searchsorted(row, torch.arange(num_rows, dtype=row.dtype), out_int32=True)
    return gather(grad, sum_of[order], weights[order], starts)


def dots(grad: Tensor, table: Tensor, rows: Tensor, starts: Tensor, sum_of: Tensor) -> Tensor:
    """Gradient (E,) of the weights: of each term, the product of its row and its sum's `grad`."""
    backward = torch.ops.aten._embedding_bag_per_sample_weights_backward  # noqa: SLF001
    products: Tensor = backward(grad, table, rows, starts, sum_of, 0)
    return products
