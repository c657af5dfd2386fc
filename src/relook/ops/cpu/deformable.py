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


class _Samples(NamedTuple):
    """T samples for each of P output pixels, each between four rows of the table."""

    rows: Tensor  # (P, T, 4) int32
    fraction: Tensor  # (P, T, 2) of the way to the next pixel, y and x
    bilinear: Tensor  # (P, T, 4)
    weights: Tensor  # (P, T, 4): the same, scaled by the gate where there is one
    gate: Tensor | None  # (P, T)

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
    table, samples = _sample(x, offsets, gates, geometry)
    out = x.new_empty(geometry.pixels, len(kernel))
    for tile in _tiles(geometry, x.shape[1], _FORWARD_BYTES):
        out[tile] = _times(gather(table, *samples.terms(tile)), kernel)
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
        table, samples = _sample(x, offsets, gates, geometry)
        grad = _as_rows(grad)
        of_table, of_kernel = torch.zeros_like(table), torch.zeros_like(kernel)
        of_weights = torch.empty_like(samples.bilinear)
        for tile in _tiles(geometry, x.shape[1], _BACKWARD_BYTES):
            rows, weights, starts = samples.terms(tile)
            if needs_kernel:
                columns = gather(table, rows, weights, starts)
                of_kernel += _kernel_gradient(grad[tile], columns, kernel)
            of_columns = _columns_gradient(grad[tile], kernel, x.shape[1] // kernel.shape[2])
            sum_of = torch.arange(len(starts), dtype=torch.int32).repeat_interleave(4)
            products = dots(of_columns, table, rows, starts, sum_of)
            of_weights[tile] = products.view(-1, len(geometry.taps), 4)
            if needs_x:
                first, last = (int(row) for row in rows.aminmax())
                near = of_table[first : last + 1]
                near += scatter(of_columns, rows - first, weights, sum_of, len(near))
        return (
            _without_margin(of_table, geometry) if needs_x else None,
            _offsets_gradient(of_weights, samples, geometry),
            of_kernel if needs_kernel else None,
            _gates_gradient(of_weights, samples, geometry),
            None,
        )


def _sample(
    x: Tensor, offsets: Tensor, gates: Tensor | None, geometry: Geometry
) -> tuple[Tensor, _Samples]:
    """The map with its margin as a table, and its samples."""
    table, _, columns = as_table(x, _MARGIN)
    position = _as_rows(offsets).view(geometry.pixels, -1, 2) + _grid(geometry)
    # Two pixels outside of the map there are zeros only, as further out.
    position = position.clamp(position.new_tensor(-_MARGIN), position.new_tensor(geometry.size))
    corner = position.floor()
    fraction = position - corner
    rows_per_image = (geometry.size[0] + 2 * _MARGIN) * columns
    image = torch.arange(geometry.batch, dtype=torch.int32) * rows_per_image
    y, x = (corner.int() + _MARGIN).unbind(-1)
    first = image.repeat_interleave(geometry.pixels // geometry.batch)[:, None] + y * columns + x
    last = geometry.batch * rows_per_image - columns - 2
    first = first.clamp(0, last)  # where an offset is not a number
    neighbours = torch.tensor([0, 1, columns, columns + 1], dtype=torch.int32)
    down, right = fraction.unbind(-1)
    both = down * right
    bilinear = torch.stack([1 - down - right + both, right - both, down - both, both], dim=-1)
    rows = first[..., None] + neighbours
    if gates is None:
        return table, _Samples(rows, fraction, bilinear, bilinear, None)
    gate = _as_rows(gates).repeat_interleave(len(geometry.taps) // geometry.branches, dim=1)
    return table, _Samples(rows, fraction, bilinear, bilinear * gate[..., None], gate)


def _grid(geometry: Geometry) -> Tensor:
    """Positions of the samples without offsets: (P, T, 2) y and x."""
    height, width = geometry.out_size
    y = torch.arange(height)[:, None].expand(height, width) * geometry.stride[0]
    x = torch.arange(width).expand(height, width) * geometry.stride[1]
    pixel = torch.stack([y, x], dim=-1).view(-1, 1, 2).repeat(geometry.batch, 1, 1)
    return (pixel + torch.tensor(geometry.taps)).float()


def _tiles(geometry: Geometry, channels: int, most_bytes: int) -> Iterator[slice]:
    step = max(32, most_bytes // (4 * len(geometry.taps) * channels))
    for start in range(0, geometry.pixels, step):
        yield slice(start, min(start + step, geometry.pixels))


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


def _offsets_gradient(of_weights: Tensor, samples: _Samples, geometry: Geometry) -> Tensor:
    """(B, 2 T, H', W'), from the gradient (P, T, 4) of the samples' weights."""
    top_left, top_right, bottom_left, bottom_right = of_weights.unbind(-1)
    down, across = samples.fraction.unbind(-1)
    of_y = (1 - across) * (bottom_left - top_left) + across * (bottom_right - top_right)
    of_x = (1 - down) * (top_right - top_left) + down * (bottom_right - bottom_left)
    both = torch.stack([of_y, of_x], dim=-1)
    if samples.gate is not None:
        both = both * samples.gate[..., None]
    return _as_map(both.flatten(1), geometry)


def _gates_gradient(of_weights: Tensor, samples: _Samples, geometry: Geometry) -> Tensor | None:
    """(B, branches, H', W'), from the gradient (P, T, 4) of the samples' weights."""
    if samples.gate is None:
        return None
    per_tap = (of_weights * samples.bilinear).sum(-1)
    return _as_map(per_tap.view(geometry.pixels, geometry.branches, -1).sum(-1), geometry)


def _as_map(pixels: Tensor, geometry: Geometry) -> Tensor:
    """Rows (P, C) as a map (B, C, H', W'), channels last."""
    return pixels.view(geometry.batch, *geometry.out_size, -1).permute(0, 3, 1, 2)
