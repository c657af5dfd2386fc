"""Images on their way to the network: read, resized and put together in batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from ..data.augment.transforms import resize_image, resized_size
from ..data.batching import padded_size
from ..data.images import Pixels, read_image
from ..errors import DataError, ModelError
from ..structures.detection import Size

ImageSource = str | Path | Image.Image | np.ndarray[Any, Any] | Tensor
"""A file, or an RGB image as PIL, numpy (H, W, 3) or tensor (3, H, W)."""

_LOOKAHEAD = 4  # batches read ahead to find images of one padded size
_READ_AHEAD = 2  # images, where every one is a batch of its own
_LARGEST = 400_000_000  # pixels a network input may have


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An image read and resized, and where it came from."""

    image: np.ndarray[Any, Any]  # (H, W, 3) uint8, as it came
    resized: np.ndarray[Any, Any]
    source: str | None

    @property
    def size(self) -> Size:
        """(height, width) of the image as it came."""
        return _size(self.image)

    @property
    def canvas(self) -> Size:
        """Padded size; images of one canvas can share a batch without changing each other."""
        return padded_size(_size(self.resized))


@dataclass(frozen=True, slots=True, eq=False)
class Unreadable:
    """An image that cannot be read, and why."""

    source: ImageSource
    error: DataError


def window_of(batch_size: int) -> int:
    """Images from which batches of one padded size are put together."""
    return 1 if batch_size == 1 else batch_size * _LOOKAHEAD


def read_ahead(batch_size: int) -> int:
    """Images that are read before the network asks for them."""
    return _READ_AHEAD if batch_size == 1 else window_of(batch_size)


def batches(window: Sequence[object], batch_size: int) -> list[list[int]]:
    """Rows of `window` that share a batch, the batch with the first of them first."""
    groups: dict[Size, list[int]] = {}
    for index, one in enumerate(window):
        if isinstance(one, Prepared):
            groups.setdefault(one.canvas, []).append(index)
    return sorted(
        group[start : start + batch_size]
        for group in groups.values()
        for start in range(0, len(group), batch_size)
    )


def read(source: ImageSource, limits: tuple[int, int]) -> Prepared | Unreadable:
    """The image of `source`, scaled to fit `limits` (long, short) sides in pixels.

    Raises:
        ModelError: M05 for an image too large for the network.
    """
    try:
        return _prepare(source, limits)
    except DataError as error:
        return Unreadable(source, error)


def resized(image: Pixels, limits: tuple[int, int]) -> Pixels:
    """`image` (H, W, 3) uint8 scaled to fit `limits` (long, short) sides in pixels.

    Raises:
        ModelError: M05 when that is too large for the network.
    """
    height, width = resized_size(*_size(image), limits)
    if height * width > _LARGEST:
        raise ModelError(
            "M05",
            f"an image of {image.shape[1]}x{image.shape[0]} pixels would be {width}x{height} for "
            f"the network, which is more than {_LARGEST:,} pixels. Use a smaller size than "
            f"{limits[0]} {limits[1]}.",
        )
    return np.require(resize_image(image, (height, width)), requirements="W")  # for tensors


def _prepare(source: ImageSource, limits: tuple[int, int]) -> Prepared:
    image = read_image(source)
    return Prepared(image, resized(image, limits), name_of(source))


def name_of(source: ImageSource) -> str | None:
    """The name of an image in results: its path, where it has one."""
    name = str(source) if isinstance(source, str | Path) else getattr(source, "filename", None)
    return name or None


def _size(image: np.ndarray[Any, Any]) -> Size:
    return int(image.shape[0]), int(image.shape[1])
