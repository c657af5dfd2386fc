from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torchvision import tv_tensors
from torchvision.transforms import v2

from relook.data.augment.rule import Augment
from relook.data.augment.transforms import (
    LargeScaleJitterCrop,
    RandomQuarterTurn,
    ResizeKeepRatio,
    evaluation_transforms,
    resize_masks,
    training_transforms,
)
from relook.data.resizing import resized_size
from relook.errors import UsageError

Sample = dict[str, Any]


def scene(
    height: int = 60, width: int = 80, count: int = 12, seed: int = 0, with_masks: bool = True
) -> Sample:
    """Random rectangles whose boxes are tight; every pixel of the image says where it is from."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width]
    image = np.stack([x % 256, y % 256, (x + y) % 256]).astype(np.uint8)
    boxes, masks = [], np.zeros((count, height, width), bool)
    for g in range(count):
        w, h = random.integers(1, max(2, width // 3)), random.integers(1, max(2, height // 3))
        left, top = random.integers(0, width - w + 1), random.integers(0, height - h + 1)
        masks[g, top : top + h, left : left + w] = True
        boxes.append([left, top, left + w, top + h])
    sample: Sample = {
        "image": tv_tensors.Image(torch.from_numpy(image)),
        "boxes": tv_tensors.BoundingBoxes(
            torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
            format="XYXY",
            canvas_size=(height, width),
        ),
        "labels": torch.arange(count),
        "semantic": tv_tensors.Mask(torch.from_numpy(masks.any(axis=0).astype(np.uint8))),
    }
    if with_masks:
        sample["masks"] = tv_tensors.Mask(torch.from_numpy(masks))
    return sample


def plain(value: torch.Tensor) -> torch.Tensor:
    return value.as_subclass(torch.Tensor)


def tight(masks: torch.Tensor) -> torch.Tensor:
    boxes = []
    for mask in plain(masks):
        rows, columns = mask.any(dim=1).nonzero(), mask.any(dim=0).nonzero()
        boxes.append(torch.cat([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]))
    return torch.stack(boxes).float() if boxes else torch.zeros((0, 4))


@pytest.mark.parametrize("shape", [(1, 1), (50, 20000), (20000, 50), (1, 20000)])
def test_masks_of_extreme_shapes_keep_their_objects(shape: tuple[int, int]) -> None:
    size = resized_size(*shape, (1333, 800))
    masks = torch.zeros((2, *shape), dtype=torch.bool)
    masks[0] = True
    masks[1, -1, -1] = True
    assert resize_masks(masks, size).flatten(1).any(dim=1).all()


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 50), st.integers(1, 50), st.integers(1, 50), st.integers(1, 50))
def test_masks_are_resized_by_nearest_pixel(h: int, w: int, new_h: int, new_w: int) -> None:
    labels = torch.from_numpy(np.random.default_rng(h).integers(0, 256, (h, w), dtype=np.uint8))
    rows, columns = torch.arange(new_h) * h // new_h, torch.arange(new_w) * w // new_w
    resized = resize_masks(labels, (new_h, new_w))
    # OpenCV computes in floating point: where the division has no rest it may fall one short.
    exact = (torch.arange(new_h) * h % new_h != 0)[:, None] & (torch.arange(new_w) * w % new_w != 0)
    expected = labels[rows][:, columns]
    assert torch.equal(resized[exact], expected[exact])
    assert (resized == expected).float().mean() > 0.5 or not exact.any()


def test_no_object_is_lost_by_shrinking() -> None:
    masks = torch.zeros((100, 100, 100), dtype=torch.bool)
    for g in range(100):
        masks[g, g, 99 - g] = True
    small = resize_masks(masks, (7, 9))
    assert (small.flatten(1).sum(dim=1) == 1).all()
    y, x = small[50].nonzero()[0].tolist()
    assert (y, x) == (3, 4)
    assert not resize_masks(torch.zeros((1, 9, 9), dtype=torch.bool), (2, 2)).any()


def test_resize_scales_everything() -> None:
    before = scene()
    after = ResizeKeepRatio((160, 160))(before)
    assert after["image"].shape == (3, 120, 160)
    assert after["masks"].shape == (12, 120, 160)
    assert after["semantic"].shape == (120, 160)
    assert torch.equal(plain(after["boxes"]), plain(before["boxes"]) * 2)
    assert torch.equal(tight(after["masks"]), plain(after["boxes"]))
    areas = plain(before["masks"]).flatten(1).sum(1)
    assert torch.equal(plain(after["masks"]).flatten(1).sum(1), areas * 4)
    assert torch.equal(after["labels"], before["labels"])
    assert before["image"].shape == (3, 60, 80)


@settings(max_examples=60, deadline=None)
@given(st.integers(20, 200), st.integers(20, 200), st.integers(0, 99))
def test_areas_scale_and_objects_stay(long: int, short: int, seed: int) -> None:
    long, short = max(long, short), min(long, short)
    before = scene(seed=seed)
    after = ResizeKeepRatio((long, short))(before)
    h, w = after["image"].shape[-2:]
    assert len(after["masks"]) == len(after["boxes"]) == len(after["labels"]) == 12
    sides = plain(before["boxes"])
    for g in range(12):
        x1, y1, x2, y2 = sides[g].tolist()
        pixels = int(after["masks"][g].sum())
        assert pixels >= 1
        assert pixels <= ((x2 - x1) * w / 80 + 1) * ((y2 - y1) * h / 60 + 1) + 1e-3
        assert pixels >= ((x2 - x1) * w / 80 - 1) * ((y2 - y1) * h / 60 - 1) - 1e-3 or pixels == 1
    assert (plain(after["boxes"])[:, 2] <= w).all()
    assert (plain(after["boxes"])[:, 3] <= h).all()


def test_limits_are_drawn_from_a_range() -> None:
    torch.manual_seed(0)
    resize = ResizeKeepRatio(((100, 20), (100, 24)))
    heights = {resize(scene())["image"].shape[1] for _ in range(80)}
    assert heights == {20, 21, 22, 23, 24}
    longs = {ResizeKeepRatio(((30, 30), (32, 30)))(scene(60, 60))["image"].shape[2] for _ in "12"}
    assert longs == {30}


@pytest.mark.parametrize("limits", [((9, 8), (7, 8)), (0, 0), ((4, 3), 2)])
def test_limits_that_make_no_sense(limits: Any) -> None:
    with pytest.raises(UsageError, match="U03"):
        ResizeKeepRatio(limits)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 10**6),
    st.floats(0.1, 4),
    st.sampled_from([(32, 32), (20, 50), (64, 40), (1, 1)]),
    st.sampled_from([(60, 80), (200, 3), (1, 1), (33, 47)]),
)
def test_crops_keep_exactly_what_is_visible(
    seed: int, factor: float, crop: tuple[int, int], shape: tuple[int, int]
) -> None:
    torch.manual_seed(seed)
    before = scene(*shape, seed=seed % 50)
    jitter = LargeScaleJitterCrop((factor, factor), crop)
    top, left, (h, w), size = jitter.draw(*shape)
    jitter.draw = lambda *_: (top, left, (h, w), size)  # type: ignore[method-assign]
    after = jitter(before)
    assert after["image"].shape == (3, *size)
    assert size[0] <= crop[0]
    assert size[1] <= crop[1]
    window = plain(before["masks"])[:, top : top + h, left : left + w]
    visible = window.flatten(1).any(dim=1)
    assert torch.equal(after["labels"], before["labels"][visible])
    assert len(after["masks"]) == len(after["boxes"]) == int(visible.sum())
    assert torch.equal(plain(after["masks"]), resize_masks(window[visible], size))
    semantic = plain(before["semantic"])[top : top + h, left : left + w]
    assert torch.equal(plain(after["semantic"]), resize_masks(semantic, size))
    expected_box, boxes = tight(after["masks"]), plain(after["boxes"])
    if len(boxes) and size[0] >= h and size[1] >= w:  # else a mask may be the one pixel it kept
        assert (boxes - expected_box).abs().max() <= 1 + max(size[0] / h, size[1] / w)
    x1, y1, x2, y2 = plain(before["boxes"])[visible].unbind(1)
    is_cut = (x1 < left) | (y1 < top) | (x2 > left + w) | (y2 > top + h)
    assert torch.equal(boxes[is_cut], expected_box[is_cut])


def test_crop_at_factor_one_keeps_everything() -> None:
    before = scene(60, 80)
    after = LargeScaleJitterCrop((1.0, 1.0), (60, 80))(before)
    for key in ("image", "boxes", "labels", "masks", "semantic"):
        assert torch.equal(plain(after[key]), plain(before[key]))


def test_crop_cuts_pixels_from_one_place() -> None:
    torch.manual_seed(3)
    after = LargeScaleJitterCrop((2.0, 2.0), (30, 40))(scene(60, 80, count=0))
    image = plain(after["image"])
    assert (image[0].diff(dim=1) == 1).all()
    assert (image[1].diff(dim=0) == 1).all()
    assert len(after["boxes"]) == 0
    assert after["masks"].shape == (0, 30, 40)


def test_crops_without_masks_clip_boxes() -> None:
    torch.manual_seed(0)
    for _ in range(20):
        after = LargeScaleJitterCrop((1.0, 3.0), (30, 30))(scene(with_masks=False))
        boxes = plain(after["boxes"])
        assert len(boxes) == len(after["labels"])
        assert boxes.numel() == 0 or (boxes.min() >= 0 and boxes.max() <= 30)
        assert (boxes[:, 2:] > boxes[:, :2]).all()


def test_flips_twice_are_nothing_and_boxes_stay_on_their_masks() -> None:
    before = scene()
    for flip in (v2.RandomHorizontalFlip(1.0), v2.RandomVerticalFlip(1.0)):
        once = flip(before)
        assert torch.equal(tight(once["masks"]), plain(once["boxes"]))
        twice = flip(once)
        for key, value in before.items():
            assert torch.equal(plain(twice[key]), plain(value))


def test_quarter_turns() -> None:
    before = scene()
    turn = RandomQuarterTurn()
    seen = set()
    for seed in range(30):
        torch.manual_seed(seed)
        after = turn(before)
        assert torch.equal(tight(after["masks"]), plain(after["boxes"]))
        assert torch.equal(plain(after["masks"]).any(0), plain(after["semantic"]).bool())
        assert after["boxes"].canvas_size == tuple(after["image"].shape[-2:])
        seen.add((tuple(after["image"].shape), int(after["image"][0, 0, 0])))
    assert len(seen) == 4
    once = turn.transform(before["image"], {"turns": 1})
    back = turn.transform(once, {"turns": 3})
    assert torch.equal(plain(back), plain(before["image"]))


def test_training_transforms_together() -> None:
    transforms = training_transforms(
        (512, 512),
        Augment(
            scale_jitter=(0.5, 2.0),
            crop=(48, 48),
            vertical_flip=0.5,
            quarter_turns=True,
            colour=0.3,
        ),
    )
    torch.manual_seed(0)
    shapes = set()
    for seed in range(20):
        after = transforms(scene(seed=seed))
        assert after["image"].dtype == torch.uint8
        assert max(after["image"].shape) <= 48
        shapes.add(tuple(after["image"].shape))
        assert plain(after["masks"]).flatten(1).any(dim=1).all()
        assert (plain(after["boxes"])[:, 2:] > plain(after["boxes"])[:, :2]).all()
    assert len(shapes) > 1


def test_the_same_seed_gives_the_same_sample() -> None:
    transforms = training_transforms(
        (64, 64), Augment(scale_jitter=(0.5, 2.0), crop=(40, 40), colour=0.3)
    )
    copied = pickle.loads(pickle.dumps(transforms))
    torch.manual_seed(5)
    first = transforms(scene())
    torch.manual_seed(5)
    second = copied(scene())
    for key, value in first.items():
        assert torch.equal(plain(value), plain(second[key]))


def test_evaluation_only_resizes() -> None:
    after = evaluation_transforms((40, 40))(scene())
    assert after["image"].shape == (3, 30, 40)
    assert len(after["boxes"]) == 12


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"crop": (9, 9)}, "need each other"),
        ({"scale_jitter": (0.5, 2)}, "need each other"),
        ({"scale_jitter": (2, 0.5), "crop": (9, 9)}, "smallest, largest"),
        ({"scale_jitter": (0, 1), "crop": (9, 9)}, "U03"),
        ({"scale_jitter": (1, 1), "crop": (0, 9)}, "U03"),
        ({"flip": 1.5}, "interval"),
        ({"vertical_flip": -1}, "interval"),
        ({"blur": -1}, "U03"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, Any], message: str) -> None:
    with pytest.raises((UsageError, ValueError), match=message):
        training_transforms((64, 64), Augment(**options))


def test_a_range_of_sizes_goes_before_the_size_of_the_model() -> None:
    torch.manual_seed(0)
    transforms = training_transforms((16, 16), Augment(size=((40, 40), (80, 80)), flip=0))
    sides = {max(transforms(scene())["image"].shape) for _ in range(30)}
    assert min(sides) >= 40 and max(sides) <= 80 and len(sides) > 5
    assert max(training_transforms((16, 16))(scene())["image"].shape) == 16


def test_a_sample_needs_an_image() -> None:
    with pytest.raises(UsageError, match="needs an image"):
        ResizeKeepRatio((9, 9))({"labels": torch.zeros(2)})
