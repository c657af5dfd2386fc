"""Methods that compute twice: the same results and gradients, nothing kept between."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn

from relook.layers.recomputed import Recomputed


class _Counting(nn.Module):
    """A layer that counts how often it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(3, 3)
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        return self.linear(x).relu().exp()


def _recomputed() -> _Counting:
    torch.manual_seed(0)
    part = _Counting()
    vars(part)["forward"] = Recomputed(part, "forward")
    return part


def test_values_and_gradients_are_the_same() -> None:
    part, x = _recomputed(), torch.rand(2, 3)
    part(x).sum().backward()
    assert part.calls == 2
    plain = _Counting()
    plain.load_state_dict(part.state_dict())
    out = plain(x)
    out.sum().backward()
    torch.testing.assert_close(part(x), out)
    for ours, theirs in zip(part.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad)


def test_without_gradients_it_computes_once() -> None:
    part = _recomputed()
    with torch.no_grad():
        part(torch.rand(2, 3))
    assert part.calls == 1


def test_a_copy_computes_with_its_own_weights() -> None:
    part = _recomputed()
    twin = copy.deepcopy(part)
    with torch.no_grad():
        twin.linear.weight.zero_()
        twin.linear.bias.zero_()
    x = torch.rand(2, 3)
    assert torch.equal(twin(x), torch.ones(2, 3))
    assert not torch.equal(part(x), torch.ones(2, 3))
