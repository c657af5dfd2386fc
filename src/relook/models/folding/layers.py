"""Plain layers with constants computed in advance.

On a CPU in float32, weights are stored in the order in which oneDNN reads them. With a type of 16
bits, hidden layers compute in it; logits and box deltas are products of float32.
"""

from __future__ import annotations

import copy
from typing import NamedTuple, TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...layers.linear import MapLinear
from ...layers.rectified import Doubling, Rectifying
from ...ops.cpu import onednn, winograd
from ...ops.cpu import switch as fast

Affine = tuple[Tensor, Tensor]  # scale and shift, each (C,)
Pair = tuple[int, int]
M = TypeVar("M", bound=nn.Module)
_LARGE_WEIGHT = 1 << 18  # numbers of a weight from which on its packing counts
_CELL_BYTES = 8 << 20  # of cells of a map of doubled sides at a time and core


class Place(NamedTuple):
    """Geometry of a convolution."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int

    @classmethod
    def of(cls, conv: nn.Conv2d) -> Place:
        """Return the geometry of `conv`."""
        stride, padding, dilation = conv.stride, cast(Pair, conv.padding), conv.dilation
        return cls(cast(Pair, stride), padding, cast(Pair, dilation), conv.groups)


class FoldedConv2d(Rectifying):
    """A plain convolution; with `relu`, negative outputs become 0.

    `weight` is (C_out, C / groups, k, k), `bias` (C_out,), if any. Where weights can be packed, the
    layer computes in `dtype`, which its output then has.
    """

    def __init__(
        self,
        weight: Tensor,
        bias: Tensor | None,
        place: Place,
        *,
        relu: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        self.place, self.relu = place, relu
        self.is_pointwise = weight.shape[2:] == (1, 1) and place == Place((1, 1), (0, 0), (1, 1), 1)
        self.packed = can_pack(weight)
        self.dtype = dtype if self.packed else weight.dtype
        self.multiplies = self.packed and self.dtype == torch.float32 and _is_large(weight, place)
        self.filters = self.packed and self.dtype == torch.float32 and _is_filtered(weight, place)
        weight = weight.to(self.dtype)
        if self.filters:
            self.weight = winograd.pack(weight)
        elif self.multiplies:
            self.weight = onednn.pack_product(weight.flatten(1))
        else:
            self.weight = onednn.pack_convolution(weight, *place) if self.packed else weight
        self.bias = None if bias is None else bias.to(self.dtype)

    def forward(self, x: Tensor, add: Tensor | None = None, *, over: bool = False) -> Tensor:
        """Map (B, C_out, H', W'); `add`, of that shape, is added before the ReLU.

        With `over`, the result may be written over `add`.
        """
        return self._computed(x, add, relu=self.relu, over=over)

    def rectified(self, x: Tensor) -> Tensor:
        """Map (B, C_out, H', W') without negative values."""
        return self._computed(x, None, relu=True)

    def _computed(self, x: Tensor, add: Tensor | None, *, relu: bool, over: bool = False) -> Tensor:
        if self.multiplies:
            return self._product(x.to(self.dtype), add, relu=relu)
        if self.filters:
            first = relu and add is None
            out = winograd.convolution(x.to(self.dtype), self.weight, self.bias, relu=first)
            return out if add is None else _added(out, add, relu=relu)
        if self.packed:
            weight, bias, x = self.weight, self.bias, x.to(self.dtype)
            add = None if add is None else add.to(self.dtype)
            return onednn.convolution(x, weight, bias, *self.place, relu=relu, add=add, over=over)
        out = F.conv2d(x, self.weight, self.bias, *self.place)
        return _added(out, add, relu=relu)

    def _product(self, x: Tensor, add: Tensor | None, *, relu: bool) -> Tensor:
        """The convolution of 1x1 cells as a product of the map's cells."""
        down, across = self.place.stride
        cells = x[:, :, ::down, ::across].permute(0, 2, 3, 1)
        rows = cells.reshape(-1, x.shape[1])
        out = onednn.product(rows, self.weight, self.bias, relu=relu and add is None)
        out = out.view(*cells.shape[:3], out.shape[1]).permute(0, 3, 1, 2)
        return out if add is None else _added(out, add, relu=relu)


