"""PNG, JPEG and all other formats that are decoded whole, by OpenCV or else Pillow."""

from __future__ import annotations

import re
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...errors import DataError
from ...runtime.opencv_logs import no_opencv_logs
from ...structures.rules.reading import Reading
from . import orientation
from .channels import choose_page
from .exif import PNG, orientation_of
from .info import Facts

_STORED: Final = cv2.IMREAD_IGNORE_ORIENTATION  # turned here, by one rule for all formats
_DEEP: Final = {"F", "I", "I;16", "I;16B", "I;16L", "I;16N"}  # modes of Pillow that are not 8 bits
_MAYBE_DEEP: Final = {"PPM", "JPEG2000"}  # formats whose mode does not tell
_FIRST_ONLY: Final = {"MPO", "PSD", "ICO", "ICNS"}  # the first picture is the image
_GREY: Final = {"1", "L", "LA", "La", *_DEEP}
# A marker that is neither a stuffed zero nor a restart: the next part of a JPEG file.
_JPEG_MARKER: Final = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


class CodedPlanes:
    """One picture of a coded file, decoded when its values are first asked for.

    8 bits are decoded as the reference does (`cv2.imdecode`), by Pillow where OpenCV cannot.

    Raises:
        DataError: D02 for a file that is cut off, or has several pictures and none is chosen.
    """

    def __init__(self, data: bytes, image: Image.Image, reading: Reading, label: str) -> None:
        self._data, self._image, self._label = data, image, label
        self._decoded: NDArray[Any] | None = None
        _check_whole(data, label)
        _check_colours(image, label)
        self._page, used = _chosen_page(image, reading, label)
        dtype, channels = np.dtype(np.uint8), 3
        self._is_deep = _may_be_deep(data, image)
        if self._is_deep:
            values = self._deep()
            self._decoded, dtype, channels = values, values.dtype, values.shape[2]
        grey = image.mode in _GREY if not self._is_deep else channels in (1, 2)
        has_alpha = _has_alpha(image) and channels == 3
        if grey and reading.channels is not None:  # else grey is decoded as three equal channels
            channels = 1
        colours = (0, 1, 2) if channels >= 3 else (0,)
        self._facts = Facts(
            format=image.format or "image",
            axes="YX" if grey else "YXS",
            dtype=dtype,
            size=(image.height, image.width),
            channels=channels,
            colours=colours,
            extra="alpha" if channels > len(colours) else "",
            used=(*used, *(("alpha left out",) if has_alpha else ())),
            orientation=orientation_of(data, image),
        )

    @property
    def facts(self) -> Facts:
        """Facts that are known before a pixel is decoded."""
        return self._facts

    def values(self, window: orientation.Window, channels: tuple[int, ...] | None) -> NDArray[Any]:
        """Values (height, width, C) of a window in the frame of the file.

        Raises:
            DataError: D02 for what cannot be decoded.
        """
        if self._decoded is None:
            self._decoded = self._eight_bits()
            self._data = b""
        if self._decoded.shape[:2] != self._facts.size:
            tall, wide = self._decoded.shape[:2]
            raise DataError(
                "D02",
                f"{self._label} has {wide} x {tall} pixels, but its header says "
                f"{self._facts.size[1]} x {self._facts.size[0]}. Save it again.",
            )
        return window_of(self._decoded, window, channels)

    def close(self) -> None:
        """Close the file."""
        self._image.close()

    def _eight_bits(self) -> NDArray[np.uint8]:
        if self._page == 0:
            pixels = _by_opencv(self._data, cv2.IMREAD_COLOR | _STORED)
            if pixels is not None:
                return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)
        return by_pillow(self._image, self._page, self._label)

    def _deep(self) -> NDArray[Any]:
        """Values of 16 or 32 bits, or of 8 where a file turns out to have no more."""
        pixels = None
        if self._image.mode not in {"F", "I"} or self._image.format in _MAYBE_DEEP:
            pixels = _by_opencv(self._data, cv2.IMREAD_UNCHANGED | _STORED)
        if pixels is None:
            return by_pillow(self._image, self._page, self._label)
        if pixels.ndim == 2:
            return pixels[:, :, None]
        if pixels.shape[2] >= 3:
            return pixels[:, :, [2, 1, 0, *range(3, pixels.shape[2])]]
        return pixels


