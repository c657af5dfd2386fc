"""Images that are no files of their own: members of archives, frames, downloads, bytes."""

from __future__ import annotations

import hashlib
import os
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Stamp = list[int | str]
"""Values that change when the content of an image does; json can write them."""

_LONGEST_STEM: Final = 160  # bytes; file systems take 255 with what is added
_LONGEST_FOLDER: Final = 40  # characters
_NOT_IN_NAMES: Final = re.compile(r'[\x00-\x1f\x7f\\/:*?"<>|]')


class StoredImage(ABC):
    """An image with a name, that is loaded when it is its turn.

    It can be pickled, so that the processes of one run can share a list of them.
    """

    name: str  # for people, journals and results; no two images of a run have the same

    @abstractmethod
    def load(self) -> bytes | NDArray[Any]:
        """The bytes of an image file, or pixels (H, W, 3) uint8 RGB.

        Raises:
            DataError: D01, D02 when it cannot be had.
        """

    def stamp(self) -> Stamp | None:
        """A value that changes when the image does; None where nothing tells."""
        return None

    @property
    def stem(self) -> str:
        """Beginning of the names of its results."""
        return PurePosixPath(self.name).stem

    @property
    def folders(self) -> tuple[str, ...]:
        """Names of the folders that its results go into, below those of their kind."""
        return ()

    @property
    def frame(self) -> int | None:
        """Number of the frame in its video, from 0; None where it is no frame."""
        return None

    @property
    def time(self) -> float | None:
        """Seconds from the first frame of the video; None where it is no frame."""
        return None

    def __str__(self) -> str:
        return self.name


AnyImage = Path | StoredImage
"""An image of a run: a file, or one that is stored elsewhere."""


@dataclass(frozen=True, slots=True)
class ImageBytes(StoredImage):
    """The bytes of an image file, which are in memory."""

    name: str
    content: bytes = field(repr=False)

    def load(self) -> bytes:
        """As `StoredImage.load`."""
        return self.content

    def stamp(self) -> Stamp:
        """Number of bytes and SHA-256."""
        return [len(self.content), hashlib.sha256(self.content).hexdigest()]


@dataclass(frozen=True, slots=True, eq=False)
class ImagePixels(StoredImage):
    """Pixels (H, W, 3) uint8 RGB under a name."""

    name: str
    pixels: NDArray[np.uint8] = field(repr=False)

    def load(self) -> NDArray[np.uint8]:
        """As `StoredImage.load`."""
        return self.pixels


def stamp_of(image: str | Path | StoredImage) -> Stamp | None:
    """Size in bytes and modification time of a file, or `StoredImage.stamp`; None if it is gone."""
    if isinstance(image, StoredImage):
        return image.stamp()
    try:
        status = Path(image).stat()
    except OSError:
        return None
    return [status.st_size, status.st_mtime_ns]


def name_of(image: str | Path | StoredImage, root: Path | None = None) -> str:
    """The name of the results of an image: its folders and its stem, with / between them.

    The folders of a file are those below `root`, and none where it is not inside; those of a
    member of an archive are the ones inside of the archive.
    """
    if isinstance(image, StoredImage):
        return "/".join([*image.folders, stem_of(image)])
    folders = _folders_below(Path(image), root)
    return "/".join([*folders, stem_of(image)])


def _folders_below(image: Path, root: Path | None) -> tuple[str, ...]:
    if root is None:
        return ()
    folder = Path(os.path.abspath(image.parent))  # noqa: PTH100 - symlinks are kept
    return folder.relative_to(root).parts if folder.is_relative_to(root) else ()


def safe_folder(name: str) -> str:
    """`name` as that of a folder: what names cannot hold everywhere becomes ``_``."""
    return _NOT_IN_NAMES.sub("_", name).strip(" .")[:_LONGEST_FOLDER] or "_"


def stem_of(image: str | Path | StoredImage) -> str:
    """The name of an image without ending, for files of its results.

    What file names cannot hold everywhere becomes ``_`` where the name was not one of a file, and
    what is too long is cut.
    """
    if isinstance(image, StoredImage):
        stem = _NOT_IN_NAMES.sub("_", image.stem).strip() or "image"
    else:
        stem = Path(image).stem
    encoded = stem.encode(errors="surrogateescape")
    if len(encoded) <= _LONGEST_STEM:
        return stem
    ends = range(_LONGEST_STEM, _LONGEST_STEM - 4, -1)  # between two letters of UTF-8
    end = next((end for end in ends if encoded[end] & 0xC0 != 0x80), _LONGEST_STEM)
    return encoded[:end].decode(errors="surrogateescape")


def printable(name: str) -> str:
    """`name` without control characters, which come as ``\\x1b`` and the like."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in name
    )
