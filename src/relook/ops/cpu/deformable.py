"""Deformable convolution on a CPU: columns gathered from a channels-last map, and one product.

torchvision's operator takes several times as long as a plain convolution. Here the columns of a
few hundred pixels at a time, which stay in the cache, are gathered and multiplied by the kernel.
Branches mixed by a gate per pixel share the product: the gate scales the columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from .gather import as_table, dots, gather, scatter
from .matmul import product

Pair = tuple[int, int]

_MARGIN = 2  # of zeros around the map; samples further out are moved to its edge
_FORWARD_BYTES, _BACKWARD_BYTES = 4 << 20, 12 << 20  # of columns at a time
_SAMPLED_PIXELS = 2048  # whose samples are computed at a time and core, and stay in its cache


class Geometry(NamedTuple):
    """Constants of a sampling pattern, which do not depend on tensors."""

    batch: int
    size: Pair  # (H, W) of the map
    out_size: Pair
    stride: Pair
    taps: tuple[Pair, ...]  # (y, x) of the T samples of all branches, relative to the pixel
    branches: int

    @classmethod
    def between(
        cls, x: Tensor, offsets: Tensor, stride: Pair, taps: Sequence[Pair], branches: int
    ) -> Geometry:
        """The geometry of a map (B, C, H, W) and its offsets (B, 2 T, H', W')."""
        height, width = x.shape[2:]
        out_height, out_width = offsets.shape[2:]
        size, out_size = (height, width), (out_height, out_width)
        return cls(len(x), size, out_size, stride, tuple(taps), branches)

    @property
    def pixels(self) -> int:
        """Output pixels P of the batch."""
        return self.batch * self.out_size[0] * self.out_size[1]


class _Plan(NamedTuple):
    """Constants of the samples of all pixels: the place of each pixel in map and table."""

    place: Tensor  # (2, P) float: y and x
    taps: Tensor  # (T, 2, 1) float: y and x
    base: Tensor  # (P,) int32: row of the table of the corner of the pixel's image
    columns: int  # of the table
    last: int  # the last row that has all four neighbours

    @classmethod
    def of(cls, geometry: Geometry) -> _Plan:
        """The plan of maps that have a margin."""
        (height, width), batch = geometry.out_size, geometry.batch
        rows, columns = (side + 2 * _MARGIN for side in geometry.size)
        y = torch.arange(height, dtype=torch.float32)[:, None] * geometry.stride[0]
        x = torch.arange(width, dtype=torch.float32) * geometry.stride[1]
        both = torch.stack([y.expand(height, width), x.expand(height, width)])
        image = torch.arange(batch, dtype=torch.int32) * (rows * columns)
        corner = image + _MARGIN * (columns + 1)
        return cls(
            both.flatten(1).repeat(1, batch),
            torch.tensor(geometry.taps, dtype=torch.float32)[:, :, None],
            corner.repeat_interleave(height * width),
            columns,
            batch * rows * columns - columns - 2,
        )


class _Samples(NamedTuple):
    """T samples for each of p output pixels, each between four rows of the table.

    The pixels come last, where all of them are computed at once; rows and weights are in the order
    of the sums.
    """

    rows: Tensor  # (p, 4 T) int32
    weights: Tensor  # (p, 4 T): the bilinear ones, scaled by the gate where there is one
    fraction: Tensor  # (T, 2, p) of the way to the next pixel, y and x
    bilinear: Tensor  # (T, 4, p)
    gates: Tensor | None  # (branches, p)

    def terms(self, tile: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Rows, weights and starts of the sums of some pixels, for `gather`."""
        rows = self.rows[tile].flatten()
        return rows, self.weights[tile].flatten(), torch.arange(0, len(rows), 4, dtype=torch.int32)


def window_taps(window: Pair, padding: Pair, dilation: Pair) -> list[Pair]:
    """Offsets (y, x) of the samples of a convolution with a `window` (height, width)."""
    return [
        (y * dilation[0] - padding[0], x * dilation[1] - padding[1])
        for y in range(window[0])
        for x in range(window[1])
    ]


def tap_major(weight: Tensor) -> Tensor:
    """Kernel (C_out, k k, C / groups) of a weight (C_out, C / groups, k, k)."""
    return weight.flatten(2).transpose(1, 2)


def sampled_product(
    x: Tensor, offsets: Tensor, kernel: Tensor, gates: Tensor | None, geometry: Geometry
) -> Tensor:
    """The mix of all branches (B, C_out, H', W'), channels last.

    `offsets` (B, 2 T, H', W') and `kernel` (C_out, T, C / groups) are those of the branches one
    after the other; `gates` are (B, branches, H', W'). With gradients it computes in float32.
    """
    if torch.is_grad_enabled():
        tensors = [None if t is None else t.float() for t in (x, offsets, kernel, gates)]
        with torch.autocast("cpu", enabled=False):
            out: Tensor = _SampledProduct.apply(*tensors, geometry)
        return out
    return _forward(x, offsets, kernel, gates, geometry)


