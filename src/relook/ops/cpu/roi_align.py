"""RoIAlign on a CPU: every output is one weighted sum of rows of a channels-last map.

A RoI's samples along y and along x are independent, and neighbouring samples share pixels: the
weights of a bin are an outer product of a few weights per axis. Bins are summed for a few RoIs at a
time, with RoIs of one level and similar size together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from ...structures.detection import Rois
from .gather import as_table, gather, scatter

_CHUNK_BYTES = 2 << 20  # of output at a time


class _Axis(NamedTuple):
    """Cells that the bins of R RoIs average along one axis: m neighbouring cells each."""

    cells: Tensor  # (R, side, m) int32
    weights: Tensor  # (R, side, m), zero beyond `num_cells`
    num_cells: Tensor  # (R,) cells that some bin of the RoI averages


class _Chunk(NamedTuple):
    """RoIs that are pooled from one map at once."""

    level: int
    rows: Tensor  # (r,) int64
    terms: tuple[Tensor, Tensor, Tensor]  # rows, weights, starts for `gather`


def pool_gathered(
    maps: Sequence[Tensor],
    strides: Sequence[int],
    level: Tensor,
    rois: Rois,
    side: int,
    finer: int = 1,
) -> Tensor:
    """RoIAlign (R, C, side, side), channels last, of RoI r from the map ``level[r]``.

    A bin has one sample per cell that it covers. RoIs are cut into ``side * finer`` bins along
    each axis, of which `finer` by `finer` are averaged. With gradients it computes in float32.
    """
    if torch.is_grad_enabled() and any(m.requires_grad for m in maps):
        wide = [one.float() for one in maps]
        with torch.autocast("cpu", enabled=False):
            out: Tensor = _Pool.apply(tuple(strides), level, rois, side, finer, *wide)
        return out
    return _forward(maps, strides, level, rois, side, finer)


def _forward(
    maps: Sequence[Tensor],
    strides: Sequence[int],
    level: Tensor,
    rois: Rois,
    side: int,
    finer: int,
) -> Tensor:
    channels = maps[0].shape[1]
    tables = [as_table(m)[0] for m in maps]
    pooled = maps[0].new_empty(len(rois), side * side, channels)
    for chunk in _chunks(maps, strides, level, rois, side, finer):
        sums = gather(tables[chunk.level], *chunk.terms)
        pooled[chunk.rows] = sums.view(len(chunk.rows), -1, channels)
    return pooled.view(-1, side, side, channels).permute(0, 3, 1, 2)


class _Pool(Function):
    """`pool_gathered` with gradients for the maps."""

    @staticmethod
    def forward(
        ctx: Any,
        strides: tuple[int, ...],
        level: Tensor,
        rois: Rois,
        side: int,
        finer: int,
        *maps: Tensor,
    ) -> Tensor:
        ctx.settings = (strides, level, rois, side, finer)
        ctx.shapes = [m.shape for m in maps]
        return _forward(maps, strides, level, rois, side, finer)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        strides, level, rois, side, finer = ctx.settings
        like = [grad.new_empty(()).expand(shape) for shape in ctx.shapes]
        by_level: list[list[_Chunk]] = [[] for _ in like]
        for chunk in _chunks(like, strides, level, rois, side, finer):
            by_level[chunk.level].append(chunk)
        per_bin = grad.permute(0, 2, 3, 1).reshape(len(rois), side * side, -1)
        return (*[None] * 5, *map(_map_gradient, by_level, ctx.shapes, [per_bin] * len(like)))


def _map_gradient(chunks: Sequence[_Chunk], shape: torch.Size, per_bin: Tensor) -> Tensor:
    """Gradient of a map of `shape` (B, C, H, W), from that of the bins (R, side * side, C)."""
    batch, channels, height, width = shape
    if not chunks:
        return per_bin.new_zeros(shape)
    grads = torch.cat([per_bin[chunk.rows].flatten(0, 1) for chunk in chunks])
    rows, weights, sums, before = [], [], [], 0
    for chunk in chunks:
        of_chunk, its_weights, starts = chunk.terms
        rows.append(of_chunk)
        weights.append(its_weights)
        numbers = torch.arange(before, before + len(starts), dtype=torch.int32)
        sums.append(numbers.repeat_interleave(len(of_chunk) // len(starts)))
        before += len(starts)
    table = scatter(
        grads, torch.cat(rows), torch.cat(weights), torch.cat(sums), batch * height * width
    )
    return table.view(batch, height, width, channels).permute(0, 3, 1, 2)


def _chunks(
    maps: Sequence[Tensor],
    strides: Sequence[int],
    level: Tensor,
    rois: Rois,
    side: int,
    finer: int,
) -> Iterator[_Chunk]:
    """Yield all RoIs, a few of one level at a time."""
    step = max(1, _CHUNK_BYTES // (4 * side * side * maps[0].shape[1]))
    for index, (level_map, stride) in enumerate(zip(maps, strides, strict=True)):
        level_rows = (level == index).nonzero().flatten()
        if not len(level_rows):
            continue
        height, width = level_map.shape[2:]
        level_rois = rois[level_rows]
        scaled = level_rois.boxes * (1 / stride) - 0.5  # of the centre of the first cell
        x = _axis(scaled[:, 0], scaled[:, 2], side, finer, width)
        y = _axis(scaled[:, 1], scaled[:, 3], side, finer, height)
        first_row = level_rois.image_index.int() * (height * width)
        order = (x.num_cells * y.num_cells).argsort()
        for rows in order.split(step):
            terms = _terms(rows, first_row, y, x, width)
            yield _Chunk(index, level_rows[rows], terms)


def _terms(
    rows: Tensor, first_row: Tensor, y: _Axis, x: _Axis, width: int
) -> tuple[Tensor, Tensor, Tensor]:
    """The sums of some RoIs: their bins, row by row."""
    down, across = int(y.num_cells[rows].max()), int(x.num_cells[rows].max())
    lines = y.cells[rows, :, :down] * width + first_row[rows, None, None]
    cells = lines[:, :, None, :, None] + x.cells[rows, None, :, None, :across]
    weights = y.weights[rows, :, None, :down, None] * x.weights[rows, None, :, None, :across]
    starts = torch.arange(0, cells.numel(), down * across, dtype=torch.int32)
    return cells.flatten(), weights.flatten(), starts


def _axis(start: Tensor, end: Tensor, side: int, finer: int, extent: int) -> _Axis:
    """Cells that RoIs from `start` to `end` (R,) cover along an axis of `extent` cells."""
    bin_size = (end - start) / (side * finer)
    samples = bin_size.ceil().clamp(0, 2 * extent).int()  # a bin
    max_samples = max(int(samples.max()), 1)
    at = (torch.arange(max_samples) + 0.5) / samples.clamp(min=1)[:, None]  # (R, n) of a bin
    bins = torch.arange(side * finer)[:, None]
    place = start[:, None, None] + (bins + at[:, None]) * bin_size[:, None, None]  # (R, bins, n)
    inside = (place >= -1) & (place <= extent)
    inside &= (torch.arange(max_samples) < samples[:, None])[:, None]
    place = place.clamp(0, extent - 1).view(len(start), side, finer * max_samples)
    inside = inside.view_as(place)
    low = place.int()
    share = place - low
    weight = inside / (samples.clamp(min=1) * finer)[:, None, None]

    first = torch.where(inside, low, extent).amin(2, keepdim=True).clamp(max=extent - 1)
    ahead = (low - first).clamp(min=0)
    count = (torch.where(inside, ahead, 0).amax((1, 2)) + 2).clamp(max=extent)
    width = int(count.max())
    summed = place.new_zeros(*first.shape[:2], width + 1)
    summed.scatter_add_(2, ahead.clamp(max=width - 1).long(), weight * (1 - share))
    summed.scatter_add_(2, (ahead + 1).clamp(max=width).long(), weight * share)
    cells = (first + torch.arange(width)).clamp(max=extent - 1).int()
    return _Axis(cells, summed[:, :, :width], count.int())
