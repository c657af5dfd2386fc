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
    """Cells that the bins of R RoIs average along one axis: m neighbouring cells each.

    RoIs come last, so that operations are as long as there are many of them.
    """

    cells: Tensor  # (side, m, R) int32
    weights: Tensor  # (side, m, R), zero beyond `num_cells`
    num_cells: Tensor  # (R,) cells that some bin of the RoI averages

    def of(self, part: slice) -> _Axis:
        """The same of some RoIs, without the cells beyond `num_cells` of all of them."""
        num_cells = self.num_cells[part]
        most = int(num_cells.max())
        return _Axis(self.cells[:, :most, part], self.weights[:, :most, part], num_cells)


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
        pooled.index_copy_(0, chunk.rows, sums.view(len(chunk.rows), -1, channels))
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
    """Yield all RoIs, a few of one level and of similar size at a time."""
    step = max(1, _CHUNK_BYTES // (4 * side * side * maps[0].shape[1]))
    sizes = torch.tensor([one.shape[2:] for one in maps], dtype=torch.int32)  # (L, 2) H, W
    scaled = rois.boxes * (1 / torch.tensor(strides, dtype=torch.float32))[level, None]
    span = (scaled[:, 2:] - scaled[:, :2]) / (side * finer)
    across, down = span.ceil().nan_to_num(0).clamp(0, 1000).unbind(1)  # cells of a bin, about
    order = (level * 2.0**21 + down * 2.0**10 + across).argsort()
    level, scaled = level[order], scaled[order] - 0.5  # of the centre of the first cell
    extent = sizes[level]
    x = _axis(scaled[:, 0], scaled[:, 2], side, finer, extent[:, 1])
    y = _axis(scaled[:, 1], scaled[:, 3], side, finer, extent[:, 0])
    first_row = rois.image_index[order].int() * sizes.prod(dim=1, dtype=torch.int32)[level]
    begin = 0
    for index, count in enumerate(torch.bincount(level, minlength=len(maps)).tolist()):
        end, width = begin + count, maps[index].shape[3]
        for start in range(begin, end, step):
            part = slice(start, min(start + step, end))
            yield _Chunk(index, order[part], _terms(first_row[part], y.of(part), x.of(part), width))
        begin = end


def _terms(first_row: Tensor, y: _Axis, x: _Axis, width: int) -> tuple[Tensor, Tensor, Tensor]:
    """The sums of some RoIs, whose images begin at `first_row`: their bins, row by row."""
    lines = y.cells * width + first_row
    cells = lines[:, None, :, None] + x.cells[None, :, None]  # (side, side, down, across, r)
    weights = y.weights[:, None, :, None] * x.weights[None, :, None]
    num_terms = cells.shape[2] * cells.shape[3]
    cells, weights = (one.flatten(0, 3).T.flatten() for one in (cells, weights))
    return cells, weights, torch.arange(0, len(cells), num_terms, dtype=torch.int32)


def _axis(start: Tensor, end: Tensor, side: int, finer: int, extent: Tensor) -> _Axis:
    """Cells that RoIs from `start` to `end` (R,) cover along an axis of `extent` (R,) cells."""
    bin_size = (end - start) / (side * finer)
    samples = torch.minimum(bin_size.ceil().clamp(min=0), 2 * extent).int()  # a bin
    max_samples = max(int(samples.max()), 1)
    number = torch.arange(max_samples)[:, None]
    at = (number + 0.5) / samples.clamp(min=1)  # (n, R) of a bin
    bins = torch.arange(side * finer)[:, None, None]
    place = start + (bins + at) * bin_size  # (bins, n, R)
    inside = (place >= -1) & (place <= extent) & (number < samples)
    place = torch.minimum(place.clamp_(min=0), extent - 1)
    place = place.view(side, finer * max_samples, len(start))
    inside = inside.view_as(place)
    low = place.int()
    share = place - low
    weight = inside / (samples.clamp(min=1) * finer)

    first = torch.minimum(torch.where(inside, low, extent).amin(1, keepdim=True), extent - 1)
    ahead = (low - first).clamp_(min=0)
    count = torch.minimum(torch.where(inside, ahead, 0).amax((0, 1)) + 2, extent)
    width = int(count.max())
    summed = place.new_zeros(side, width + 1, len(start))
    summed.scatter_add_(1, ahead.clamp(max=width - 1).long(), weight * (1 - share))
    summed.scatter_add_(1, (ahead + 1).clamp_(max=width).long(), weight * share)
    cells = torch.minimum(first + torch.arange(width, dtype=torch.int32)[:, None], extent - 1)
    return _Axis(cells, summed[:, :width], count)
