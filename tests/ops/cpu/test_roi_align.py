"""RoIAlign by sums of rows against torchvision's operator."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torchvision.ops import roi_align

from relook.ops.cpu import roi_align as gathered_pool
from relook.ops.cpu import switch as fast
from relook.ops.cpu.roi_align import pool_gathered
from relook.ops.roi_align import align_two_by_two, pool_map, pool_pyramid, pyramid_level
from relook.structures.detection import Rois

STRIDES = (4, 8, 16, 32)


def torchvisions(x: Tensor, rois: Rois, side: int, stride: int, finer: int = 1) -> Tensor:
    table = torch.cat([rois.image_index[:, None].to(x), rois.boxes.to(x)], dim=1)
    out = roi_align(x, table, side * finer, 1 / stride, 0, aligned=True)
    return out if finer == 1 else torch.nn.functional.avg_pool2d(out, finer)


def random_map(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def random_rois(
    count: int, extent: tuple[float, float], *, beyond: float = 0, seed: int = 0
) -> Rois:
    """RoIs of two images of `extent` (height, width), up to `beyond` pixels outside of them."""
    generator = torch.Generator().manual_seed(seed)
    height, width = extent
    size = torch.tensor([width, height]) + 2 * beyond
    corners = torch.rand(2, count, 2, generator=generator) * size - beyond
    corners[1, ::4] = corners[0, ::4] + size * 0.6137
    boxes = torch.cat([corners.amin(0), corners.amax(0)], dim=1)
    image = torch.randint(2, (count,), generator=generator).sort().values
    return Rois(boxes, image)


def _level_zero(rois: Rois) -> Tensor:
    return torch.zeros(len(rois), dtype=torch.int64)


@pytest.mark.parametrize(("side", "finer"), [(7, 1), (7, 2), (14, 1), (1, 1), (3, 2)])
@pytest.mark.parametrize("beyond", [0.0, 25.0])
@pytest.mark.parametrize("size", [(9, 13), (3, 3), (1, 1), (1, 40)])
def test_values_and_gradients_are_those_of_torchvision(
    side: int, finer: int, beyond: float, size: tuple[int, int]
) -> None:
    rois = random_rois(40, (size[0] * 8, size[1] * 8), beyond=beyond)
    # Bins larger than two maps, which no box inside an image has, are sampled more coarsely.
    bins = (rois.boxes[:, 2:] - rois.boxes[:, :2]) / (8 * side * finer)
    rois = rois[(bins <= 2 * torch.tensor([size[1], size[0]])).all(dim=1)]
    assert len(rois) > 3
    x = random_map(2, 16, *size).requires_grad_()
    found = pool_gathered([x], [8], _level_zero(rois), rois, side, finer)
    y = x.detach().double().requires_grad_()
    expected = torchvisions(y, rois, side, 8, finer)
    torch.testing.assert_close(found.double(), expected, rtol=1e-4, atol=2e-5)
    grad = random_map(*found.shape, seed=3)
    (of_x,) = torch.autograd.grad(found, x, grad)
    (of_y,) = torch.autograd.grad(expected, y, grad.double())
    scale = of_y.abs().max().item()
    torch.testing.assert_close(of_x.double(), of_y, rtol=0, atol=1e-4 * scale)


@st.composite
def boxes_inside(draw: st.DrawFn) -> list[list[float]]:
    """Boxes within an image of 96 x 128, as a detector has them; some without area."""
    x, y = st.floats(0, 128, width=32), st.floats(0, 96, width=32)
    corners = draw(st.lists(st.tuples(x, y, x, y), min_size=1, max_size=6))
    return [[min(a, c), min(b, d), max(a, c), max(b, d)] for a, b, c, d in corners]


@settings(max_examples=60, deadline=None)
@given(boxes_inside(), st.sampled_from([4, 8, 16, 32]), st.sampled_from([(7, 1), (7, 2), (14, 1)]))
def test_any_boxes_inside_the_image(
    boxes: list[list[float]], stride: int, sides: tuple[int, int]
) -> None:
    rois = Rois(torch.tensor(boxes), torch.zeros(len(boxes), dtype=torch.int64))
    x = random_map(1, 16, 96 // stride, 128 // stride)
    found = pool_map(x, rois, sides[0], stride, finer=sides[1])
    expected = torchvisions(x, rois, sides[0], stride, sides[1])
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=2e-4)


@pytest.mark.parametrize("finer", [1, 2])
def test_rois_without_area_or_turned_inside_out_give_zeros(finer: int) -> None:
    boxes = [[10.0, 10, 10, 30], [10, 10, 30, 10], [30, 30, 10, 10], [30, 10, 10, 30], [5, 5, 5, 5]]
    rois = Rois(torch.tensor([*boxes, [3, 3, 40, 40]]), torch.zeros(6, dtype=torch.int64))
    x = random_map(1, 16, 12, 12)
    found = pool_map(x, rois, 7, 4, finer=finer)
    assert not found[:5].any()
    torch.testing.assert_close(found, torchvisions(x, rois, 7, 4, finer), rtol=1e-4, atol=1e-5)


def test_rois_that_lie_outside_give_zeros() -> None:
    boxes = [[-90.0, -90, -20, -20], [100, 5, 160, 30], [5, 100, 30, 900]]
    rois = Rois(torch.tensor(boxes), torch.zeros(3, dtype=torch.int64))
    x = random_map(1, 16, 12, 12)
    assert not pool_map(x, rois, 7, 4).any()
    assert not torchvisions(x, rois, 7, 4).any()


def test_huge_rois_take_no_huge_memory() -> None:
    boxes = [[-1e6, -1e6, 1e6, 1e6], [0, 0, 3e38, 3e38], [-3e4, 4, 3e4, 40]]
    rois = Rois(torch.tensor(boxes), torch.zeros(3, dtype=torch.int64))
    found = pool_map(random_map(1, 16, 12, 12), rois, 7, 4)
    assert found.isfinite().all()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_boxes_that_are_no_boxes_spoil_only_themselves(value: float) -> None:
    x = random_map(1, 16, 12, 12)
    rois = Rois(torch.tensor([[3.0, 3, 40, 40], [2, value, 20, 30]]), torch.zeros(2).long())
    found = pool_map(x, rois, 7, 4)
    torch.testing.assert_close(found[:1], torchvisions(x, rois[:1], 7, 4), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("quick", [True, False])
def test_a_box_that_is_no_number_keeps_its_row(quick: bool) -> None:
    rois = Rois(torch.tensor([[float("nan"), 3, 40, 40], [2, 3, 20, 30]]), torch.zeros(2).long())
    pyramid = _pyramid()
    with contextlib.nullcontext() if quick else fast.plain():
        found = pool_pyramid(pyramid, rois, 7, STRIDES)
    expected = torchvisions(pyramid[0], rois[1:], 7, 4)
    torch.testing.assert_close(found[1:], expected, rtol=1e-4, atol=1e-5)


def _pyramid(seed: int = 0) -> list[Tensor]:
    return [random_map(2, 16, -(-200 // s), -(-328 // s), seed=seed + s) for s in (*STRIDES, 64)]


@pytest.mark.parametrize(
    "order",
    [torch.contiguous_format, torch.channels_last],
    ids=["channels-first", "channels-last"],
)
def test_a_pyramid_is_pooled_as_level_by_level(order: torch.memory_format) -> None:
    rois = random_rois(60, (200, 328), beyond=40)
    results = []
    for quick in (True, False):
        pyramid = [m.contiguous(memory_format=order).requires_grad_() for m in _pyramid()]
        with contextlib.nullcontext() if quick else fast.plain():
            pooled = pool_pyramid(pyramid, rois, 7, STRIDES)
        grad = random_map(*pooled.shape, seed=5)
        results.append([pooled.detach(), *torch.autograd.grad(pooled, pyramid[:4], grad)])
    assert len(pyramid_level(rois.boxes, 4).unique()) == 3
    for ours, theirs in zip(*results, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_a_level_without_rois_gets_a_gradient_of_zeros() -> None:
    pyramid = [m.requires_grad_() for m in _pyramid()]
    rois = Rois(torch.tensor([[4.0, 4, 20, 20]]), torch.zeros(1, dtype=torch.int64))
    grads: Sequence[Tensor] = torch.autograd.grad(
        pool_pyramid(pyramid, rois, 7, STRIDES).sum(), pyramid[:4]
    )
    assert grads[0].any() and not any(grad.any() for grad in grads[1:])


def test_many_chunks_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rois, pyramid = random_rois(50, (200, 328)), _pyramid()
    whole = pool_pyramid(pyramid, rois, 7, STRIDES)
    monkeypatch.setattr(gathered_pool, "_CHUNK_BYTES", 1)
    torch.testing.assert_close(pool_pyramid(pyramid, rois, 7, STRIDES), whole)


def test_no_rois_give_no_rows() -> None:
    none = Rois(torch.zeros(0, 4), torch.zeros(0, dtype=torch.int64))
    assert pool_pyramid(_pyramid(), none, 7, STRIDES).shape == (0, 16, 7, 7)
    assert pool_map(random_map(2, 16, 6, 6), none, 7, 4, finer=2).shape == (0, 16, 7, 7)


def test_which_ways_are_plain() -> None:
    x, rois = random_map(2, 16, 12, 12), random_rois(9, (48, 48))
    expected = torchvisions(x, rois, 7, 4)
    with fast.plain():
        assert torch.equal(pool_map(x, rois, 7, 4), expected)
    assert not torch.equal(pool_map(x, rois, 7, 4), expected)  # another way, up to rounding
    assert torch.equal(pool_map(x.double(), rois, 7, 4), torchvisions(x.double(), rois, 7, 4))
    narrow = x[:, :3]  # too narrow for rows to pay
    assert torch.equal(pool_map(narrow, rois, 7, 4), torchvisions(narrow, rois, 7, 4))
    old = pool_map(x, rois, 7, 4, align_two_by_two)
    table = torch.cat([rois.image_index[:, None].to(x), rois.boxes], dim=1)
    assert torch.equal(old, align_two_by_two(x, table, 7, 4))


class _Pool(torch.nn.Module):
    def forward(self, x: Tensor, boxes: Tensor) -> Tensor:
        return pool_map(x, Rois(boxes, boxes[:, 0].long() * 0), 7, 4)


def test_export_takes_the_plain_operator_and_gives_the_same_numbers() -> None:
    x, boxes = random_map(1, 16, 12, 12), random_rois(9, (48, 48)).boxes
    exported = torch.export.export(_Pool(), (x, boxes), strict=False)
    assert any("roi_align" in str(node.target) for node in exported.graph.nodes)
    assert not any("embedding_bag" in str(node.target) for node in exported.graph.nodes)
    torch.testing.assert_close(exported.module()(x, boxes), _Pool()(x, boxes), rtol=1e-4, atol=1e-5)
