"""From images of any size to one batch of normalised pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ..errors import ModelError
from ..structures.detection import ImageBatch, Size, Target
from .resizing import padded_size

Channels = tuple[float, ...]  # a value for each channel, on the scale 0 to 255


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """One image as the network will see it, before normalisation, and what is in it."""

    image: NDArray[np.uint8]  # (h, w, 3) RGB or (h, w, C), already resized
    original_size: Size  # of the file
    target: Target | None = None
    image_id: int | None = None
    file_name: str | None = None


def batch_images(
    images: Sequence[NDArray[np.uint8]],
    original_sizes: Sequence[Size],
    mean: Channels,
    std: Channels,
) -> ImageBatch:
    """Resized images (h, w, C) uint8 as one batch: normalised, then padded with zeros.

    `mean` and `std` have a value for each of the C channels.

    Each image stands in the upper left corner of the smallest canvas that holds them all, whose
    sides are multiples of 32 and at least 96 pixels.

    Raises:
        ModelError: M05 for no images at all, or pixels that are not (h, w, C) uint8.
    """
    if not images:
        raise ModelError("M05", "a batch needs at least one image")
    for image in images:
        fits = image.ndim == 3 and image.shape[2] == len(mean)
        if image.dtype != np.uint8 or not fits or image.size == 0:
            raise ModelError(
                "M05",
                f"an image of shape {image.shape} and type {image.dtype} cannot be batched; "
                "read it with relook.data.images.read_image",
            )
    sizes = tuple((int(image.shape[0]), int(image.shape[1])) for image in images)
    padded = tuple(padded_size(size) for size in sizes)
    canvas = max(height for height, _ in padded), max(width for _, width in padded)
    pixels = torch.zeros((len(images), len(mean), *canvas))
    shift, scale = (torch.tensor(values)[:, None, None] for values in (mean, std))
    for row, image, (height, width) in zip(pixels, images, sizes, strict=True):
        values = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1).float()
        row[:, :height, :width] = (values - shift) / scale
    scales = tuple(
        (width / original_width, height / original_height)
        for (height, width), (original_height, original_width) in zip(
            sizes, original_sizes, strict=True
        )
    )
    return ImageBatch(pixels, sizes, padded, tuple(original_sizes), scales)


def collate(
    samples: Sequence[Sample], mean: Channels, std: Channels
) -> tuple[ImageBatch, list[Target]]:
    """A batch of training samples and their targets.

    ``functools.partial(collate, mean=..., std=...)`` is a collate function that can be sent to
    worker processes.

    Raises:
        ModelError: M05 for a sample without a target.
    """
    targets = [sample.target for sample in samples if sample.target is not None]
    if len(targets) != len(samples):
        raise ModelError("M05", "a sample without target cannot be trained on; use batch_images")
    images = batch_images([s.image for s in samples], [s.original_size for s in samples], mean, std)
    return images, targets
