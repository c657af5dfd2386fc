"""Convolutions of 3x3 cells with a quarter of the multiply-adds, on a CPU.

Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray, https://arxiv.org/abs/1509.09308): tiles
of 6x6 pixels and the kernel are transformed, 36 products of matrices replace the convolution, and
what is transformed back is 4x4 pixels of the result. The transforms take time for each channel, and
the products for each pair of channels, so that layers of many channels gain.

The transforms follow from five points, by the method of Cook and Toom. With the usual points 0, 1,
-1, 2, -2, results in float32 would have ten times the rounding of a direct convolution; with those
taken here they have about twice as much.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from functools import cache
from math import prod
from pathlib import Path
from typing import Final, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

OUT: Final = 4  # pixels of the result that a tile gives, along each axis
IN: Final = OUT + 2  # pixels of a tile, along each axis
_POINTS: Final = (0.0, 0.75, -0.75, 1.5, -1.5)
_TILES = 128  # at a time and core, about as many as its own cache holds
_LEAST = 1024  # pixels of a map; below, a product is faster
_WEIGHTS: Final = 9 << 16  # numbers of a kernel, 256 channels to 256


class Transforms(NamedTuple):
    """Matrices of the one-dimensional filtering: ``result @ ((kernel @ g) * (pixels @ d))`` are the
    four sums ``d[i] g[0] + d[i + 1] g[1] + d[i + 2] g[2]``."""

    kernel: Tensor  # (6, 3)
    pixels: Tensor  # (6, 6)
    result: Tensor  # (4, 6)


def transforms() -> Transforms:
    """The matrices in float64, whose last row (of `result`: column) belongs to a point at infinity.

    A product of two polynomials is fixed by its values at the points; `kernel` and the transpose of
    `result` evaluate polynomials, and `pixels` is the transpose of the interpolation.
    """
    others = [[q for q in _POINTS if q != p] for p in _POINTS]
    scales = [1 / prod(p - q for q in rest) for p, rest in zip(_POINTS, others, strict=True)]
    kernel = [[s * p**k for k in range(3)] for p, s in zip(_POINTS, scales, strict=True)]
    pixels = [[*_polynomial(rest), 0.0] for rest in others]
    result = [[*(p**k for p in _POINTS), float(k == OUT - 1)] for k in range(OUT)]
    kernel.append([0.0, 0.0, 1.0])
    pixels.append(_polynomial(_POINTS))
    return Transforms(*(torch.tensor(m, dtype=torch.float64) for m in (kernel, pixels, result)))


def _polynomial(zeros: Sequence[float]) -> list[float]:
    """Coefficients of the polynomial with these zeros, lowest first; the highest is 1."""
    found = [1.0]
    for zero in zeros:
        found = [a - zero * b for a, b in zip([0.0, *found], [*found, 0.0], strict=True)]
    return found


class _Matrices(NamedTuple):
    """The matrices of the two-dimensional filtering, float32."""

    kernel: Tensor  # (36, 9)
    pixels: Tensor  # (36, 36)
    result: Tensor  # (16, 36)


@cache
def _matrices() -> _Matrices:
    with torch.inference_mode(mode=False):
        return _Matrices(*(torch.kron(m, m).float() for m in transforms()))


def gains(weight: Tensor) -> bool:
    """Return whether a convolution by `weight` (C_out, C, 3, 3) is faster so on this machine."""
    return weight.shape[2:] == (3, 3) and weight.numel() >= _WEIGHTS and has_fast_products()


@cache
def has_fast_products() -> bool:
    """Return whether batches of products reach the speed of convolutions.

    They are computed by MKL, which reaches half of it on AMD's processors with AVX-512. Machines
    without MKL, such as those with ARM's processors, were not tried.
    """
    level = torch.backends.cpu.get_cpu_capability()
    if not torch.backends.mkl.is_available() or not level.startswith("AVX"):
        return False
    return level == "AVX2" or "GenuineIntel" in _maker()


def _maker() -> str:
    """The processor's name of its maker, or text with that name in it; "" if it is not known."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return platform.processor()  # the variable PROCESSOR_IDENTIFIER of Windows
    return next((line for line in lines if line.startswith("vendor_id")), "")


