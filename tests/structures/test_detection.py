"""The tables that travel between parts."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from relook.structures.detection import Detections, ImageBatch, Matched, ObjectMasks, Rois, Target


def test_rois_are_one_table_ordered_by_image() -> None:
    per_image = [torch.zeros(2, 4), torch.zeros(0, 4), torch.ones(3, 4)]
    rois = Rois.cat(per_image)
    assert len(rois) == 5 and rois.image_index.tolist() == [0, 0, 2, 2, 2]
    for back, given in zip(rois.per_image(rois.boxes, 3), per_image, strict=True):
        assert torch.equal(back, given)
    assert rois[torch.tensor([1, 4])].image_index.tolist() == [0, 2]
    moved = rois.with_boxes(rois.boxes + 1)
    assert torch.equal(moved.image_index, rois.image_index) and (rois.boxes[:2] == 0).all()


def test_rois_of_no_image_content_keep_their_shape() -> None:
    rois = Rois.cat([torch.zeros(0, 4)])
    assert len(rois) == 0 and [len(x) for x in rois.per_image(rois.boxes, 1)] == [0]


def test_matched_rows_stay_together() -> None:
    rois = Rois.cat([torch.arange(12.0).view(3, 4)])
    index = torch.tensor([0, -1, 1])
    matched = Matched(rois, torch.tensor([5, 9, 6]), rois.boxes, index, index == 0)
    assert matched.is_positive.tolist() == [True, False, True]
    rows = matched[torch.tensor([2])]
    assert rows.labels.tolist() == [6] and torch.equal(rows.rois.boxes, rois.boxes[2:])


def test_moving_to_a_device_keeps_everything() -> None:
    masks = ObjectMasks(torch.zeros(1, 2, 2, dtype=torch.bool), torch.zeros(1, 2).long(), (5, 6))
    target = Target(torch.zeros(1, 4), torch.zeros(1).long(), masks, torch.zeros(5, 6).byte())
    moved = target.to("meta")
    assert moved.masks is not None and moved.masks.size == (5, 6) and len(moved.masks) == 1
    assert all(x.is_meta for x in (moved.boxes, moved.labels, moved.masks.crops))
    assert moved.semantic is not None and moved.semantic.is_meta
    bare = Target(torch.zeros(0, 4), torch.zeros(0).long()).to("meta")
    assert bare.masks is None and bare.semantic is None
    images = ImageBatch(torch.zeros(1, 3, 32, 32), ((9, 9),), ((32, 32),), ((3, 3),), ((3.0, 3.0),))
    assert images.to("meta").pixels.is_meta and images.to("meta").sizes == images.sizes
    assert len(images) == 1


def test_values_cannot_be_changed_in_place() -> None:
    found = Detections(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0).long(), None, (4, 4))
    assert len(found) == 0
    with pytest.raises(dataclasses.FrozenInstanceError):
        found.size = (5, 5)  # type: ignore[misc]
