"""Enlarged boxes, and features sampled again inside them; numbers are those of the reference."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from relook.ops.cpu import switch as fast
from relook.ops.frames import align_inside, cut, enlarge, inside

FRAME = torch.tensor([[50.0, 50, 250, 170]])
BOX = torch.tensor([[110.0, 70, 190, 150]])
RATIO = 1.59


def _scene(count: int, side: int = 7, channels: int = 20) -> tuple[Tensor, Tensor, Tensor]:
    """Features of `count` rows, their frames, and boxes of which many reach outside."""
    generator = torch.Generator().manual_seed(count)
    features = torch.randn(count, channels, side, side, generator=generator)
    corner = torch.rand(count, 2, generator=generator) * 100 - 20
    size = torch.rand(count, 2, generator=generator) * 80 + 1
    frames = torch.cat([corner, corner + size], dim=1)
    shift = (torch.rand(count, 4, generator=generator) - 0.5) * 0.4 * size.repeat(1, 2)
    return features, frames, frames + shift


def _ramp(side: int = 7, channels: int = 1) -> Tensor:
    return torch.arange(float(side**2)).view(1, 1, side, side).repeat(1, channels, 1, 1)


@pytest.mark.parametrize(
    ("box", "ratio", "expected"),
    [
        ((100, 80, 200, 140), 2.0, (50, 50, 250, 170)),
        ((100, 80, 200, 140), 1.59, (70.5, 62.3, 229.5, 157.7)),
        ((100, 80, 200, 140), 1.26, (87, 72.2, 213, 147.8)),
        ((100, 80, 200, 140), 1.0, (100, 80, 200, 140)),
        # Beyond an image of 100 x 100: nothing is cut.
        ((2, 3, 50, 60), 2.0, (-22, -25.5, 74, 88.5)),
        ((70, 80, 99, 100), 2.0, (55.5, 70, 113.5, 110)),
    ],
)
def test_boxes_are_enlarged_around_their_centre(
    box: tuple[float, ...], ratio: float, expected: tuple[float, ...]
) -> None:
    torch.testing.assert_close(
        enlarge(torch.tensor([box]).float(), ratio), torch.tensor([expected]).float()
    )


def test_the_ratio_of_one_changes_no_bit() -> None:
    boxes = torch.rand(50, 4) * 1e4
    assert torch.equal(enlarge(boxes, 1.0), boxes)


@given(st.floats(1, 3), st.integers(0, 1000))
def test_enlarging_and_shrinking_is_the_identity(ratio: float, seed: int) -> None:
    corner = torch.rand(20, 2, generator=torch.Generator().manual_seed(seed)) * 1300
    boxes = torch.cat([corner, corner * 1.3 + 5], dim=1)
    torch.testing.assert_close(enlarge(enlarge(boxes, ratio), 1 / ratio), boxes, rtol=0, atol=1e-3)


def test_what_is_cut_lies_in_the_frame_and_is_shrunk_around_its_own_centre() -> None:
    frames = cut(enlarge(BOX, RATIO), FRAME)
    torch.testing.assert_close(frames, torch.tensor([[86.4, 50, 213.6, 170]]))
    shrunk = torch.tensor([[110.0, 72.264151, 190.0, 147.735849]])
    torch.testing.assert_close(enlarge(frames, 1 / RATIO), shrunk)


def test_a_box_beside_the_frame_is_cut_to_its_border() -> None:
    beside = torch.tensor([[0.0, 60, 40, 300]])
    assert cut(beside, FRAME).tolist() == [[50, 60, 50, 170]]
    assert torch.equal(cut(FRAME + 0.0, FRAME), FRAME)


@pytest.mark.parametrize(
    ("side", "expected"),
    [(7, (1.274, -0.21, 5.726, 7.21)), (14, (2.548, -0.42, 11.452, 14.42))],
)
def test_boxes_are_told_in_cells_of_the_frame(side: int, expected: tuple[float, ...]) -> None:
    found = inside(enlarge(BOX, RATIO), FRAME, side)
    torch.testing.assert_close(found, torch.tensor([expected]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 16])
def test_a_ramp_is_sampled_as_the_reference_does(channels: int) -> None:
    found = align_inside(_ramp(channels=channels), FRAME, enlarge(BOX, RATIO), 7)
    first = torch.linspace(1.389501, 5.205501, 7)
    assert found.shape == (1, channels, 7, 7)
    for map_ in found[0]:
        torch.testing.assert_close(map_[0], first, rtol=0, atol=1e-4)
        torch.testing.assert_close(map_[3, 3], torch.tensor(24.000002), rtol=0, atol=1e-4)
        ends = torch.tensor([42.794502, 46.610500])
        torch.testing.assert_close(map_[6, [0, 6]], ends, rtol=0, atol=1e-4)


@pytest.mark.parametrize("side", [7, 14])
@pytest.mark.parametrize("way", ["fast", "plain"])
def test_boxes_that_are_their_frames_leave_the_features_as_they_are(side: int, way: str) -> None:
    features, frames, _ = _scene(9, side)
    if way == "fast":
        assert torch.equal(align_inside(features, frames, frames, side), features)
    else:
        with fast.plain():
            assert torch.equal(align_inside(features, frames, frames, side), features)


@pytest.mark.parametrize(("side", "out"), [(7, 7), (14, 14), (14, 7), (7, 14)])
def test_fast_and_plain_way_agree_in_values_and_gradients(side: int, out: int) -> None:
    features, frames, boxes = _scene(11, side)
    ours, theirs = features.clone().requires_grad_(), features.clone().requires_grad_()
    found = align_inside(ours, frames, boxes, out)
    with fast.plain():
        plain = align_inside(theirs, frames, boxes, out)
    torch.testing.assert_close(found, plain, rtol=1e-5, atol=1e-5)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(1))
    (found * weights).sum().backward()
    (plain * weights).sum().backward()
    torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-5, atol=1e-5)


def test_gradients_are_those_of_a_linear_map() -> None:
    """The gradient of a linear map, times any input, is the map of that input."""
    features, frames, boxes = _scene(6)
    other = torch.randn(features.shape, generator=torch.Generator().manual_seed(2))
    features.requires_grad_()
    found = align_inside(features, frames, boxes, 7)
    weights = torch.randn(found.shape, generator=torch.Generator().manual_seed(3))
    (grad,) = torch.autograd.grad((found * weights).sum(), features)
    moved = (align_inside(other, frames, boxes, 7) * weights).sum()
    torch.testing.assert_close((grad * other).sum(), moved, rtol=1e-4, atol=1e-4)


def test_every_row_sees_its_own_map() -> None:
    features, frames, boxes = _scene(5)
    found = align_inside(features, frames, boxes, 7)
    for row in range(5):
        one = slice(row, row + 1)
        alone = align_inside(features[one], frames[one], boxes[one], 7)
        torch.testing.assert_close(found[one], alone, rtol=1e-5, atol=1e-6)


def test_outside_of_the_frame_is_zero() -> None:
    ones = torch.ones(1, 16, 7, 7)
    far = FRAME + torch.tensor([400.0, 0, 400, 0])
    assert not align_inside(ones, FRAME, far, 7).any()
    half = FRAME + torch.tensor([100.0, 0, 100, 0])  # its right half shows nothing
    seen = align_inside(ones, FRAME, half, 7)
    assert (seen[..., :3] == 1).all() and not seen[..., 5:].any()


@pytest.mark.parametrize("way", ["fast", "plain"])
def test_frames_without_area_show_zeros(way: str) -> None:
    features, frames, boxes = _scene(4)
    frames[1, 2], frames[2, 3] = frames[1, 0], frames[2, 1]  # no width, no height
    boxes[3, 2] = boxes[3, 0]  # a box without width in a frame that has area
    features.requires_grad_()
    if way == "fast":
        found = align_inside(features, frames, boxes, 7)
    else:
        with fast.plain():
            found = align_inside(features, frames, boxes, 7)
    assert found[0].any() and not found[1:].any()
    found.sum().backward()
    assert features.grad is not None and features.grad.isfinite().all()
    assert not features.grad[1:].any()
    assert (inside(boxes, frames, 7)[1:3] == 0).all()


def test_no_rows_give_no_features() -> None:
    nothing = torch.zeros(0, 4)
    features = torch.zeros(0, 16, 7, 7, requires_grad=True)
    found = align_inside(features, nothing, nothing, 14)
    assert found.shape == (0, 16, 14, 14)
    found.sum().backward()
    assert features.grad is not None


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_counts_its_rows(dtype: torch.dtype) -> None:
    """bfloat16 cannot tell row 256 from 257, nor float16 row 2048 from 2049."""
    count = 2100 if dtype == torch.float16 else 300
    values = (torch.arange(count) % 7).to(dtype)
    features = values.view(-1, 1, 1, 1).expand(-1, 1, 7, 7)
    frames = FRAME.expand(count, 4)
    found = align_inside(features, frames, frames, 7)
    assert found.dtype == dtype
    assert torch.equal(found, features)
