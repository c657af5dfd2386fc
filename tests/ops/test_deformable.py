"""The quick deformable convolution computes what torchvision's does."""

from __future__ import annotations

import pytest
import torch
from torchvision.ops import deform_conv2d

from relook.ops.deformable import deformable_convolution, sampled_convolution


@pytest.mark.parametrize("groups", [1, 4])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (1, 3), (2, 3)])
def test_values_and_gradients_are_those_of_torchvision(
    groups: int, stride: int, dilation: int
) -> None:
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    x, weight = random(2, 8, 9, 12), random(8, 8 // groups, 3, 3)
    out = (-(-9 // stride), -(-12 // stride))
    offset = 4 * random(2, 18, *out)  # far enough to leave the map on all sides
    pairs = ((stride, stride), (dilation, dilation), (dilation, dilation))
    results = []
    for quick in (True, False):
        inputs = [value.clone().requires_grad_() for value in (x, offset, weight)]
        y = sampled_convolution(*inputs, *pairs) if quick else deform_conv2d(*inputs, None, *pairs)
        results.append((y.detach(), torch.autograd.grad(y.square().sum(), inputs)))
    (found, found_gradients), (expected, expected_gradients) = results
    torch.testing.assert_close(found, expected)
    for one, other in zip(found_gradients, expected_gradients, strict=True):
        torch.testing.assert_close(one, other)


def test_without_gradients_it_is_torchvision_bit_for_bit() -> None:
    x, offset, weight = torch.randn(1, 4, 6, 6), torch.randn(1, 18, 6, 6), torch.randn(4, 4, 3, 3)
    expected = deform_conv2d(x, offset, weight, padding=1)
    assert torch.equal(deformable_convolution(x, offset, weight), expected)
    trained = deformable_convolution(x, offset, weight.requires_grad_())
    torch.testing.assert_close(trained, expected, rtol=1e-4, atol=1e-5)
