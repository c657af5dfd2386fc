"""Methods that compute twice: the same results and gradients, nothing kept between."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from relook.layers.conv_norm import ConvNorm
from relook.layers.recomputed import Recomputed
from relook.models.backbones.resnet import Bottleneck


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


def _conv_norm() -> nn.Module:
    return ConvNorm(4, 4)


def _bottleneck() -> nn.Module:
    def conv3x3(channels: int, stride: int, groups: int) -> nn.Module:
        return nn.Conv2d(channels, channels, 3, stride, 1, groups=groups, bias=False)

    return Bottleneck(
        4,
        8,
        16,
        (1, 1),
        1,
        conv=nn.Conv2d,
        conv3x3=conv3x3,
        norm=nn.BatchNorm2d,
        project=True,
        feedback_channels=None,
    )


@pytest.mark.parametrize("make", [_conv_norm, _bottleneck])
def test_batch_statistics_are_updated_once(make: Any) -> None:
    torch.manual_seed(0)
    plain = make().train()
    saving = copy.deepcopy(plain)
    vars(saving)["forward"] = Recomputed(saving, "forward")
    for _ in range(2):
        x = torch.randn(2, 4, 8, 8) * 2 + 1
        for part in (plain, saving):
            part(x).square().sum().backward()
    theirs = plain.state_dict()
    assert any(key.endswith("num_batches_tracked") for key in theirs)
    for key, value in saving.state_dict().items():
        assert torch.equal(value, theirs[key]), key
    for ours, other in zip(saving.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, other.grad)


def test_statistics_stay_in_their_place_even_when_computing_again_fails() -> None:
    part = ConvNorm(4, 4).train()
    vars(part)["forward"] = Recomputed(part, "forward")
    out = part(torch.randn(2, 4, 8, 8))
    before = dict(part.named_buffers())
    part.conv.weight.data = part.conv.weight.data[:, :2]  # no longer fits
    with pytest.raises(RuntimeError):
        out.sum().backward()
    assert before and all(buffer is before[name] for name, buffer in part.named_buffers())


def test_no_rows_are_computed_again_too() -> None:
    part = ConvNorm(4, 4).train()
    vars(part)["forward"] = Recomputed(part, "forward")
    part(torch.zeros(0, 4, 8, 8)).sum().backward()
    assert all(p.grad is not None for p in part.parameters())
