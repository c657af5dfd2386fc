"""torchvision's operations, with its Python part and without."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch
import torchvision.ops
from torch import Tensor

from relook.ops import compiled
from relook.ops.compiled import deform_conv2d, nms, roi_align

BOXES = torch.tensor([[0.0, 0, 10, 10], [1, 1, 11, 11], [30, 2, 42, 9], [29, 2, 40, 9]])
SCORES = torch.tensor([0.3, 0.9, 0.4, 0.8])
TABLE = torch.cat([torch.tensor([[0.0], [1], [0], [1]]), BOXES], dim=1)


def seeded(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape) + sum(shape)))


MAPS, OFFSETS, WEIGHTS = seeded(2, 4, 12, 44), seeded(2, 18, 12, 44), seeded(6, 2, 3, 3)
DEFORMABLE = ((1, 1), (1, 1), (1, 1))


@pytest.fixture
def _no_python(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused() -> None:
        raise AssertionError("torchvision is not needed here")

    monkeypatch.setattr(compiled, "_python", refused)


@pytest.mark.usefixtures("_no_python")
def test_numbers_on_the_cpu_need_the_library_alone() -> None:
    kept = torchvision.ops.nms(BOXES, SCORES, 0.5)
    assert kept.tolist() == [1, 3] and torch.equal(nms(BOXES, SCORES, 0.5), kept)
    for side in (3, (2, 5)):
        expected = torchvision.ops.roi_align(MAPS, TABLE, side, 0.5, 2, True)
        pooled = roi_align(MAPS, TABLE, side, 0.5, sampling_ratio=2, aligned=True)
        assert torch.equal(pooled, expected)
    groups = torchvision.ops.deform_conv2d(MAPS, OFFSETS, WEIGHTS, None, *DEFORMABLE)
    assert torch.equal(deform_conv2d(MAPS, OFFSETS, WEIGHTS, *DEFORMABLE), groups)
    with torch.no_grad():
        trained = torch.nn.Parameter(WEIGHTS)
        assert torch.equal(deform_conv2d(MAPS, OFFSETS, trained, *DEFORMABLE), groups)


def test_gradients_are_those_of_torchvision() -> None:
    maps = MAPS.clone().requires_grad_()
    roi_align(maps, TABLE, 3, 0.5, sampling_ratio=2, aligned=True).square().sum().backward()
    same = MAPS.clone().requires_grad_()
    torchvision.ops.roi_align(same, TABLE, 3, 0.5, 2, True).square().sum().backward()
    assert maps.grad is not None and same.grad is not None
    assert maps.grad.abs().sum() > 0 and torch.equal(maps.grad, same.grad)
    weights = WEIGHTS.clone().requires_grad_()
    deform_conv2d(MAPS, OFFSETS, weights, *DEFORMABLE).sum().backward()
    assert weights.grad is not None and weights.grad.abs().sum() > 0


@pytest.mark.usefixtures("_no_python")
def test_what_the_library_alone_cannot_do_asks_for_torchvision() -> None:
    with pytest.raises(AssertionError, match="torchvision is not needed here"):
        nms(BOXES.to("meta"), SCORES.to("meta"), 0.5)
    with pytest.raises(AssertionError, match="torchvision is not needed here"):
        roi_align(MAPS.clone().requires_grad_(), TABLE, 3, 0.5, sampling_ratio=2, aligned=True)


def test_the_library_before_its_python_part_and_after() -> None:
    """Where no module of torchvision was imported, and gradients are wanted later."""
    program = (
        "import sys, torch\n"
        "from relook.ops.compiled import nms, roi_align\n"
        "boxes = torch.tensor([[0.0, 0, 9, 9], [1, 1, 9, 9]])\n"
        "print(nms(boxes, torch.tensor([0.1, 0.2]), 0.5).tolist(), 'torchvision' in sys.modules)\n"
        "maps = torch.ones(1, 1, 9, 9, requires_grad=True)\n"
        "table = torch.tensor([[0.0, 0, 0, 8, 8]])\n"
        "roi_align(maps, table, 2, 1.0, sampling_ratio=2, aligned=True).sum().backward()\n"
        "print(float(maps.grad.sum()), 'torchvision' in sys.modules)\n"
    )
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=False
    )
    assert run.stdout == "[1] False\n4.0 True\n", run.stderr


def test_without_the_library_torchvision_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiled, "_LIBRARIES", ("no such name",))
    compiled.library.cache_clear()
    assert torch.equal(nms(BOXES, SCORES, 0.5), torch.tensor([1, 3]))
    compiled.library.cache_clear()
