"""Rows and targets that the tests of the heads share."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from relook.structures.detection import Matched, Rois


def _matched(num_positive: int, num_background: int, image: int = 0) -> Matched:
    total = num_positive + num_background
    boxes = torch.tensor([[8.0, 8, 24, 24]]).repeat(total, 1)
    is_positive = torch.arange(total) < num_positive
    return Matched(
        Rois(boxes, torch.full((total,), image)),
        torch.where(is_positive, 1, 3),
        torch.where(is_positive[:, None], boxes + 2, torch.zeros(())),
        torch.where(is_positive, 0, -1),
        torch.zeros(total, dtype=torch.bool),
    )


@pytest.fixture
def matched() -> Callable[..., Matched]:
    """``matched(num_positive, num_background, image=0)``: RoIs of 8..24 pixels, class 1 of 3."""
    return _matched
