"""Copy-paste: occlusion by hand, what always holds, and real images."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from relook.data.augment.copy_paste import CopyPaste, check_masks, paste
from relook.data.augment.rule import Augment
from relook.data.augment.transforms import training_transforms
from relook.data.coco.reader import read_coco
from relook.data.dataset import CocoDataset
from relook.data.semantics import choose_semantics
from relook.errors import UsageError
from relook.ops.masks import dense_masks

Make = Callable[..., dict[str, Any]]
ALWAYS = CopyPaste(Augment(copy_paste=1.0))
# Lower objects of 16, 16 and 4 pixels; the first loses a quarter, the second all but 3 pixels, the
# third nothing when a square of 6 x 6 comes to (2, 2), 4 x 4 of it with an object.
LOWER = [(0, 0, 4, 4), (4, 4, 8, 8), (9, 0, 11, 2)]


def plain(value: torch.Tensor) -> torch.Tensor:
    return value.as_subclass(torch.Tensor)


def rectangles(size: int) -> st.SearchStrategy[list[tuple[int, int, int, int]]]:
    corner = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1))
    sides = st.tuples(st.integers(1, size // 2), st.integers(1, size // 2))
    one = st.tuples(corner, sides).map(
        lambda at: (*at[0], min(at[0][0] + at[1][0], size), min(at[0][1] + at[1][1], size))
    )
    return st.lists(one, max_size=5)


def test_what_is_covered_is_lost_by_hand(make_entries: Make) -> None:
    below = make_entries(10, 12, LOWER, grey=10)
    other = make_entries(7, 7, [(0, 0, 2, 2), (2, 2, 6, 6)], grey=200)
    after = paste(below, other, top=2, left=2)
    # Upper objects at (2, 2, 4, 4) and (4, 4, 8, 8): the second lower one is gone, the first has an
    # L of 12 pixels, whose box stays.
    assert after["labels"].tolist() == [1, 3, 1, 2]
    assert after["boxes"].tolist() == [[0, 0, 4, 4], [9, 0, 11, 2], [2, 2, 4, 4], [4, 4, 8, 8]]
    assert after["boxes"].canvas_size == (10, 12)
    first = torch.zeros(10, 12, dtype=torch.bool)
    first[:4, :2] = first[:2, :4] = True
    assert torch.equal(plain(after["masks"])[0], first)
    assert torch.equal(plain(after["masks"])[1], plain(below["masks"])[2])
    pasted = plain(after["masks"])[2:].any(dim=0)
    assert pasted.sum() == 4 + 16 and pasted[2:4, 2:4].all() and pasted[4:8, 4:8].all()
    assert torch.equal(plain(after["image"]), torch.where(pasted, 200, 10).expand(3, -1, -1))
    semantic = plain(below["semantic"]).clone()
    semantic[2:4, 2:4] = 1  # labels of the other image
    semantic[4:8, 4:8] = 2
    assert torch.equal(plain(after["semantic"]), semantic)
    assert below["labels"].tolist() == [1, 2, 3]  # and nothing changed in place
    assert (plain(below["image"]) == 10).all()


@pytest.mark.parametrize(("width", "stays"), [(3, True), (4, False)])
def test_less_than_a_quarter_left_is_no_object(make_entries: Make, width: int, stays: bool) -> None:
    below = make_entries(8, 8, [(0, 0, 4, 3), (6, 6, 8, 8)])
    below["masks"][0, 0, 0] = False  # 11 pixels, of which 3 or 0 are left
    after = paste(below, make_entries(8, 8, [(0, 0, width, 3)]), top=0, left=0)
    assert after["labels"].tolist() == ([1, 2, 1] if stays else [2, 1])
    if stays:
        assert after["boxes"].tolist()[0] == [3, 0, 4, 3]
    # Two of twelve pixels: too few, though they can still be seen.
    less = paste(make_entries(8, 8, [(0, 0, 4, 3)]), make_entries(8, 8, [(0, 0, 4, 2)]), 0, 0)
    assert less["labels"].tolist() == [1, 1]  # a third is left
    least = paste(make_entries(8, 8, [(0, 0, 6, 2)]), make_entries(8, 8, [(0, 0, 5, 2)]), 0, 0)
    assert least["labels"].tolist() == [1] and least["boxes"].tolist() == [[0, 0, 5, 2]]


def test_objects_at_the_edge_are_cut_and_those_hardly_inside_stay_away(
    make_entries: Make,
) -> None:
    below = make_entries(6, 6, [], grey=5)
    # At (-3, 4): of the first, 1 x 2 of 4 x 3 pixels are inside; of the second 2 of 4 rows.
    other = make_entries(8, 10, [(0, 0, 4, 3), (4, 0, 7, 4), (8, 0, 9, 2)], grey=90)
    after = paste(below, other, top=4, left=-3)
    assert after["labels"].tolist() == [2, 3]
    assert after["boxes"].tolist() == [[1, 4, 4, 6], [5, 4, 6, 6]]
    assert (plain(after["image"])[0] == 90).tolist() == plain(after["masks"]).any(dim=0).tolist()
    assert plain(after["masks"]).flatten(1).sum(dim=1).tolist() == [6, 2]


def test_the_box_of_what_was_cut_fits_what_is_left(make_entries: Make) -> None:
    other = make_entries(4, 6, [(0, 0, 6, 4)])
    other["masks"][0, :3, 1:] = False  # an L of 9 pixels, of which 3 are inside
    after = paste(make_entries(6, 8, []), other, top=3, left=1)
    assert after["boxes"].tolist() == [[1, 3, 2, 6]]
    assert plain(after["masks"]).sum() == 3


@pytest.mark.parametrize(("top", "left"), [(6, 0), (-8, 0), (0, 60), (0, -60)])
def test_images_that_do_not_meet(make_entries: Make, top: int, left: int) -> None:
    below = make_entries(6, 6, [(0, 0, 3, 3)])
    assert paste(below, make_entries(8, 10, [(0, 0, 10, 8)]), top, left) is below


def test_a_soft_edge_changes_colours_only(make_entries: Make) -> None:
    below, other = make_entries(20, 20, [], grey=0), make_entries(20, 20, [(6, 6, 14, 14)], 200)
    hard, soft = paste(below, other, 0, 0), paste(below, other, 0, 0, blend=1.0)
    for key in ("boxes", "labels", "masks", "semantic"):
        assert torch.equal(plain(hard[key]), plain(soft[key]))
    row = plain(soft["image"])[0, 10].int()
    assert row[10] == 200 and row[1] == row[18] == 0
    assert (row[:11].diff() >= 0).all() and 0 < row[5] < row[6] < 200
    assert abs(int(row[5]) + int(row[6]) - 200) <= 1  # half at the edge itself
    assert soft["image"].dtype == torch.uint8


@settings(max_examples=60, deadline=None)
@given(rectangles(16), rectangles(12), st.integers(-13, 17), st.integers(-13, 17), st.booleans())
def test_what_always_holds(
    make_entries: Make,
    lower: list[tuple[int, int, int, int]],
    upper: list[tuple[int, int, int, int]],
    top: int,
    left: int,
    soft: bool,
) -> None:
    below, other = make_entries(16, 16, lower, grey=40), make_entries(12, 12, upper, grey=160)
    after = paste(below, other, top, left, blend=0.8 * soft)
    masks, boxes = plain(after["masks"]), plain(after["boxes"])
    assert len(masks) == len(boxes) == len(after["labels"])
    assert masks.shape[1:] == after["image"].shape[1:] == after["semantic"].shape == (16, 16)
    number = len(upper)  # how many were pasted is not known: find where the upper ones begin
    pasted = np.zeros((16, 16), dtype=bool)
    pasted[max(top, 0) : max(top + 12, 0), max(left, 0) : max(left + 12, 0)] = True
    if not soft:
        image = plain(after["image"])[0]
        is_upper = image == 160
        assert (pasted | ~is_upper.numpy()).all()
        uppers = [bool((mask & is_upper).any()) for mask in masks]
        assert uppers == sorted(uppers) and sum(uppers) <= number
        for mask, above in zip(masks, uppers, strict=True):  # none lies half below
            assert torch.equal(mask & is_upper, mask if above else torch.zeros_like(mask))
        assert torch.equal(masks[torch.tensor(uppers, dtype=torch.bool)].any(dim=0), is_upper)
        semantic = plain(after["semantic"])
        assert torch.equal(semantic[~is_upper], plain(below["semantic"])[~is_upper])
        assert (semantic[is_upper] > 0).all()
    for mask, box in zip(masks, boxes, strict=True):
        rows, columns = mask.any(dim=1).nonzero(), mask.any(dim=0).nonzero()
        tight = [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        assert box.tolist() == [float(side) for side in tight]


def test_the_share_of_objects_is_drawn(make_entries: Make) -> None:
    below = make_entries(10, 40, [])
    other = make_entries(10, 40, [(4 * n, 0, 4 * n + 3, 3) for n in range(10)])
    torch.manual_seed(0)

    def counts(share: tuple[float, float]) -> set[int]:
        some = CopyPaste(Augment(copy_paste=1.0, paste_share=share))
        return {len(some(below, other)["labels"]) for _ in range(150)}

    assert counts((0.0, 1.0)) == set(range(1, 11))
    assert counts((0.0, 0.0)) == {1}
    assert counts((0.3, 0.5)) == {4, 5}
    assert counts((1.0, 1.0)) == {10}
    fifth = CopyPaste(Augment(copy_paste=1.0, paste_share=(0.2, 0.2)))
    seen = {tuple(fifth(below, other)["labels"].tolist()) for _ in range(80)}
    assert len(seen) > 20  # which ones, too
    nothing = make_entries(10, 40, [])
    assert ALWAYS(below, nothing) is below


def test_a_smaller_image_lies_anywhere_within(make_entries: Make) -> None:
    torch.manual_seed(0)
    below, other = make_entries(4, 6, []), make_entries(2, 3, [(0, 0, 3, 2)])
    places = {tuple(ALWAYS(below, other)["boxes"][0].tolist()) for _ in range(200)}
    assert places == {(x, y, x + 3, y + 2) for x in range(4) for y in range(3)}
    swapped = {len(ALWAYS(other, below)["labels"]) for _ in range(5)}
    assert swapped == {1}


def test_partners_are_others_and_as_often_as_asked() -> None:
    torch.manual_seed(0)
    drawn = [CopyPaste(Augment(copy_paste=0.25)).partner(3, 6) for _ in range(2000)]
    others = [one for one in drawn if one is not None]
    assert set(others) == {0, 1, 2, 4, 5}
    assert len(others) / len(drawn) == pytest.approx(0.25, abs=0.03)
    assert ALWAYS.partner(0, 1) == 0
    assert CopyPaste(Augment(copy_paste=0.0)).partner(0, 5) is None


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"copy_paste": 1.5}, "copy_paste"),
        ({"copy_paste": 1.0, "paste_share": (0.5, 0.2)}, "paste_share"),
        ({"copy_paste": 1.0, "paste_share": (-1, 0.2)}, "paste_share"),
        ({"copy_paste": 1.0, "paste_blend": float("nan")}, "paste_blend"),
    ],
)
def test_values_that_make_no_sense(options: dict[str, Any], word: str) -> None:
    with pytest.raises((UsageError, ValueError), match=f"{word} is"):
        CopyPaste(Augment(**options))


@pytest.mark.parametrize("name", ["nuclei", "mushrooms"])
def test_real_images(datasets: Path, name: str) -> None:
    folder = datasets / name
    index = read_coco(folder / "annotations" / "instances_val.json", folder / "images")
    transforms = training_transforms(
        (256, 256), Augment(scale_jitter=(0.5, 2.0), crop=(128, 128), quarter_turns=True, blur=1.0)
    )
    semantics = choose_semantics("auto", index)
    plain_set = CocoDataset(index, transforms, semantics)
    pasted_set = CocoDataset(index, transforms, semantics, copy_paste=ALWAYS)
    more = 0
    for number in range(6):
        torch.manual_seed(number)
        before = plain_set[number].target
        torch.manual_seed(number)
        sample = pasted_set[number]
        target = sample.target
        assert before is not None and target is not None and target.masks is not None
        assert target.semantic is not None
        height, width = sample.image.shape[:2]
        masks = dense_masks(target.masks)[:, :height, :width]
        assert masks.flatten(1).any(dim=1).all()
        assert len(masks) == len(target.boxes) == len(target.labels)
        assert (target.boxes[:, 2:] > target.boxes[:, :2]).all()
        labels = target.semantic[masks.any(dim=0)]
        # One class; a tiny object may keep a pixel that its labels did not when it was resized.
        assert (labels == 0).float().mean() > 0.99
        more += len(masks) - len(before.labels)
    assert more > 0


def test_data_without_masks_is_refused(datasets: Path) -> None:
    folder = datasets / "nuclei"
    annotations = folder / "annotations" / "instances_val.json"
    index = read_coco(annotations, folder / "images", masks="ignored")
    with pytest.raises(UsageError, match=r"U04: copy_paste.*instances_val\.json"):
        check_masks(index)
    with pytest.raises(UsageError, match="U04: copy_paste"):
        CocoDataset(index, copy_paste=ALWAYS)
