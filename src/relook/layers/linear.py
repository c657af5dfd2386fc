"""Linear layers with the fastest product."""

from __future__ import annotations

from torch import Tensor, nn

from ..ops.cpu.matmul import linear


class Linear(nn.Linear):
    """`nn.Linear`, by oneDNN where that is faster."""

    def forward(self, input: Tensor) -> Tensor:
        """(R, O) of `input` (R, I)."""
        return linear(input, self.weight, self.bias)


class MapLinear(Linear):
    """A linear layer of all numbers of a map, channel by channel; `weight` is (O, C * S * S)."""

    def __init__(self, channels: int, side: int, out_features: int) -> None:
        super().__init__(channels * side**2, out_features)
        self.side = side

    def forward(self, input: Tensor) -> Tensor:
        """(R, O) of `input` (R, C, S, S)."""
        return super().forward(input.flatten(1))
