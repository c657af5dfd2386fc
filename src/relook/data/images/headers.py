"""Sizes and orientations of many image files, from as few of their bytes as tell them."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Final, NamedTuple

from PIL import Image

from ...errors import DataError
from ...structures.detection import Size
from ...structures.rules.reading import DEFAULT_READING, Reading
from .exif import PNG, may_be_turned, orientation_of
from .opening import stored_size
from .orientation import UPRIGHT

THREADS: Final = 8  # that wait for a slow disk or a network at the same time
_HEAD: Final = 1024  # bytes that hold the frame of most JPEG files without metadata
_GROUP: Final = 64  # files that a thread takes at a time
_JPEG: Final = b"\xff\xd8"
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})  # they give the size
_APP1, _SCAN, _END = 0xE1, 0xDA, 0xD9


class Header(NamedTuple):
    """Header of an image file, read without decoding it."""

    exists: bool
    size: Size | None = None  # (height, width) as stored; None where it cannot be read
    orientation: int = UPRIGHT
    problem: str = ""  # why it cannot be read, as a sentence


def read_headers(
    paths: Sequence[Path], reading: Reading = DEFAULT_READING, *, threads: int = THREADS
) -> list[Header]:
    """The headers of files, in the order of `paths`; also of those missing or no images."""
    if len(paths) <= _GROUP:
        return [read_header(path, reading) for path in paths]
    groups = [paths[start : start + _GROUP] for start in range(0, len(paths), _GROUP)]
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(lambda group: [read_header(path, reading) for path in group], groups)
        return [header for group in found for header in group]


def read_header(path: Path, reading: Reading = DEFAULT_READING) -> Header:
    """The header of one file; also of one that is missing or no image."""
    try:
        with path.open("rb") as file:
            quick = _quickly(file)
        if quick is not None:
            return Header(True, *quick)
        size, orientation = stored_size(path, reading)
    except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
        return Header(False)
    except DataError as error:
        return Header(True, problem=error.message)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
        return Header(_exists(path), problem=f"{path} cannot be read: {problem}.")
    return Header(True, size, orientation)


def _exists(path: Path) -> bool:
    """Return whether there is such a file; also for names that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _quickly(file: IO[bytes]) -> tuple[Size, int] | None:
    """Size and orientation of a PNG or a JPEG from its header; None for all that is not plain."""
    head = file.read(_HEAD)
    if head.startswith(_JPEG):
        return _of_jpeg(head) or _of_photograph(file)
    if head.startswith(PNG) and head[12:16] == b"IHDR":
        size = int.from_bytes(head[20:24], "big"), int.from_bytes(head[16:20], "big")
        file.seek(0)
        if min(size) > 0 and not may_be_turned(file):  # type: ignore[arg-type]
            return size, UPRIGHT
    return None


def _of_jpeg(head: bytes) -> tuple[Size, int] | None:
    """Size of a JPEG without metadata of an orientation before its frame; else None."""
    position = 2
    while position + 9 <= len(head) and head[position] == 0xFF:
        marker = head[position + 1]
        if marker in _FRAMES:
            height = int.from_bytes(head[position + 5 : position + 7], "big")
            width = int.from_bytes(head[position + 7 : position + 9], "big")
            return ((height, width), UPRIGHT) if height and width else None
        if marker in (_APP1, _SCAN, _END, 0xFF, 0x00):
            return None
        position += 2 + int.from_bytes(head[position + 2 : position + 4], "big")
    return None


def _of_photograph(file: IO[bytes]) -> tuple[Size, int] | None:
    """Size and orientation of a JPEG with metadata; its pixels are not read."""
    try:
        file.seek(0)
        with Image.open(file) as image:
            return (image.height, image.width), orientation_of(_JPEG, image)
    except Exception:  # noqa: BLE001 - whoever reads the image says what is wrong with it
        return None