def window_of(
    values: NDArray[Any], window: orientation.Window, channels: tuple[int, ...] | None
) -> NDArray[Any]:
    """A window of values (H, W, C), and of these the `channels`; a view where that is possible."""
    top, left, height, width = window
    part = values[top : top + height, left : left + width]
    if channels is None or channels == tuple(range(part.shape[2])):
        return part
    return part[:, :, list(channels)]


def by_pillow(image: Image.Image, page: int, label: str) -> NDArray[Any]:
    """Values (H, W, C) of a picture as Pillow decodes it, not turned.

    Raises:
        DataError: D02 for what cannot be decoded.
    """
    try:
        if page:
            image.seek(page)
        if image.mode in _DEEP:
            return np.asarray(image)[:, :, None]
        return np.asarray(image.convert("RGB"))
    except Exception as error:  # noqa: BLE001 - on hostile bytes, decoders raise anything
        raise DataError(
            "D02", f"{label} cannot be decoded: {error}. Copy, download or save it again."
        ) from None


def _may_be_deep(data: bytes, image: Image.Image) -> bool:
    if data.startswith(PNG):
        return len(data) > 24 and data[24] == 16  # bits of a sample
    return image.mode in _DEEP or image.format in _MAYBE_DEEP


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info


def _chosen_page(image: Image.Image, reading: Reading, label: str) -> tuple[int, tuple[str, ...]]:
    """The picture of the file that is read, and words where there is a choice."""
    try:
        pages = int(getattr(image, "n_frames", 1))
    except Exception:  # noqa: BLE001 - a damaged animation, whose first picture may be whole
        pages = 1
    if image.format in _FIRST_ONLY and reading.page is None:
        return 0, (f"first of {pages} pictures",) if pages > 1 else ()
    shape = (pages, image.height, image.width)
    page = choose_page(pages, "QYX", shape, reading, label)
    return page, (f"page {page} of {pages}",) if pages > 1 else ()


def _by_opencv(data: bytes, flags: int) -> NDArray[Any] | None:
    """Decode an image file by OpenCV; None where it cannot."""
    try:
        with no_opencv_logs():
            pixels = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        return None
    if pixels is None or pixels.size == 0:  # the stubs do not know of None
        return None
    return np.asarray(pixels)


def _check_whole(data: bytes, label: str) -> None:
    kind = "JPEG" if data.startswith(b"\xff\xd8") else "PNG" if data.startswith(PNG) else ""
    if (kind == "JPEG" and not _jpeg_is_whole(data)) or (kind == "PNG" and not _png_is_whole(data)):
        raise DataError(
            "D02",
            f"{label} is cut off: the {kind} data ends before the image does. Copy or download "
            "it again.",
        )


def _check_colours(image: Image.Image, label: str) -> None:
    """Refuse a PNG without its table of colours, which Pillow takes for black."""
    if image.format == "PNG" and image.mode == "P" and image.palette is None:
        raise DataError(
            "D02",
            f"{label} is damaged: its table of colours is missing. Copy or download it again.",
        )


def _jpeg_is_whole(data: bytes) -> bool:
    """Return whether the end marker of the first image is there.

    Decoders fill what is missing with grey, and do not all say so. A thumbnail's own end marker
    lies inside a segment, which is skipped.
    """
    position = 2
    while (match := _JPEG_MARKER.search(data, position)) is not None:
        marker, position = data[match.end() - 1], match.end()
        if marker == 0xD9:
            return True
        if marker not in {0x01, 0xD8}:  # all others say how long they are
            position += max(int.from_bytes(data[position : position + 2], "big"), 2)
    return False


def _png_is_whole(data: bytes) -> bool:
    """Return whether all parts up to the last one are there, as long as they say.

    OpenCV takes memory for the length that a part declares, up to two gigabytes.
    """
    position = len(PNG)
    while position + 8 <= len(data):
        kind = data[position + 4 : position + 8]
        position += 12 + int.from_bytes(data[position : position + 4], "big")
        if kind == b"IEND":
            return True
    return False
