from __future__ import annotations

import functools
import pickle

import numpy as np
import pytest
import torch

from relook.data.batching import Sample, batch_images, collate
from relook.data.resizing import resize_image, resized_size
from relook.errors import ModelError
from relook.structures.detection import Target

MEAN, STD = (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)


def image(height: int, width: int) -> np.ndarray:  # type: ignore[type-arg]
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_pixels_are_normalised_and_padded_with_zeros() -> None:
    first, second = image(100, 200), image(161, 97)
    batch = batch_images([first, second], [(50, 100), (322, 97)], MEAN, STD)
    assert batch.pixels.shape == (2, 3, 192, 224)
    assert batch.pixels.dtype == torch.float32
    assert batch.sizes == ((100, 200), (161, 97))
    assert batch.padded_sizes == ((128, 224), (192, 128))
    assert batch.original_sizes == ((50, 100), (322, 97))
    assert batch.scales == ((2.0, 2.0), (1.0, 0.5))
    mean, std = torch.tensor(MEAN), torch.tensor(STD)
    expected = (torch.from_numpy(first).float() - mean) / std
    assert torch.equal(batch.pixels[0, :, :100, :200], expected.permute(2, 0, 1))
    assert (batch.pixels[0, :, 100:] == 0).all()
    assert (batch.pixels[0, :, :, 200:] == 0).all()
    assert (batch.pixels[1, :, 161:] == 0).all()


@pytest.mark.parametrize(
    ("width", "height", "w_scale", "h_scale", "padded_width", "padded_height"),
    [
        (640, 480, 1.6671875, 1.6666667, 1088, 800),
        (333, 500, 2.4024024, 2.402, 800, 1216),
        (1920, 1080, 0.6942708, 0.6944444, 1344, 768),
        (100, 600, 2.22, 2.2216667, 224, 1344),
    ],
)
def test_scales_and_padding_of_the_reference(
    width: int, height: int, w_scale: float, h_scale: float, padded_width: int, padded_height: int
) -> None:
    resized = resize_image(image(height, width), resized_size(height, width, (1333, 800)))
    batch = batch_images([resized], [(height, width)], MEAN, STD)
    assert batch.padded_sizes == ((padded_height, padded_width),)
    assert batch.scales[0] == pytest.approx((w_scale, h_scale), abs=1e-7)


@pytest.mark.parametrize("size", [(1, 1), (3, 1333), (96, 96), (97, 1)])
def test_tiny_images_get_maps_of_three_by_three(size: tuple[int, int]) -> None:
    batch = batch_images([image(*size)], [size], MEAN, STD)
    assert min(batch.pixels.shape[2:]) >= 96
    assert batch.pixels.shape[2] % 32 == batch.pixels.shape[3] % 32 == 0
    assert tuple(batch.pixels.shape[2:]) == batch.padded_sizes[0]


def test_a_strided_view_is_taken_as_it_is() -> None:
    flipped = image(40, 50)[:, ::-1]
    batch = batch_images([flipped], [(40, 50)], MEAN, STD)
    assert torch.equal(batch.pixels, batch_images([flipped.copy()], [(40, 50)], MEAN, STD).pixels)


def test_what_cannot_be_batched() -> None:
    with pytest.raises(ModelError, match=r"M05.*at least one"):
        batch_images([], [], MEAN, STD)
    for wrong in (np.zeros((4, 5, 3)), np.zeros((4, 5), np.uint8), np.zeros((0, 5, 3), np.uint8)):
        with pytest.raises(ModelError, match=r"M05.*shape"):
            batch_images([wrong], [(4, 5)], MEAN, STD)  # type: ignore[list-item]


def test_collate_keeps_the_order_and_takes_samples_without_objects() -> None:
    samples = [
        Sample(
            image(40, 50),
            (40, 50),
            Target(torch.zeros((n, 4)), torch.zeros(n, dtype=torch.int64)),
            n,
            f"{n}.png",
        )
        for n in (2, 0)
    ]
    together = pickle.loads(pickle.dumps(functools.partial(collate, mean=MEAN, std=STD)))
    images, targets = together(samples)
    assert len(images) == 2
    assert [len(target.boxes) for target in targets] == [2, 0]
    with pytest.raises(ModelError, match=r"M05.*without target"):
        collate([Sample(image(4, 5), (4, 5))], MEAN, STD)
