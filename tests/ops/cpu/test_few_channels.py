"""Convolutions of few channels with a stride: the same as PyTorch's, and the process goes on."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
import torch
import torch.nn.functional as F

from relook.ops.cpu.few_channels import convolution, fails

_TRAINING = """
import torch
from relook.layers import AWSConv2d, SAConv2d

torch.set_num_threads(1)
layers = [
    SAConv2d(3, 2, out_channels=8),
    SAConv2d(12, (2, 2), kernel=1, deformable=False, context=False),
    AWSConv2d(3, 8, 1, 2),
]
for layer in layers * 8:
    x = torch.randn(1, layer.in_channels, 224, 160).to(memory_format=torch.channels_last)
    layer.to(memory_format=torch.channels_last)(x.requires_grad_()).sum().backward()
    assert all(p.grad is not None for p in layer.parameters() if p.requires_grad)
"""


def test_a_training_step_does_not_end_the_process() -> None:
    """In a process of its own: with PyTorch 2.15 it ended with a segmentation fault."""
    run = subprocess.run(
        [sys.executable, "-c", _TRAINING],
        capture_output=True,
        text=True,
        timeout=240,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("stride", [(2, 2), (1, 2), (3, 1)])
@pytest.mark.parametrize("groups", [1, 3])
def test_results_and_gradients_are_those_of_pytorch(stride: tuple[int, int], groups: int) -> None:
    """On maps so small that PyTorch's own gradients are right, and in the order of numbers in
    which they always are."""
    torch.manual_seed(0)
    x = torch.randn(2, 3, 7, 9, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(6, 3 // groups, 1, 1, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(6, dtype=torch.float64, requires_grad=True)
    assert fails(x, weight, stride, (0, 0))
    ours = convolution(x, weight, bias, stride, groups=groups)
    plain = F.conv2d(x, weight, bias, stride, groups=groups)
    torch.testing.assert_close(ours, plain)
    of = x, weight, bias
    torch.testing.assert_close(
        torch.autograd.grad(ours.square().sum(), of), torch.autograd.grad(plain.square().sum(), of)
    )


def test_others_are_left_to_pytorch() -> None:
    x = torch.ones(1, 3, 8, 8)
    few, many = (torch.ones(1, number, 1, 1, requires_grad=True) for number in (3, 16))
    assert fails(x, few, (2, 2), (0, 0))
    assert not fails(x, many, (2, 2), (0, 0))
    assert not fails(x, few, (1, 1), (0, 0))
    assert not fails(x, few, (2, 2), (1, 1))
    assert not fails(x, torch.ones(1, 3, 3, 3, requires_grad=True), (2, 2), (0, 0))
    assert not fails(x, few.detach(), (2, 2), (0, 0))
    with torch.no_grad():
        assert not fails(x, few, (2, 2), (0, 0))