class HeadConv2d(Rectifying):
    """A convolution of a head, twice: `hidden` where it is rectified, else `exact`, for logits."""

    def __init__(self, exact: FoldedConv2d, hidden: FoldedConv2d) -> None:
        super().__init__()
        self.exact, self.hidden = exact, hidden
        self.is_pointwise = exact.is_pointwise

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C_out, H', W') in the type of `exact`."""
        logits: Tensor = self.exact(x)
        return logits

    def rectified(self, x: Tensor) -> Tensor:
        """Map (B, C_out, H', W') without negative values, in the type of `hidden`."""
        return self.hidden.rectified(x)


class FoldedLinear(Rectifying):
    """A linear layer that computes in `dtype`, where its weights can be packed.

    `weight` (O, I) stands in for that of `linear`.
    """

    def __init__(
        self,
        linear: nn.Linear,
        dtype: torch.dtype = torch.float32,
        weight: Tensor | None = None,
    ) -> None:
        super().__init__()
        self.packed = can_pack(linear.weight)
        self.dtype = dtype if self.packed else linear.weight.dtype
        weight = (linear.weight.detach() if weight is None else weight).to(self.dtype)
        self.weight = onednn.pack_product(weight) if self.packed else weight
        bias: Tensor | None = linear.bias
        self.bias = None if bias is None else bias.detach().to(self.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """(R, O) of `x` (R, I)."""
        if self.packed:
            return onednn.product(x.to(self.dtype), self.weight, self.bias)
        return F.linear(x, self.weight, self.bias)

    def rectified(self, x: Tensor) -> Tensor:
        """(R, O) of `x` (R, I), without negative values."""
        if self.packed:
            return onednn.product(x.to(self.dtype), self.weight, self.bias, relu=True)
        return F.linear(x, self.weight, self.bias).relu_()


class FoldedMapLinear(FoldedLinear):
    """A linear layer of maps whose channels are last in memory: nothing of them is moved."""

    def __init__(self, linear: MapLinear, dtype: torch.dtype = torch.float32) -> None:
        side, weight = linear.side, linear.weight.detach()
        pixels_first = weight.unflatten(1, (-1, side, side)).permute(0, 2, 3, 1).flatten(1)
        super().__init__(linear, dtype, pixels_first)

    def forward(self, x: Tensor) -> Tensor:
        """(R, O) of `x` (R, C, S, S)."""
        return super().forward(x.permute(0, 2, 3, 1).flatten(1))

    def rectified(self, x: Tensor) -> Tensor:
        """(R, O) of `x` (R, C, S, S), without negative values."""
        return super().rectified(x.permute(0, 2, 3, 1).flatten(1))


class FoldedDoubling(Doubling):
    """A transposed convolution of 2x2 cells and stride 2, in `dtype`: a product for each cell of
    the map."""

    def __init__(self, conv: nn.ConvTranspose2d, dtype: torch.dtype = torch.float32) -> None:
        super().__init__()
        self.dtype = dtype
        weight = conv.weight.detach().to(dtype)  # (C, C_out, 2, 2)
        self.out_channels = weight.shape[1]
        rows = weight.permute(2, 3, 1, 0).flatten(0, 2)  # (4 C_out, C)
        self.weight = onednn.pack_product(rows)
        self.bias = None if conv.bias is None else conv.bias.detach().to(dtype).repeat(4)

    @staticmethod
    def fits(conv: nn.ConvTranspose2d) -> bool:
        """Return whether `conv` is such a layer, and its weights can be packed."""
        sides = (conv.kernel_size, conv.stride, conv.padding, conv.output_padding, conv.dilation)
        return (
            sides == ((2, 2), (2, 2), (0, 0), (0, 0), (1, 1))
            and conv.groups == 1
            and can_pack(conv.weight)
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C_out, 2 H, 2 W) of `x` (B, C, H, W)."""
        return _doubled(self._cells(x, relu=False), x)

    def rectified(self, x: Tensor) -> Tensor:
        """Map (B, C_out, 2 H, 2 W) without negative values."""
        return _doubled(self._cells(x, relu=True), x)

    def rectified_then(self, x: Tensor, pointwise: nn.Module) -> Tensor:
        """The output (B, K, 2 H, 2 W) of `pointwise` for `rectified`.

        The large map between the two is made for a few of the B maps at a time.
        """
        if len(x) == 0:  # which cannot be one map
            last: Tensor = pointwise(self.rectified(x))
            return last
        one_map = 4 * x.shape[2:].numel() * self.out_channels * self.dtype.itemsize
        step = max(1, _CELL_BYTES * torch.get_num_threads() // one_map)
        parts = [self._pointwise(some, pointwise) for some in x.split(step)]
        return _doubled(parts[0] if len(parts) == 1 else torch.cat(parts), x)

    def _pointwise(self, x: Tensor, pointwise: nn.Module) -> Tensor:
        """Cells (4 B H W, K) of the output of `pointwise`."""
        cells = self._cells(x, relu=True)
        as_map = cells.view(1, len(cells), 1, self.out_channels).permute(0, 3, 1, 2)
        out: Tensor = pointwise(as_map)
        return out[0, :, :, 0].T

    def _cells(self, x: Tensor, *, relu: bool) -> Tensor:
        """Cells (4 B H W, C_out), the four of each cell one after the other."""
        rows = x.to(self.dtype).permute(0, 2, 3, 1).reshape(-1, x.shape[1])
        out = onednn.product(rows, self.weight, self.bias, relu=relu)
        return out.view(4 * len(rows), self.out_channels)


def _added(out: Tensor, add: Tensor | None, *, relu: bool) -> Tensor:
    """`out` with `add`, if any, and without negative values with `relu`; written over `out`."""
    if add is not None:
        out += add
    return out.relu_() if relu else out


def _is_filtered(weight: Tensor, place: Place) -> bool:
    """Return whether `winograd` convolves by `weight` (C_out, C, k, k), and does so faster."""
    return place == Place((1, 1), (1, 1), (1, 1), 1) and winograd.gains(weight)


def _is_large(weight: Tensor, place: Place) -> bool:
    """Return whether `weight` (C_out, C, k, k) is of 1x1 cells, and large.

    Weights of convolutions are packed before the size of the map is known. For maps of some sizes
    oneDNN wants another order, and packs the weights anew in each call, which takes up to four
    times as long as the product itself; a product takes one order for all sizes.
    """
    is_pointwise = weight.shape[2:] == (1, 1) and place.padding == (0, 0) and place.groups == 1
    return is_pointwise and weight.numel() >= _LARGE_WEIGHT


def _doubled(cells: Tensor, x: Tensor) -> Tensor:
    """Cells (4 B H W, C) as a map (B, C, 2 H, 2 W), channels last."""
    batch, _, height, width = x.shape
    channels = cells.shape[1]
    by_cell = cells.reshape(batch, height, width, 2, 2, channels).permute(0, 1, 3, 2, 4, 5)
    return by_cell.reshape(batch, 2 * height, 2 * width, channels).permute(0, 3, 1, 2)


def twin(module: M) -> M:
    """A copy of `module` with the same tensors, and with modes of its own."""
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return copy.deepcopy(module, shared)


def can_pack(weight: Tensor) -> bool:
    """Return whether oneDNN can take this weight."""
    return fast.applies(weight) and onednn.is_available()