def _forward(
    x: Tensor, offsets: Tensor, kernel: Tensor, gates: Tensor | None, geometry: Geometry
) -> Tensor:
    table, plan = as_table(x, _MARGIN)[0], _Plan.of(geometry)
    out = x.new_empty(geometry.pixels, len(kernel))
    for part in _slices(geometry.pixels, _SAMPLED_PIXELS * torch.get_num_threads()):
        samples = _sample(offsets, gates, geometry, plan, part)
        sums = out[part]
        for tile in _tiles(len(sums), geometry, x.shape[1], _FORWARD_BYTES):
            sums[tile] = _times(gather(table, *samples.terms(tile)), kernel)
    return _as_map(out, geometry)


class _SampledProduct(Function):
    """`sampled_product` with gradients. Columns are gathered again for the backward pass, which is
    fast; to keep them for two branches would take 18 times the memory of the map."""

    @staticmethod
    def forward(
        ctx: Any,
        x: Tensor,
        offsets: Tensor,
        kernel: Tensor,
        gates: Tensor | None,
        geometry: Geometry,
    ) -> Tensor:
        ctx.save_for_backward(x, offsets, kernel, gates)
        ctx.geometry = geometry
        return _forward(x, offsets, kernel, gates, geometry)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, offsets, kernel, gates = ctx.saved_tensors
        geometry: Geometry = ctx.geometry
        needs_x, _, needs_kernel, _, _ = ctx.needs_input_grad
        table, pixels = as_table(x, _MARGIN)[0], geometry.pixels
        samples = _sample(offsets, gates, geometry, _Plan.of(geometry), slice(0, pixels))
        grad = _as_rows(grad)
        of_table, of_kernel = torch.zeros_like(table), torch.zeros_like(kernel)
        of_weights = torch.empty_like(samples.weights)
        for tile in _tiles(pixels, geometry, x.shape[1], _BACKWARD_BYTES):
            rows, weights, starts = samples.terms(tile)
            if needs_kernel:
                columns = gather(table, rows, weights, starts)
                of_kernel += _kernel_gradient(grad[tile], columns, kernel)
            of_columns = _columns_gradient(grad[tile], kernel, x.shape[1] // kernel.shape[2])
            sum_of = torch.arange(len(starts), dtype=torch.int32).repeat_interleave(4)
            products = dots(of_columns, table, rows, starts, sum_of)
            of_weights[tile] = products.view(-1, 4 * len(geometry.taps))
            if needs_x:
                first, last = (int(row) for row in rows.aminmax())
                near = of_table[first : last + 1]
                near += scatter(of_columns, rows - first, weights, sum_of, len(near))
        of_corners = of_weights.T.contiguous().view_as(samples.bilinear)
        return (
            _without_margin(of_table, geometry) if needs_x else None,
            _offsets_gradient(of_corners, samples, geometry),
            of_kernel if needs_kernel else None,
            _gates_gradient(of_corners, samples, geometry),
            None,
        )


def _sample(
    offsets: Tensor, gates: Tensor | None, geometry: Geometry, plan: _Plan, part: slice
) -> _Samples:
    """The samples of the pixels in `part`."""
    taps = len(geometry.taps)
    moved = _as_rows(offsets)[part].T.contiguous().view(taps, 2, -1)
    position = moved + (plan.place[:, part] + plan.taps)
    # Two pixels outside of the map there are zeros only, as further out.
    for axis, side in enumerate(geometry.size):
        position[:, axis].clamp_(-_MARGIN, side)
    corner = position.floor()
    fraction = position.sub_(corner)
    y, x = corner.int().unbind(1)
    first = torch.add(x, y, alpha=plan.columns).add_(plan.base[part])
    first.clamp_(0, plan.last)  # where an offset is not a number
    neighbours = torch.tensor([0, 1, plan.columns, plan.columns + 1], dtype=torch.int32)
    rows = _pixels_first(first[:, None] + neighbours[:, None])
    bilinear = _bilinear(*fraction.unbind(1))
    if gates is None:
        return _Samples(rows, _pixels_first(bilinear), fraction, bilinear, None)
    gate = _as_rows(gates)[part].T.contiguous()
    weights = bilinear.view(geometry.branches, -1, gate.shape[1]) * gate[:, None]
    return _Samples(rows, _pixels_first(weights), fraction, bilinear, gate)


def _bilinear(down: Tensor, right: Tensor) -> Tensor:
    """Weights (T, 4, p) of the four pixels around a place, from its fractions (T, p)."""
    weights = down.new_empty(len(down), 4, down.shape[1])
    first, across, below, both = weights.unbind(1)
    torch.mul(down, right, out=both)
    torch.sub(right, both, out=across)
    torch.sub(down, both, out=below)
    torch.sub(1 - down, right, out=first)
    first += both
    return weights


def _pixels_first(x: Tensor) -> Tensor:
    """Numbers (..., p) of p pixels as (p, ...), in two dimensions."""
    return x.flatten(0, -2).T.contiguous()


def _tiles(pixels: int, geometry: Geometry, channels: int, most_bytes: int) -> Iterator[slice]:
    return _slices(pixels, max(32, most_bytes // (4 * len(geometry.taps) * channels)))


def _slices(count: int, step: int) -> Iterator[slice]:
    for start in range(0, count, step):
        yield slice(start, min(start + step, count))


def _as_rows(x: Tensor) -> Tensor:
    """A map (B, C, H, W) as rows (B H W, C)."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _times(columns: Tensor, kernel: Tensor) -> Tensor:
    """Product (p, C_out) of columns (p T, C) and a kernel (C_out, T, C / groups)."""
    out_channels, taps, per_group = kernel.shape
    channels = columns.shape[1]
    if per_group == channels:
        return product(columns.view(-1, taps * channels), kernel.reshape(out_channels, -1))
    # As a convolution of a map whose width is the taps, which supports groups.
    as_map = columns.view(1, -1, taps, channels).permute(0, 3, 1, 2)
    weight = kernel.transpose(1, 2)[:, :, None]
    return F.conv2d(as_map, weight, groups=channels // per_group)[0, :, :, 0].T


def _kernel_gradient(grad: Tensor, columns: Tensor, kernel: Tensor) -> Tensor:
    """(C_out, T, C / groups), from `grad` (p, C_out) and columns (p T, C)."""
    _, taps, per_group = kernel.shape
    groups = columns.shape[1] // per_group
    if groups == 1:
        return product(grad.T, columns.view(len(grad), -1).T).view_as(kernel)
    grouped = columns.view(-1, taps, groups, per_group).permute(2, 0, 1, 3).flatten(2)
    return (_by_group(grad, groups).transpose(1, 2) @ grouped).view_as(kernel)


def _columns_gradient(grad: Tensor, kernel: Tensor, groups: int) -> Tensor:
    """(p T, C), from `grad` (p, C_out)."""
    out_channels, taps, per_group = kernel.shape
    if groups == 1:
        return product(grad, kernel.reshape(out_channels, -1).T).view(-1, per_group)
    of_group = _by_group(grad, groups) @ kernel.view(groups, -1, taps * per_group)
    return of_group.view(groups, -1, per_group).transpose(0, 1).reshape(-1, groups * per_group)


def _by_group(grad: Tensor, groups: int) -> Tensor:
    """(groups, p, C_out / groups) of `grad` (p, C_out)."""
    return grad.view(len(grad), groups, -1).transpose(0, 1)


def _without_margin(table: Tensor, geometry: Geometry) -> Tensor:
    """The map (B, C, H, W) of a table with margin."""
    height, width = (side + 2 * _MARGIN for side in geometry.size)
    inner = slice(_MARGIN, -_MARGIN)
    return table.view(geometry.batch, height, width, -1)[:, inner, inner].permute(0, 3, 1, 2)


def _offsets_gradient(of_corners: Tensor, samples: _Samples, geometry: Geometry) -> Tensor:
    """(B, 2 T, H', W'), from the gradient (T, 4, P) of the samples' weights."""
    top_left, top_right, bottom_left, bottom_right = of_corners.unbind(1)
    down, across = samples.fraction.unbind(1)
    of_y = (1 - across) * (bottom_left - top_left) + across * (bottom_right - top_right)
    of_x = (1 - down) * (top_right - top_left) + down * (bottom_right - bottom_left)
    both = torch.stack([of_y, of_x], dim=1)
    if samples.gates is not None:
        by_branch = both.view(geometry.branches, -1, geometry.pixels)
        both = by_branch * samples.gates[:, None]
    return _as_map(_pixels_first(both), geometry)


def _gates_gradient(of_corners: Tensor, samples: _Samples, geometry: Geometry) -> Tensor | None:
    """(B, branches, H', W'), from the gradient (T, 4, P) of the samples' weights."""
    if samples.gates is None:
        return None
    products = of_corners * samples.bilinear
    return _as_map(products.view(geometry.branches, -1, geometry.pixels).sum(1).T, geometry)


def _as_map(pixels: Tensor, geometry: Geometry) -> Tensor:
    """Rows (P, C) as a map (B, C, H', W'), channels last."""
    return pixels.reshape(geometry.batch, *geometry.out_size, -1).permute(0, 3, 1, 2)
