"""A layer and its ReLU, in one pass or two."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from relook.layers.rectified import Rectifying, rectified


class _Fused(Rectifying):
    def rectified(self, x: Tensor) -> Tensor:
        return x.clamp(min=0) + 1


def test_a_layer_that_can_computes_both_itself() -> None:
    x = torch.tensor([-2.0, 3.0])
    assert rectified(_Fused(), x).tolist() == [1, 4]
    assert rectified(nn.Identity(), x).tolist() == [0, 3]
