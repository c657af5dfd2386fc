"""Information about an opened image, and what readers of formats give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, TypeAlias, Union, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...structures.detection import Size
from .orientation import Affine, Window

if TYPE_CHECKING:
    import torch

Pixels = NDArray[np.uint8]  # (H, W, 3) RGB, or (H, W, N) for a model of N channels


@runtime_checkable
class Loadable(Protocol):
    """An image with a name whose content comes when it is asked for."""

    @property
    def name(self) -> str:
        """Name for messages, journals and results."""
        ...

    def load(self) -> Any:
        """Bytes of a file, an array or a PIL image."""
        ...


ImageSource: TypeAlias = Union[
    str,
    Path,
    bytes,
    bytearray,
    memoryview,
    IO[bytes],
    Image.Image,
    NDArray[Any],
    "torch.Tensor",
    Loadable,
]
"""A file, its bytes or the open file, what has a name and loads one of these, or an image as PIL,
numpy (H, W, 3) or tensor (3, H, W)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageInfo:
    """Information about an image: what was used of it, and what its file says."""

    format: str
    """Name of the format, such as TIFF or PNG; ``array`` for pixels in memory."""
    axes: str
    """Axes as the file says, such as TZCYX; S are the samples of a pixel."""
    dtype: str
    used: str
    """Page, planes, channels and mapping, in words."""
    orientation: int = 1
    """EXIF orientation as stored, 1 to 8; pixels are upright."""
    pixel_size: tuple[float, float] | None = None
    """(height, width) of a pixel in micrometres once upright; None where it is unknown."""
    crs: str | None = None
    """Coordinate reference system: an EPSG code or WKT."""
    transform: Affine | None = None
    """Affine numbers a, b, c, d, e, f from upright pixels (x, y) to the CRS."""
    invalid: int = 0
    """Values that are not finite: NaN is read as the lowest value, infinities as the ends."""

    kind: str = ""
    """Line for people on all images that are read alike."""

    def to_json(self) -> dict[str, Any]:
        """The information as json values."""
        record: dict[str, Any] = {
            "format": self.format,
            "axes": self.axes,
            "dtype": self.dtype,
            "used": self.used,
            "orientation": self.orientation,
        }
        if self.invalid:
            record["invalid"] = self.invalid
        if self.pixel_size is not None:
            record["pixel_size_um"] = list(self.pixel_size)
        if self.crs is not None:
            record["crs"] = self.crs
        if self.transform is not None:
            record["transform"] = list(self.transform)
        return record


class OpenedImage(Protocol):
    """An image whose pixels are read when they are asked for; by one thread at a time."""

    @property
    def size(self) -> Size:
        """(height, width) in pixels, upright."""
        ...

    @property
    def info(self) -> ImageInfo:
        """Information about the image; `invalid` counts what has been read."""
        ...

    @property
    def is_windowed(self) -> bool:
        """Return whether a window is read without the rest of the image."""
        ...

    def read(self) -> Pixels:
        """All pixels (H, W, 3) uint8, mapped and upright."""
        ...

    def read_window(
        self, top: int, left: int, height: int, width: int, *, counted: bool = False
    ) -> Pixels:
        """Pixels (height, width, 3) of a window, mapped as those of the whole image are.

        With `counted`, its values that are not finite are added to those in `info`.
        """
        ...

    def native_window(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """Values (height, width, C) of all channels of a window, as the file has them."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Facts about an image from the reader of its format, in the frame in which it is stored."""

    format: str
    axes: str
    dtype: np.dtype[Any]
    size: Size
    channels: int
    colours: tuple[int, ...] | None = None
    """Channels that are grey (one) or red, green and blue (three); None where nobody says."""
    names: tuple[str, ...] = ()
    """Names of the channels, where they have any."""
    extra: str = ""
    """Word for channels beyond the colours: alpha, infrared."""
    used: tuple[str, ...] = ()
    """Choices in words: the page, the planes."""
    orientation: int = 1
    pixel_size: tuple[float, float] | None = None
    crs: str | None = None
    transform: Affine | None = None
    is_windowed: bool = False
    nodata: float | None = None
    """Value of pixels that were not measured."""
    decoded: int = 1
    """Values that are decoded for one pixel of a channel: samples of a page, planes of a stack."""
    as_is: bool = False
    """Values are 8-bit pixels already, also where they are stored otherwise."""


class Planes(Protocol):
    """Values of one image as they are stored: what the reader of a format implements."""

    @property
    def facts(self) -> Facts:
        """Facts that are known before a pixel is read."""
        ...

    def values(self, window: Window, channels: tuple[int, ...] | None) -> NDArray[Any]:
        """Values (height, width, C) of a window in the frame of the file; None: all channels."""
        ...

    def close(self) -> None:
        """Close the file."""
        ...
