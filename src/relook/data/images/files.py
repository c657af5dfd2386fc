"""Bytes of image files, and their headers by Pillow."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Final

from PIL import Image

from ...errors import DataError
from ..sources.signatures import refusal

_HEAD: Final = 16  # bytes that tell a format
_TIFF: Final = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # classic and BigTIFF
_NPY: Final = b"\x93NUMPY"
_FOR_OTHERS: Final = {"BUFR", "EPS", "GRIB", "HDF5", "MPEG", "WMF"}
"""Formats that Pillow opens, and hands to another program or library to be decoded."""
_HEIC: Final = (b"ftypheic", b"ftypheix", b"ftyphevc", b"ftypmif1", b"ftypmsf1")


def is_tiff(head: bytes) -> bool:
    """Return whether a file that starts with `head` is a TIFF file, of whatever kind."""
    return head[:4] in _TIFF


def is_npy(head: bytes) -> bool:
    """Return whether a file that starts with `head` is an array of numpy."""
    return head.startswith(_NPY)


def file_bytes(path: Path, label: str, whole: Callable[[bytes], bool] = bool) -> bytes:
    """Read the bytes of an image file, or the first ones where `whole` says no to them.

    Raises:
        DataError: D01 if there is no such file, D02 if it is empty or unreadable.
    """
    try:
        with path.open("rb", buffering=0) as file:  # read at once, nothing is copied
            data = file.read(_HEAD)
            if whole(data):
                file.seek(0)
                data = file.read()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise DataError("D01", f"{label}: there is no such file.") from None
    except IsADirectoryError:
        raise DataError("D01", f"{label} is a folder, an image file is needed.") from None
    except OSError as error:
        raise DataError("D02", f"{label} cannot be read: {error.strerror or error}.") from None
    if not data:
        raise DataError("D02", f"{label} is empty (0 bytes). Copy or download it again.")
    return data


def opened_header(data: bytes, label: str) -> Image.Image:
    """The header of an image file, its pixels not decoded yet; D02 if it is none or too large."""
    if data[4:12] in _HEIC:
        _learn_heic()
    try:
        try:
            image = Image.open(io.BytesIO(data))
        except Image.DecompressionBombWarning:  # of a program whose warnings are errors
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", Image.DecompressionBombWarning)
                image = Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise DataError(
            "D02",
            f"{label} is too large: {str(error).rstrip('.')}. Cut it into tiles, or raise "
            "PIL.Image.MAX_IMAGE_PIXELS if you trust it.",
        ) from None
    except Exception:  # noqa: BLE001 - on hostile bytes, readers of headers raise anything
        raise DataError(
            "D02",
            f"{label} {refusal(data)}",
        ) from None
    if image.format in _FOR_OTHERS:
        image.close()
        raise DataError("D02", f"{label} {refusal(data)}")
    return image


def _learn_heic() -> None:
    """Let Pillow open HEIC where the plugin for it is installed."""
    try:
        import pillow_heif
    except ImportError:
        return
    pillow_heif.register_heif_opener()
