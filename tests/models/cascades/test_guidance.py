"""Frames of RoIs, and how what was seen in them is handed on."""

from __future__ import annotations

import pytest
import scene
import torch
from torch import Tensor

from relook.layers.conv_norm import ConvNorm
from relook.models.cascades.guidance import GuidanceRule, GuidanceState, frames_of, mask_features_of
from relook.models.heads.mask import MaskHead
from relook.ops.frames import align_inside, enlarge
from relook.structures.detection import Rois

BOX = torch.tensor([[60.0, 50, 118, 88]])


def _heads() -> list[MaskHead]:
    torch.manual_seed(0)
    carries = [None, ConvNorm(6, 4, norm=None), ConvNorm(6, 4, norm=None)]
    return [MaskHead(4, 6, 1, carry) for carry in carries]


def _seen() -> tuple[Tensor, GuidanceState, Tensor]:
    """What the next head is given, what was seen before, and the boxes it is wanted in."""
    torch.manual_seed(1)
    frames = torch.tensor([[0.0, 0, 40, 30], [10, 20, 70, 60]])
    return torch.randn(2, 4, 7, 7), GuidanceState(torch.randn(2, 6, 7, 7), frames), frames + 3


def test_frames_are_clipped_to_the_image_of_their_own_row() -> None:
    rois, images = Rois.cat([BOX, BOX]), scene.images()
    frames = frames_of(rois, 1.5, images, GuidanceRule(clip_to_image=True))
    assert torch.equal(frames.image_index, rois.image_index)
    assert frames.boxes.tolist() == [[45.5, 40.5, 120, 90], [45.5, 40.5, 100, 96]]
    free = frames_of(rois, 1.5, images, GuidanceRule())
    assert torch.equal(free.boxes, enlarge(rois.boxes, 1.5))
    assert (free.boxes[:, 2] > 120).all()


def test_images_without_rois_keep_the_others_in_their_own() -> None:
    rois = Rois.cat([BOX[:0], BOX])
    frames = frames_of(rois, 1.5, scene.images(), GuidanceRule(clip_to_image=True))
    assert frames.image_index.tolist() == [1]
    assert frames.boxes.tolist() == [[45.5, 40.5, 100, 96]]


def test_rows_of_what_was_seen_stay_together() -> None:
    _, seen, _ = _seen()
    rows = torch.tensor([1, 1, 0])
    assert torch.equal(seen[rows].features, seen.features[rows])
    assert torch.equal(seen[rows].frames, seen.frames[rows])


def test_the_first_head_is_handed_nothing_and_so_is_every_one_without_flow() -> None:
    pooled, seen, boxes = _seen()
    assert mask_features_of([], pooled, None, boxes, GuidanceRule()) is None
    assert mask_features_of(_heads(), pooled, seen, boxes, GuidanceRule(mask_flow=False)) is None


def test_features_are_aligned_or_taken_as_they_are() -> None:
    pooled, seen, boxes = _seen()
    assert (
        mask_features_of([], pooled, seen, boxes, GuidanceRule(alignment="none")) is seen.features
    )
    for side in (7, 14):
        found = mask_features_of([], pooled, seen, boxes, GuidanceRule(side=side))
        expected = align_inside(seen.features, seen.frames, boxes, side)
        assert found is not None and torch.equal(found, expected)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_recomputing_runs_all_earlier_heads_on_what_the_next_one_is_given(count: int) -> None:
    pooled, seen, boxes = _seen()
    heads = _heads()[:count]
    found = mask_features_of(heads, pooled, seen, boxes, GuidanceRule(alignment="recompute"))
    expected = pooled
    for i, head in enumerate(heads):
        if i:
            assert head.carry is not None
            expected = pooled + head.carry(expected).relu()
        for conv in head.convs:
            expected = conv(expected).relu()
    assert found is not None
    torch.testing.assert_close(found, expected)