def pack(weight: Tensor) -> Tensor:
    """The kernel (C_out, C, 3, 3) in the order (9, C, C_out) that `convolution` reads."""
    return weight.flatten(2).permute(2, 1, 0).contiguous()


def convolution(x: Tensor, packed: Tensor, bias: Tensor | None, *, relu: bool = False) -> Tensor:
    """As `F.conv2d` with a stride and a padding of 1: map (B, C_out, H, W), channels last, of `x`
    (B, C, H, W), without gradients.

    With `relu` negatives become 0. The kernel is transformed in each call, because transformed it
    takes four times the memory. Maps of few pixels are one product.
    """
    is_small = len(x) * x.shape[2:].numel() < _LEAST
    with torch.autocast("cpu", enabled=False):  # which would compute the products in bfloat16
        return (_product if is_small else _filtered)(x, packed, bias, relu=relu)


def _filtered(x: Tensor, packed: Tensor, bias: Tensor | None, *, relu: bool) -> Tensor:
    """`convolution` by tiles."""
    batch, _, height, width = x.shape
    down, across = -(-height // OUT), -(-width // OUT)
    pixels = x.permute(0, 2, 3, 1)
    out = x.new_empty(batch, OUT * down, OUT * across, packed.shape[2])
    kernel = torch.mm(_matrices().kernel, packed.flatten(1)).view(-1, *packed.shape[1:])
    at_once = _TILES * torch.get_num_threads()
    images, rows = max(1, at_once // (down * across)), max(1, at_once // across)
    for first in range(0, batch, images):
        for top in range(0, OUT * down, OUT * rows):
            some = out[first : first + images, top : top + OUT * rows]
            bottom = top + some.shape[1]
            inside = pixels[first : first + images, max(0, top - 1) : bottom + 1]
            margins = (1, OUT * across + 1 - width, int(top == 0), max(0, bottom + 1 - height))
            _write(some, F.pad(inside, (0, 0, *margins)), kernel, bias, relu=relu)
    if (height, width) != tuple(out.shape[1:3]):
        out = out[:, :height, :width].contiguous()
    return out.permute(0, 3, 1, 2)


def _product(x: Tensor, packed: Tensor, bias: Tensor | None, *, relu: bool) -> Tensor:
    """`convolution` as one product: the nine pixels of each cell, by the kernel."""
    batch, channels, height, width = x.shape
    padded = F.pad(x.permute(0, 2, 3, 1), (0, 0, 1, 1, 1, 1))
    image, row, column, one = padded.stride()
    cells = padded.as_strided(
        (batch, height, width, 3, 3, channels), (image, row, column, row, column, one)
    )
    rows, weight = cells.reshape(-1, 9 * channels), packed.flatten(0, 1)
    out = rows @ weight if bias is None else torch.addmm(bias, rows, weight)
    out = out.relu_() if relu else out
    return out.view(batch, height, width, packed.shape[2]).permute(0, 3, 1, 2)


def _write(out: Tensor, x: Tensor, kernel: Tensor, bias: Tensor | None, *, relu: bool) -> None:
    """Write `out` (B, 4 h, 4 w, C_out), the result for padded `x` (B, 4 h + 2, 4 w + 2, C)."""
    batch, height, width, outputs = out.shape
    tiles = batch, height // OUT, width // OUT
    image, row, column, one = x.stride()
    overlapping = x.as_strided(
        (IN, IN, *tiles, x.shape[3]),
        (row, column, image, OUT * row, OUT * column, one),
        x.storage_offset(),
    )
    pixels = torch.mm(_matrices().pixels, overlapping.reshape(IN * IN, -1))
    products = torch.bmm(pixels.view(IN * IN, -1, x.shape[3]), kernel)
    cells = torch.mm(_matrices().result, products.view(IN * IN, -1)).view(OUT, OUT, *tiles, outputs)
    if bias is not None:
        cells += bias
    cells = cells.permute(2, 3, 0, 4, 1, 5)
    to = out.view(batch, tiles[1], OUT, tiles[2], OUT, outputs)
    if relu:
        torch.clamp_min(cells, 0, out=to)
    else:
        to.copy_(cells)
