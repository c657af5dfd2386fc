"""The orientation that a coded picture says, found without decoding it."""

from __future__ import annotations

import io
from typing import BinaryIO, Final

from PIL import Image

from . import orientation

PNG: Final = b"\x89PNG\r\n\x1a\n"
_JPEG: Final = b"\xff\xd8"
_TEXT: Final = {b"iTXt", b"zTXt", b"tEXt"}  # chunks of a PNG that may hold an orientation
_SAYS: Final = (b"XML:com.adobe.xmp", b"Raw profile type")  # of such a chunk
_SCAN, _APP1, _END = 0xDA, 0xE1, 0xD9  # markers of a JPEG


def orientation_of(data: bytes, image: Image.Image) -> int:
    """The EXIF orientation of a picture, 1 to 8; `image` is its header, opened by Pillow."""
    is_png = data.startswith(PNG)
    if is_png and not _png_says(io.BytesIO(data)):
        return orientation.UPRIGHT  # Pillow would decode the pixels to look behind them
    try:
        if not is_png:
            return orientation.known(image.getexif().get(orientation.TAG))
        with Image.open(io.BytesIO(data)) as copy:  # which looking behind the pixels closes
            return orientation.known(copy.getexif().get(orientation.TAG))
    except Exception:  # noqa: BLE001 - metadata that cannot be read says nothing
        return orientation.UPRIGHT


def may_be_turned(file: BinaryIO) -> bool:
    """Return whether the picture in `file` may say an orientation, from its first bytes."""
    head = file.read(8)
    if head == PNG:
        file.seek(0)
        return _png_says(file)
    if head.startswith(_JPEG):
        file.seek(2)
        return _jpeg_says(file)
    return True


def _png_says(file: BinaryIO) -> bool:
    file.seek(len(PNG))
    while len(head := file.read(8)) == 8:
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        if kind == b"eXIf":
            return True
        start = file.read(32) if kind in _TEXT else b""
        if start.startswith(_SAYS):
            return True
        file.seek(length + 4 - len(start), io.SEEK_CUR)
    return False


def _jpeg_says(file: BinaryIO) -> bool:
    """Return whether there is a segment of EXIF or XMP before the pixels."""
    while len(marker := file.read(2)) == 2:
        if marker[0] != 0xFF:
            return True  # not as it should be: whoever reads it says so
        if marker[1] == 0xFF:
            file.seek(-1, io.SEEK_CUR)  # padding
            continue
        if marker[1] in (_SCAN, _END):
            return False
        if marker[1] == _APP1:
            return True
        length = int.from_bytes(file.read(2), "big")
        file.seek(max(length - 2, 0), io.SEEK_CUR)
    return False
