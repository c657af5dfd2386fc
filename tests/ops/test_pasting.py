"""Pasting of mask probabilities, compared with PyTorch's own samplers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from relook.ops.pasting import PASTES, paste_probabilities, paste_resized


def floats(values: Any) -> NDArray[np.float32]:
    return np.array(values, dtype=np.float32)


def test_the_window_is_what_the_whole_image_would_give() -> None:
    torch.manual_seed(0)
    probabilities, box = torch.rand(28, 28).numpy(), floats([-3.3, 4.7, 30.2, 21.9])
    window, left, top = paste_probabilities(probabilities, box, (32, 40))
    moved = box + floats([7.0, 3.0, 7.0, 3.0])
    larger, far_left, far_top = paste_probabilities(probabilities, moved, (60, 60))
    inside = larger[top + 3 - far_top :, left + 7 - far_left :][
        : window.shape[0], : window.shape[1]
    ]
    np.testing.assert_allclose(inside, window, rtol=1.3e-6, atol=1e-5)


@pytest.mark.parametrize(
    "box",
    [
        [0.0, 0, 6, 5],
        [0.4, 0.3, 7.9, 6.2],
        [2.5, 1.25, 5.75, 9.5],
        [-3.2, -1.7, 4.1, 20.0],
        [9.1, 6.6, 15.0, 13.0],
    ],
)
def test_pasting_is_bilinear_sampling_of_pixel_centres(box: list[float]) -> None:
    """As PyTorch's own sampler gives it for the whole image."""
    height, width = 10, 12
    probabilities = torch.rand(4, 4, generator=torch.Generator().manual_seed(3))
    x0, y0, x1, y1 = box
    x = (torch.arange(width) + 0.5 - x0) / (x1 - x0) * 2 - 1
    y = (torch.arange(height) + 0.5 - y0) / (y1 - y0) * 2 - 1
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], dim=-1)
    expected = F.grid_sample(probabilities[None, None], grid[None], align_corners=False)[0, 0]
    window, left, top = paste_probabilities(probabilities.numpy(), floats(box), (height, width))
    pasted = torch.zeros(height, width)
    pasted[top : top + window.shape[0], left : left + window.shape[1]] = torch.from_numpy(window)
    torch.testing.assert_close(pasted, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("box", "rows", "columns"),
    [
        ([2.0, 3, 6, 5], range(3, 5), range(2, 6)),
        ([2.9, 3.9, 6.9, 5.9], range(3, 5), range(2, 6)),
        ([5.0, 5, 5, 5], range(5, 6), range(5, 6)),  # one pixel at least
        ([-2.0, -1, 3, 4], range(4), range(3)),
        ([6.0, 7, 20, 30], range(7, 10), range(6, 12)),
        ([20.0, 30, 25, 35], range(0), range(0)),
    ],
)
def test_older_pasting_fills_whole_pixels(box: list[float], rows: range, columns: range) -> None:
    window, left, top = paste_resized(np.ones((3, 3), np.float32), floats(box), (10, 12))
    assert window.all() and window.shape == (len(rows), len(columns))
    if len(rows):
        assert (top, left) == (rows[0], columns[0])


def test_older_pasting_resizes_before_it_cuts() -> None:
    halves = floats([[0.0, 1.0], [0.0, 1.0]])
    window, left, _ = paste_resized(halves, floats([-4.0, 0, 4, 2]), (10, 12))
    assert left == 0 and window.tolist() == [[True] * 4] * 2  # the left half is outside
    window, left, _ = paste_resized(halves, floats([4.0, 0, 12, 2]), (10, 12))
    assert left == 4 and window.tolist() == [[False] * 4 + [True] * 4] * 2


@pytest.mark.parametrize("kind", ["resized", "expanded"])
@pytest.mark.parametrize("box", [[3.2, 4.9, 40.3, 21.0], [-9.5, 30, 12, 70.2], [7, 7, 7.5, 7.2]])
def test_resizing_is_that_of_pytorch(kind: Any, box: list[float]) -> None:
    """Of the whole box, cut at the image afterwards; nearly all pixels are away from 0.5."""
    height, width = 50, 44
    mask = torch.rand(28, 28, generator=torch.Generator().manual_seed(1))
    window, left, top = PASTES[kind](mask.numpy(), floats(box), (height, width))
    frame = 1 if kind == "expanded" else 0
    sides = [(low, high) for low, high in ((box[0], box[2]), (box[1], box[3]))]
    if kind == "expanded":
        grown = [((a + b) / 2, (b - a) / 2 * 30 / 28) for a, b in sides]
        (x1, x2), (y1, y2) = [(int(m - h), int(m + h) + 1) for m, h in grown]
    else:
        (x1, x2), (y1, y2) = [(int(a), max(int(b - 1), int(a)) + 1) for a, b in sides]
    whole = F.interpolate(
        F.pad(mask, (frame,) * 4)[None, None], size=(y2 - y1, x2 - x1), mode="bilinear"
    )[0, 0]
    expected = (whole > 0.5)[max(-y1, 0) : height - y1, max(-x1, 0) : width - x1]
    assert (left, top) == (max(x1, 0), max(y1, 0))
    assert window.shape == tuple(expected.shape)
    assert (window != expected.numpy()).sum() <= 1
