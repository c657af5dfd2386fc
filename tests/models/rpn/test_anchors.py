"""Anchors and which of them may be trained on."""

from __future__ import annotations

import torch

from relook.models.rpn.anchors import base_anchors, grid_anchors, is_trainable

RATIOS = (0.5, 1.0, 2.0)


def test_anchors_have_one_area_and_the_asked_ratios() -> None:
    anchors = base_anchors(16, 8.0, RATIOS)
    width, height = (anchors[:, 2:] - anchors[:, :2]).unbind(1)
    torch.testing.assert_close(width * height, torch.full((3,), 128.0**2))
    torch.testing.assert_close(height / width, torch.tensor(RATIOS))
    assert not (anchors[:, :2] + anchors[:, 2:]).any()


def test_the_grid_runs_over_ratios_then_x_then_y() -> None:
    anchors = grid_anchors((2, 3), 8, 8.0, RATIOS, torch.device("cpu")).view(2, 3, 3, 4)
    centres = (anchors[..., :2] + anchors[..., 2:]) / 2
    assert centres[1, 2, :].tolist() == [[16.0, 8.0]] * 3
    assert torch.equal(anchors[0, 0], base_anchors(8, 8.0, RATIOS))


def test_only_cells_of_the_image_and_anchors_inside_it_are_trained_on() -> None:
    anchors = grid_anchors((8, 8), 4, 2.0, (1.0,), torch.device("cpu"))
    usable = is_trainable(anchors, (8, 8), 4, image=(20, 30), padded=(24, 30)).view(8, 8)
    # Anchors reach 4 pixels around (4 x, 4 y); the far border itself is outside.
    expected = torch.zeros(8, 8, dtype=torch.bool)
    expected[1:4, 1:7] = True
    assert torch.equal(usable, expected)
    narrow_padding = is_trainable(anchors, (8, 8), 4, image=(32, 32), padded=(12, 32)).view(8, 8)
    assert narrow_padding[1:3].any() and not narrow_padding[3:].any()
