"""Changes of how an image looks: only the image changes, and as far as was asked."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torchvision import tv_tensors
from torchvision.transforms import v2

from relook.data.augment.appearance import RandomBlur, RandomNoise, appearance
from relook.data.augment.rule import Augment
from relook.errors import UsageError


def image(height: int = 40, width: int = 50, grey: int | None = None) -> tv_tensors.Image:
    if grey is not None:
        return tv_tensors.Image(torch.full((3, height, width), grey, dtype=torch.uint8))
    pixels = np.random.default_rng(0).integers(0, 256, (3, height, width), dtype=np.uint8)
    return tv_tensors.Image(torch.from_numpy(pixels))


def test_nothing_is_on_by_default() -> None:
    assert appearance(Augment()) == []


def test_only_the_image_changes() -> None:
    masks = torch.zeros(2, 40, 50, dtype=torch.bool)
    masks[0, 3:9, 4:8] = masks[1, 20:, 30:] = True
    boxes = torch.tensor([[4.0, 3, 8, 9], [30, 20, 50, 40]])
    sample: dict[str, Any] = {
        "image": image(),
        "boxes": tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=(40, 50)),
        "labels": torch.tensor([1, 0]),
        "masks": tv_tensors.Mask(masks),
        "semantic": tv_tensors.Mask(masks.any(dim=0).to(torch.uint8)),
    }
    torch.manual_seed(0)
    for step in appearance(Augment(colour=0.3, grey=1.0, blur=2.0, noise=9.0)):
        after = step(sample)
        assert after["image"].dtype == torch.uint8 and after["image"].shape == (3, 40, 50)
        assert (after["image"] != sample["image"]).any(), step
        for key in ("boxes", "labels", "masks", "semantic"):
            assert torch.equal(after[key], sample[key]) and type(after[key]) is type(sample[key])


def test_blur_is_a_gaussian_of_at_most_the_sigma_asked_for() -> None:
    point = torch.zeros(3, 41, 41, dtype=torch.uint8)
    point[:, 20, 20] = 255
    blurred = RandomBlur(2.0).transform(tv_tensors.Image(point), {"sigma": 1.5}).double()[0]
    offsets = torch.arange(-20.0, 21.0, dtype=torch.float64)
    spread = ((blurred.sum(dim=0) * offsets**2).sum() / blurred.sum()).sqrt()
    assert spread == pytest.approx(1.5, abs=0.15)  # rounded to whole grey levels
    torch.manual_seed(0)
    sigmas = [RandomBlur(2.0).make_params([])["sigma"] for _ in range(200)]
    assert 0 <= min(sigmas) < 0.1 and 1.9 < max(sigmas) <= 2.0
    same = RandomBlur(2.0).transform(image(), {"sigma": 0.0})
    assert torch.equal(same, image())


def test_blur_agrees_with_torchvision() -> None:
    ours = RandomBlur(2.0).transform(image(), {"sigma": 1.2}).int()
    theirs = v2.functional.gaussian_blur(image(), [9, 9], [1.2, 1.2]).int()
    inner = (ours - theirs)[:, 4:-4, 4:-4].abs()
    assert inner.max() <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 30), (3, 2)])
def test_images_smaller_than_the_kernel_are_blurred(shape: tuple[int, int]) -> None:
    after = RandomBlur(9.0).transform(image(*shape, grey=77), {"sigma": 8.0})
    assert after.shape == (3, *shape) and (after == 77).all()


def test_noise_has_the_sigma_asked_for_and_stays_in_range() -> None:
    torch.manual_seed(0)
    middle = image(200, 200, grey=128)
    added = RandomNoise(20.0).transform(middle, {"sigma": 12.0}).double() - 128
    assert added.std().item() == pytest.approx(12.0, abs=0.3)
    assert added.mean().abs() < 0.2
    for grey in (0, 255):  # would wrap around if it were not cut off
        ends = RandomNoise(20.0).transform(image(grey=grey), {"sigma": 12.0}).int()
        assert (ends - grey).abs().max() < 80
    sigmas = [RandomNoise(20.0).make_params([])["sigma"] for _ in range(200)]
    assert 0 <= min(sigmas) < 1 and 19 < max(sigmas) <= 20


def test_grey_is_a_chance() -> None:
    torch.manual_seed(0)
    (step,) = appearance(Augment(grey=0.5))
    grey = [bool((step(image()).diff(dim=0) == 0).all()) for _ in range(100)]
    assert 30 < sum(grey) < 70


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"colour": 1.0}, "colour"),
        ({"grey": 1.5}, "grey"),
        ({"blur": float("inf")}, "blur"),
        ({"noise": -1.0}, "noise"),
        ({"noise": float("nan")}, "noise"),
    ],
)
def test_options_that_make_no_sense(options: dict[str, float], word: str) -> None:
    with pytest.raises(UsageError, match=f"U03: {word} is"):
        appearance(Augment(**options))
