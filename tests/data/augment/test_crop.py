"""Parts of samples, by hand; `test_transforms` and `test_pasting` have them at random."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from relook.data.augment.crop import areas, clipped, cut_window, objects_of, refitted

Make = Callable[..., dict[str, Any]]
BOXES = [(0, 0, 4, 4), (5, 2, 9, 6), (10, 8, 12, 9)]


def test_a_window_keeps_what_is_in_it(make_entries: Make) -> None:
    part, is_cut = cut_window(make_entries(10, 12, BOXES), 3, 2, (4, 6))
    assert part["image"].shape == (3, 4, 6)
    assert part["labels"].tolist() == [1, 2]  # the third lies outside
    assert is_cut.tolist() == [True, True]
    assert part["boxes"].tolist() == [[0, 0, 2, 1], [3, 0, 6, 3]]
    assert part["boxes"].canvas_size == (4, 6)
    assert areas(part["masks"]).tolist() == [2, 9]
    assert part["semantic"].tolist()[0] == [1, 1, 0, 2, 2, 2]
    whole, is_cut = cut_window(make_entries(10, 12, BOXES), 0, 0, (10, 12))
    assert whole["labels"].tolist() == [1, 2, 3] and not is_cut.any()


def test_a_window_without_pixels_has_no_objects(make_entries: Make) -> None:
    part, is_cut = cut_window(make_entries(10, 12, BOXES), 0, 0, (0, 5))
    assert part["labels"].tolist() == is_cut.tolist() == []
    assert part["masks"].shape == (0, 0, 5)


def test_without_masks_a_whole_pixel_of_the_box_decides(make_entries: Make) -> None:
    sample = make_entries(10, 12, BOXES)
    del sample["masks"]
    sample["boxes"][0, 2] = 2.5
    part, is_cut = cut_window(sample, 0, 2, (10, 10))
    assert part["labels"].tolist() == [2, 3] and is_cut.tolist() == [False, False]
    assert "masks" not in part


def test_objects_are_chosen_by_position_and_by_truth(make_entries: Make) -> None:
    sample = make_entries(10, 12, BOXES)
    turned = objects_of(sample, torch.tensor([2, 0]))
    assert turned["labels"].tolist() == [3, 1]
    assert turned["boxes"].tolist() == [list(map(float, BOXES[2])), list(map(float, BOXES[0]))]
    assert areas(turned["masks"]).tolist() == [2, 16]
    assert turned["semantic"] is sample["semantic"]
    some = objects_of(sample, torch.tensor([False, True, False]))
    assert some["labels"].tolist() == [2] and len(sample["labels"]) == 3


def test_only_cut_objects_get_new_boxes(make_entries: Make) -> None:
    sample = make_entries(10, 12, BOXES)
    sample["masks"][:2, :, 3:6] = False
    boxes = refitted(sample["boxes"], sample["masks"], torch.tensor([False, True, False]))
    assert boxes.tolist() == [[0, 0, 4, 4], [6, 2, 9, 6], [10, 8, 12, 9]]
    assert sample["boxes"][1, 0] == 5


def test_boxes_are_clipped_to_the_image() -> None:
    boxes = clipped(torch.tensor([[-3.0, 1, 30, 8], [20, 20, 25, 25]]), (6, 10))
    assert boxes.tolist() == [[0, 1, 10, 6], [10, 6, 10, 6]]
    assert boxes.canvas_size == (6, 10)
