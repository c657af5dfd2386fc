"""Images on their way to the network: read, resized and put together in batches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..data.images import ImageInfo, ImageSource, OpenedImage, Pixels, Reading, open_image
from ..data.resizing import Limits, padded_size, resize_image, resized_size
from ..data.sources.addresses import Download, check_address, looks_like_address
from ..data.sources.stored import StoredImage
from ..errors import DataError, ModelError
from ..structures.detection import Size
from ..structures.rules.reading import DEFAULT_READING
from .scaling import ImageScale

ScaleFor = Callable[[Size], tuple[Limits, ImageScale]]
"""(long, short) limits for an image of (height, width), and its scale with the reason."""

_LOOKAHEAD = 4  # batches read ahead to find images of one padded size
_READ_AHEAD = 2  # images, where every one is a batch of its own
_LARGEST = 400_000_000  # pixels a network input may have


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """An image read and resized, and where it came from."""

    image: np.ndarray[Any, Any]  # (H, W, 3) uint8, at the size of its file
    resized: np.ndarray[Any, Any]
    source: str | None
    limits: Limits  # (long, short) sides that it was scaled to fit
    frame: int | None = None  # number of the frame in its video
    time: float | None = None  # seconds from the first frame of the video
    scale: ImageScale | None = None  # the reason for the limits, where they are not the model's
    info: ImageInfo | None = None

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

    source: ImageSource  # `str` of it names a file or a `StoredImage`
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


def read(
    source: ImageSource,
    limits: Limits,
    reading: Reading = DEFAULT_READING,
    scaled: ScaleFor | None = None,
) -> Prepared | Unreadable:
    """The image of `source`, scaled to fit `limits` (long, short) sides in pixels, or those that
    `scaled` has for an image of its size.

    Raises:
        ModelError: M05 for an image too large for the network.
    """
    try:
        return _prepare(source, limits, reading, scaled)
    except DataError as error:
        return Unreadable(source, error)


def resized(image: Pixels, limits: Limits) -> Pixels:
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


def _prepare(
    source: ImageSource,
    limits: Limits,
    reading: Reading,
    scaled: ScaleFor | None,
) -> Prepared:
    source = located(source)
    with open_image(source, reading) as opened:
        return prepared(opened, source, limits, scaled)


def located(source: ImageSource) -> ImageSource:
    """`source`, or the download that it means where it is an address.

    Raises:
        DataError: D02 for an address that is not allowed.
    """
    if isinstance(source, str) and looks_like_address(source):
        check_address(source)
        return Download(source)
    return source


def prepared(
    opened: OpenedImage, source: ImageSource, limits: Limits, scaled: ScaleFor | None
) -> Prepared:
    """The whole image of `source`, scaled to fit `limits` (long, short) sides in pixels, or those
    that `scaled` has for its size.

    Raises:
        DataError: D02 for pixels that cannot be decoded.
        ModelError: M05 when the scaled image is too large for the network.
    """
    image, info = opened.read(), opened.info
    scale, frame, time = None, None, None
    if scaled is not None:
        limits, scale = scaled(_size(image))
    if isinstance(source, StoredImage):
        frame, time = source.frame, source.time
    small = resized(image, limits)
    return Prepared(image, small, name_of(source), limits, frame, time, scale, info)


def name_of(source: ImageSource) -> str | None:
    """Name of the source of an image, if it has one."""
    if isinstance(source, str | Path):
        return str(source)
    name = getattr(source, "filename", None) or getattr(source, "name", None)
    return name if isinstance(name, str) and name else None


def _size(image: np.ndarray[Any, Any]) -> Size:
    return int(image.shape[0]), int(image.shape[1])
