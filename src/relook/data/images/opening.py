"""From what people have to an opened image: by its content, never by its ending."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import IO, TYPE_CHECKING, TypeGuard, cast

import numpy as np
from PIL import Image

from ...errors import DataError
from ...structures.detection import Size
from ...structures.rules.reading import DEFAULT_READING, Reading
from .arrays import array_planes, npy_planes, pil_planes, tensor_planes
from .coded import CodedPlanes
from .exif import may_be_turned, orientation_of
from .files import file_bytes, is_npy, is_tiff, opened_header
from .info import ImageSource, Loadable, Pixels, Planes
from .opened import Opened
from .orientation import UPRIGHT, upright_size

if TYPE_CHECKING:
    import torch


def open_image(
    source: ImageSource, reading: Reading = DEFAULT_READING, name: str | None = None
) -> Opened:
    """Open an image, of which pixels are read when they are asked for; a context manager.

    `source` is a file, the bytes of one, an array (H, W, 3), (H, W) or (H, W, 1), a tensor
    (3, H, W) or (H, W, 3), a PIL image, or what has a name and loads one of these. `reading` says
    which page, planes and channels are meant, and how values become 0 to 255. `name` stands for
    the image in messages.

    Raises:
        DataError: D01 for a missing file, D02 for what is no whole image, or where nothing says
            which of several pages or channels is meant.
    """
    planes, label = _planes_of(source, reading, name)
    try:
        return Opened(planes, reading, label)
    except BaseException:
        planes.close()
        raise


def read_image(
    source: ImageSource, name: str | None = None, reading: Reading = DEFAULT_READING
) -> Pixels:
    """Contiguous pixels (H, W, 3) uint8 of `source`, upright by its orientation.

    8-bit files are decoded as the reference does (`cv2.imdecode`), by Pillow where OpenCV cannot.
    All other values are mapped as `reading` says: by default, percentiles 1 and 99.8 of each
    channel become 0 and 255. Floats from 0 to 1 in an array or a tensor are 8-bit pixels divided
    by 255. Transparency is left out. With other than one or three channels in `reading`, pixels
    are (H, W, N).

    Images above twice ``PIL.Image.MAX_IMAGE_PIXELS`` (179 megapixels in all, unless it was
    changed) are refused before they are decoded; `open_image` reads windows of larger ones.

    Raises:
        DataError: As `open_image`.
    """
    with open_image(source, reading, name) as image:
        return image.read()


def image_size(path: Path, reading: Reading = DEFAULT_READING) -> Size:
    """(height, width) in pixels of the image in a file once upright, from its header alone.

    Raises:
        DataError: As `open_image`.
    """
    size, turn = stored_size(path, reading)
    return upright_size(size, turn)


def stored_size(path: Path, reading: Reading = DEFAULT_READING) -> tuple[Size, int]:
    """(height, width) of the image in a file as it is stored, and its orientation, 1 to 8.

    Raises:
        DataError: As `open_image`.
    """
    label = str(path)
    data = file_bytes(path, label, whole=_is_coded)
    if not _is_coded(data):
        with open_image(path, reading) as opened:
            turn = opened.info.orientation
            return upright_size(opened.size, turn), turn
    with opened_header(data, label) as image:
        size = image.height, image.width
        return size, orientation_of(data, image)


def stored_orientation(path: Path, reading: Reading = DEFAULT_READING) -> int:
    """The orientation of the image in a file, 1 to 8, from as few bytes as say it.

    1 for a file that is missing or no image: that is told when it is read.
    """
    try:
        with path.open("rb") as file:
            if not may_be_turned(file):
                return UPRIGHT
        return stored_size(path, reading)[1]
    except (OSError, ValueError, DataError):
        return UPRIGHT


def _planes_of(source: ImageSource, reading: Reading, name: str | None) -> tuple[Planes, str]:
    """Values of `source` by the reader of its kind, and its name for messages."""
    if isinstance(source, str | Path):
        label = name or str(source)
        return _of_file(Path(source), reading, label), label
    label = name or f"the given {type(source).__name__}"
    if isinstance(source, bytes | bytearray | memoryview):
        return _of_bytes(bytes(source), reading, label), label
    if isinstance(source, Image.Image):
        label = name or getattr(source, "filename", "") or label
        return pil_planes(source, label), label
    if _is_tensor(source):
        return tensor_planes(source, reading, label), label
    if isinstance(source, np.ndarray):
        return array_planes(source, reading, label), label
    if isinstance(source, Loadable):
        return _planes_of(source.load(), reading, name or source.name)
    if hasattr(source, "read"):
        return _of_open_file(cast("IO[bytes]", source), reading, name)
    raise DataError(
        "D02",
        f"{label} is no image. Give a path, the bytes of a file, a PIL image, a numpy array "
        "(H, W, 3) or a tensor (3, H, W).",
    )


def _is_tensor(source: object) -> TypeGuard[torch.Tensor]:
    """Return whether `source` is a tensor; PyTorch is not imported, for who has one has it."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(source, torch.Tensor)


def _of_file(path: Path, reading: Reading, label: str) -> Planes:
    data = file_bytes(path, label, whole=_is_coded)
    if is_tiff(data):
        from .tiff import TiffPlanes

        return TiffPlanes(path, reading, label)
    if is_npy(data):
        return npy_planes(path, reading, label)
    return _coded(data, reading, label)


def _of_open_file(file: IO[bytes], reading: Reading, name: str | None) -> tuple[Planes, str]:
    own = getattr(file, "name", None)
    label = name or (own if isinstance(own, str) and own else f"the given {type(file).__name__}")
    try:
        data = file.read()
    except (OSError, ValueError) as error:  # closed, too
        raise DataError("D02", f"{label} cannot be read: {error}.") from None
    if not isinstance(data, bytes):
        raise DataError("D02", f"{label} gives text. Open it for reading bytes: open(path, 'rb').")
    return _of_bytes(data, reading, label), label


def _is_coded(head: bytes) -> bool:
    """Return whether a file that starts with `head` is decoded whole."""
    return not is_tiff(head) and not is_npy(head)


def _of_bytes(data: bytes, reading: Reading, label: str) -> Planes:
    if is_tiff(data):
        from .tiff import TiffPlanes

        return TiffPlanes(data, reading, label)
    if is_npy(data):
        return npy_planes(data, reading, label)
    if not data:
        raise DataError("D02", f"{label} is empty (0 bytes). Copy or download it again.")
    return _coded(data, reading, label)


def _coded(data: bytes, reading: Reading, label: str) -> CodedPlanes:
    image = opened_header(data, label)
    try:
        return CodedPlanes(data, image, reading, label)
    except BaseException:
        image.close()
        raise
