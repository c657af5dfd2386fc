"""The projection that shows features of one head to another."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import nn

from relook.layers.conv_norm import ConvNorm, at_side
from relook.layers.norm import group_norm


def test_it_is_a_convolution_without_bias_and_a_norm() -> None:
    torch.manual_seed(0)
    layer, x = ConvNorm(4, 6), torch.randn(3, 4, 7, 7)
    assert layer.conv.bias is None and isinstance(layer.norm, nn.BatchNorm2d)
    expected = nn.BatchNorm2d(6)(layer.conv(x))
    torch.testing.assert_close(layer(x), expected)


@pytest.mark.parametrize("kernel", [1, 3, 5])
def test_every_odd_kernel_keeps_the_side(kernel: int) -> None:
    layer = ConvNorm(4, 6, kernel, norm=None)
    assert layer.conv.kernel_size == (kernel, kernel)
    assert layer(torch.randn(2, 4, 7, 7)).shape == (2, 6, 7, 7)


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="kernel 2"):
        ConvNorm(4, 6, 2)


def test_without_a_norm_it_is_the_convolution_alone() -> None:
    layer, x = ConvNorm(4, 6, norm=None), torch.randn(2, 4, 7, 7)
    assert torch.equal(layer(x), layer.conv(x))
    assert list(layer.state_dict()) == ["conv.weight"]


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.SyncBatchNorm, group_norm, None])
def test_no_rows_in_training_give_no_features_and_gradients_of_zero(norm: object) -> None:
    layer = ConvNorm(4, 16, norm=norm).train()  # type: ignore[arg-type]
    before = {key: value.clone() for key, value in layer.state_dict().items()}
    found = layer(torch.zeros(0, 4, 7, 7))
    assert found.shape == (0, 16, 7, 7)
    found.sum().backward()
    for parameter in layer.parameters():
        assert parameter.grad is not None and not parameter.grad.any()
    after = layer.state_dict()
    assert all(torch.equal(after[key], value) for key, value in before.items())


def test_one_row_is_enough_for_statistics() -> None:
    layer = ConvNorm(4, 6).train()
    assert layer(torch.randn(1, 4, 7, 7)).isfinite().all()
    assert layer.norm is not None and layer.norm.num_batches_tracked == 1


def test_training_takes_the_rows_statistics_and_predicting_the_stored() -> None:
    torch.manual_seed(0)
    layer = ConvNorm(4, 6, norm=partial(nn.BatchNorm2d, momentum=1.0)).train()
    x = torch.randn(5, 4, 7, 7) * 3 + 1
    trained = layer(x)
    torch.testing.assert_close(trained.mean((0, 2, 3)), torch.zeros(6), rtol=0, atol=1e-5)
    assert isinstance(layer.norm, nn.BatchNorm2d) and layer.norm.running_mean is not None
    torch.testing.assert_close(layer.norm.running_mean, layer.conv(x).mean((0, 2, 3)))
    kept = layer.norm.running_mean.clone()
    alone = layer.eval()(x[:1])
    torch.testing.assert_close(alone, trained[:1], rtol=1e-2, atol=1e-2)
    assert torch.equal(layer.norm.running_mean, kept)


def test_sides_are_averaged_down_or_repeated() -> None:
    x = torch.arange(32 * 14.0 * 14).view(2, 16, 14, 14)
    assert at_side(x, 14) is x
    cells = x.view(2, 16, 7, 2, 7, 2)
    torch.testing.assert_close(at_side(x, 7), cells.mean((3, 5)))
    repeated = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    assert torch.equal(at_side(x, 28), repeated)
    assert at_side(x[:0], 28).shape == (0, 16, 28, 28)
