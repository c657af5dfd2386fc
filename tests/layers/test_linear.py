"""The linear layer that takes the fastest product."""

from __future__ import annotations

import torch
from torch import nn

from relook.layers.linear import Linear
from relook.ops.cpu import switch as fast


def test_it_is_a_plain_linear_layer_with_the_same_names_and_gradients() -> None:
    torch.manual_seed(0)
    layer, plain = Linear(64, 200), nn.Linear(64, 200)
    plain.load_state_dict(layer.state_dict(), strict=True)
    x = torch.randn(150, 64)
    expected = plain(x)
    with fast.plain():
        assert torch.equal(layer(x), expected)
    torch.testing.assert_close(layer(x), expected, rtol=1e-4, atol=1e-5)
    layer(x).square().sum().backward()
    plain(x).square().sum().backward()
    for ours, theirs in zip(layer.parameters(), plain.parameters(), strict=True):
        assert ours.grad is not None and theirs.grad is not None
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-2)
