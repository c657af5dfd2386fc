"""An opened image of any format: channels chosen, values mapped, everything upright."""

from __future__ import annotations

from collections.abc import Iterator
from types import TracebackType
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...structures.detection import Size
from ...structures.rules.reading import Reading
from .channels import choose_channels
from .info import Facts, ImageInfo, Pixels, Planes
from .intensities import (
    Limits,
    count_invalid,
    extremes,
    is_mapped,
    limits_of,
    mapped,
    sampled,
)
from .limits import check_pixels
from .orientation import Window, stored_window, upright, upright_affine, upright_size

_BLOCK: Final = 256  # pixels: side of the blocks that a large image is sampled in
_BLOCKS: Final = 8  # of them along each side
_WHOLE: Final = 16_000_000  # pixels up to which the whole image is sampled


class Opened:
    """An image whose values a reader of its format gives; see `OpenedImage`.

    Raises:
        DataError: D02 for channels that nobody chose, or that are not there.
    """

    def __init__(self, planes: Planes, reading: Reading, label: str) -> None:
        facts = planes.facts
        self._planes, self._reading, self._label = planes, reading, label
        self._channels, self._words = choose_channels(facts, reading, label)
        self._maps = not facts.as_is and is_mapped(facts.dtype, reading)
        self._limits: Limits | None = None
        self._invalid = 0
        self._sides: set[str] = set()  # of bounds, on which values lie

    @property
    def size(self) -> Size:
        """(height, width) in pixels, upright."""
        facts = self._planes.facts
        return upright_size(facts.size, facts.orientation)

    @property
    def channels(self) -> tuple[int, ...]:
        """Numbers of the channels that pixels are made of."""
        return self._channels

    @property
    def decoded_bytes(self) -> int:
        """Bytes of all values that are decoded for a channel of the image: its planes, and samples
        that stand together with those that are meant."""
        facts = self._planes.facts
        height, width = facts.size
        return height * width * facts.decoded * facts.dtype.itemsize

    @property
    def info(self) -> ImageInfo:
        """Information about the image; `invalid` counts what has been read."""
        mapping = "8 bits as they are"
        if self._maps:
            mapping = self._reading.mapping_words().removeprefix("8 bits as they are; else ")
        if len(self._sides) == 1 and all(self._sides):
            mapping += f" (every value is {''.join(self._sides)})"
        facts = self._planes.facts
        return _info_of(facts, "; ".join([*facts.used, self._words, mapping]), self._invalid)

    @property
    def is_windowed(self) -> bool:
        """Return whether a window is read without the rest of the image."""
        return self._planes.facts.is_windowed

    def read(self) -> Pixels:
        """All pixels (H, W, 3) uint8, mapped and upright.

        Raises:
            DataError: D02 for more pixels than the limit, or values that cannot be decoded.
        """
        height, width = self.size
        facts = self._planes.facts
        depth = len(self._channels) * facts.dtype.itemsize
        check_pixels(self._label, facts.size, depth, windowed=facts.is_windowed)
        values = self._window((0, 0, height, width), self._channels)
        self._invalid, self._sides = 0, set()
        return self._noted(values)

    def read_window(
        self, top: int, left: int, height: int, width: int, *, counted: bool = False
    ) -> Pixels:
        """Pixels (height, width, 3) of a window, mapped as those of the whole image are.

        With `counted`, its values that are not finite are added to those in `info`.

        Raises:
            DataError: D02 for values that cannot be decoded.
        """
        values = self._window((top, left, height, width), self._channels)
        return self._noted(values) if counted else self._finished(values)

    def native_window(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """Values (height, width, C) of all channels of a window, as the file has them.

        Raises:
            DataError: D02 for a window that leaves the image, or values that cannot be decoded.
        """
        return self._window((top, left, height, width), None)

    def close(self) -> None:
        """Close the file."""
        self._planes.close()

    def __enter__(self) -> Opened:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _window(self, window: Window, channels: tuple[int, ...] | None) -> NDArray[Any]:
        """Values of an upright window."""
        top, left, height, width = window
        tall, wide = self.size
        if (
            min(top, left) < 0
            or min(height, width) < 1
            or top + height > tall
            or (left + width > wide)
        ):
            raise DataError(
                "D02",
                f"{self._label}: the window of {height} x {width} pixels at ({top}, {left}) leaves "
                f"the image of {tall} x {wide} (height x width). Give one that is inside.",
            )
        facts = self._planes.facts
        stored = stored_window(window, facts.size, facts.orientation)
        return upright(self._planes.values(stored, channels), facts.orientation)

    def _noted(self, values: NDArray[Any]) -> Pixels:
        """Values as pixels; what `info` says of all values is noted."""
        self._invalid += count_invalid(values)
        pixels = self._finished(values)
        if self._maps and self._reading.scale == "bounds":
            level = int(pixels.min()) if pixels.min() == pixels.max() else -1
            words = {
                0: "at or below the lower one: all black",
                255: "at or above the upper one: all white",
            }
            self._sides.add(words.get(level, ""))
        return pixels

    def _finished(self, chosen: NDArray[Any]) -> Pixels:
        """Values of the chosen channels as 8-bit pixels."""
        if self._maps:
            chosen = mapped(chosen, self._bounds(chosen), self._planes.facts.nodata)
        elif chosen.dtype == np.bool_:
            chosen = chosen.astype(np.uint8) * 255
        if chosen.shape[2] == 1:
            grey = np.ascontiguousarray(chosen[:, :, 0], dtype=np.uint8)
            return np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB), dtype=np.uint8)
        return np.ascontiguousarray(chosen, dtype=np.uint8)

    def _bounds(self, chosen: NDArray[Any]) -> Limits:
        """The values that become 0 and 255, the same for every window of the image."""
        if self._limits is None:
            if self._reading.scale == "bounds" or chosen.shape[:2] == self.size:
                sample = self._regular(chosen)
            else:
                sample = self._sample()
            try:
                limits = limits_of(sample, self._reading, self._planes.facts.nodata)
            except ValueError as error:
                raise DataError(
                    "D02", f"{self._label}: {error}. Give one pair, or one for each channel."
                ) from None
            self._limits = self._widened(limits)
        return self._limits

    def _widened(self, limits: Limits) -> Limits:
        """`limits`; a channel of one value in all blocks has the extremes of the whole image."""
        height, width = self.size
        is_one = limits[:, 0] == limits[:, 1]
        if height * width <= _WHOLE or not is_one.any():
            return limits
        bands = (
            self._window((top, 0, min(_BLOCK, height - top), width), self._channels)
            for top in range(0, height, _BLOCK)
        )
        return np.where(is_one[:, None], extremes(bands, self._planes.facts.nodata), limits)

    def _regular(self, chosen: NDArray[Any]) -> NDArray[Any]:
        """Sample of a whole image that has been read: that of `_sample`."""
        height, width = self.size
        if height * width <= _WHOLE:
            return sampled(chosen)
        blocks = [
            chosen[top : top + tall, left : left + wide].reshape(-1, chosen.shape[2])
            for top, left, tall, wide in _grid(height, width)
        ]
        return np.concatenate(blocks)[:, None]

    def _sample(self) -> NDArray[Any]:
        height, width = self.size
        if height * width <= _WHOLE:
            return sampled(self._window((0, 0, height, width), self._channels))
        blocks = [
            self._window(window, self._channels).reshape(-1, len(self._channels))
            for window in _grid(height, width)
        ]
        return np.concatenate(blocks)[:, None]


def _grid(height: int, width: int) -> Iterator[Window]:
    """Windows spread evenly over an image."""
    tall, wide = min(_BLOCK, height), min(_BLOCK, width)
    for top in np.linspace(0, height - tall, _BLOCKS).astype(int).tolist():
        for left in np.linspace(0, width - wide, _BLOCKS).astype(int).tolist():
            yield top, left, tall, wide


def _info_of(facts: Facts, used: str, invalid: int) -> ImageInfo:
    pixel = facts.pixel_size
    if pixel is not None and facts.orientation >= 5:
        pixel = pixel[1], pixel[0]
    transform = facts.transform
    if transform is not None:
        transform = upright_affine(transform, facts.size, facts.orientation)
    if facts.orientation > 1:
        used += f"; turned upright (orientation {facts.orientation})"
    return ImageInfo(
        format=facts.format,
        axes=facts.axes,
        dtype=str(facts.dtype),
        used=used + (f"; {invalid} values are NaN or infinite" if invalid else ""),
        orientation=facts.orientation,
        pixel_size=pixel,
        crs=facts.crs,
        transform=transform,
        invalid=invalid,
        kind=f"{facts.format}, axes {facts.axes}, {facts.dtype}: {used}",
    )
