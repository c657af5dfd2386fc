"""A layer and the ReLU of its output."""

from __future__ import annotations

from torch import Tensor, nn


class Rectifying(nn.Module):
    """A layer that computes the ReLU of its output in the same pass."""

    def rectified(self, x: Tensor) -> Tensor:
        """The output for `x`, negative values as 0."""
        raise NotImplementedError


def rectified(layer: nn.Module, x: Tensor) -> Tensor:
    """ReLU of the output of `layer` for `x`."""
    if isinstance(layer, Rectifying):
        return layer.rectified(x)
    out: Tensor = layer(x).relu()
    return out
