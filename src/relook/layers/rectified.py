"""A layer and the ReLU of its output."""

from __future__ import annotations

from torch import Tensor, nn


class Rectifying(nn.Module):
    """A layer that computes the ReLU of its output in the same pass."""

    is_pointwise = False  # whether each cell of its output depends on the same cell of its input

    def rectified(self, x: Tensor) -> Tensor:
        """The output for `x`, negative values as 0."""
        raise NotImplementedError


class Doubling(Rectifying):
    """A layer whose output has two by two cells for each cell of its input, and only from it."""

    def rectified_then(self, x: Tensor, pointwise: nn.Module) -> Tensor:
        """The output of `pointwise` for `rectified`, without its map in between."""
        raise NotImplementedError


def rectified(layer: nn.Module, x: Tensor) -> Tensor:
    """ReLU of the output of `layer` for `x`."""
    if isinstance(layer, Rectifying):
        return layer.rectified(x)
    out: Tensor = layer(x).relu()
    return out
