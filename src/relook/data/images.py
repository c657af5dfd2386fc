"""Images as people have them, as RGB pixels: files, PIL images, numpy arrays and tensors."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from ..errors import DataError
from ..structures.detection import Size
from .sources.signatures import refusal
from .sources.stored import StoredImage

Pixels = NDArray[np.uint8]  # (H, W, 3) RGB

_ORIENTATION = 0x0112  # EXIF tag; 5 to 8 swap height and width
_SLACK = 1e-4  # by which rounding may leave [0, 1]
# A marker that is neither a stuffed zero nor a restart: the next part of a JPEG file.
_JPEG_MARKER = re.compile(rb"\xff[\x01-\xcf\xd8-\xfe]")


def read_image(
    source: str
    | Path
    | bytes
    | bytearray
    | memoryview
    | IO[bytes]
    | StoredImage
    | Image.Image
    | NDArray[Any]
    | torch.Tensor,
    name: str | None = None,
) -> Pixels:
    """Contiguous RGB pixels (H, W, 3) uint8 of `source`, upright by its EXIF orientation.

    Files are decoded as the reference does (`cv2.imdecode`, 16 bit cut to the upper 8), by Pillow
    where OpenCV cannot. Arrays are (H, W, 3), (H, W) or (H, W, 1), tensors (3, H, W) or
    (H, W, 3); their values are uint8, or float from 0 to 1. Transparency is left out. `name`
    stands for the image in error messages.

    Images above twice ``PIL.Image.MAX_IMAGE_PIXELS`` (179 megapixels in all, unless it was
    changed) are refused before they are decoded.

    Raises:
        DataError: D01 for a missing file, D02 for everything that is not a whole image.
    """
    if isinstance(source, str | Path):
        path = name or str(source)
        return _from_bytes(file_bytes(Path(source), path), path)
    if isinstance(source, StoredImage):
        return read_image(source.load(), name or source.name)
    label = name or f"the given {type(source).__name__}"
    if isinstance(source, Image.Image):
        return _from_pil(source, name or getattr(source, "filename", "") or label)
    if isinstance(source, torch.Tensor):
        return _from_tensor(source, label)
    if isinstance(source, np.ndarray):
        return _from_array(source, label)
    if isinstance(source, bytes | bytearray | memoryview):
        return _from_bytes(bytes(source), label)
    if hasattr(source, "read"):
        return _from_open_file(source, name)
    raise DataError(
        "D02",
        f"{label} is no image. Give a path, the bytes of a file, a PIL image, a numpy array "
        "(H, W, 3) or a tensor (3, H, W).",
    )


def image_size(path: Path) -> Size:
    """(height, width) in pixels of the image in a file once upright, from its header alone.

    Raises:
        DataError: D01 for a missing file, D02 for a file that is no image.
    """
    with opened_image(file_bytes(path, str(path)), str(path)) as image:
        width, height = image.size
        swapped = image.getexif().get(_ORIENTATION, 1) in {5, 6, 7, 8}
    return (width, height) if swapped else (height, width)


def file_bytes(path: Path, label: str) -> bytes:
    """Read the bytes of an image file; D01 if there is none, D02 if it is empty or unreadable."""
    try:
        data = path.read_bytes()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise DataError("D01", f"{label}: there is no such file.") from None
    except IsADirectoryError:
        raise DataError("D01", f"{label} is a folder, an image file is needed.") from None
    except OSError as error:
        raise DataError("D02", f"{label} cannot be read: {error.strerror or error}.") from None
    if not data:
        raise DataError("D02", f"{label} is empty (0 bytes). Copy or download it again.")
    return data


def opened_image(data: bytes, label: str) -> Image.Image:
    """The header of an image file, its pixels not decoded yet; D02 if it is none or too large."""
    try:
        return Image.open(io.BytesIO(data))
    except Image.DecompressionBombError as error:
        raise DataError(
            "D02",
            f"{label} is too large: {error}. Cut it into tiles, or raise "
            "PIL.Image.MAX_IMAGE_PIXELS if you trust it.",
        ) from None
    except Exception:  # noqa: BLE001 - on hostile bytes, readers of headers raise anything
        raise DataError(
            "D02",
            f"{label} {refusal(data)}",
        ) from None


def _from_open_file(file: IO[bytes], name: str | None) -> Pixels:
    own = getattr(file, "name", None)
    label = name or (own if isinstance(own, str) and own else f"the given {type(file).__name__}")
    try:
        data = file.read()
    except (OSError, ValueError) as error:  # closed, too
        raise DataError("D02", f"{label} cannot be read: {error}.") from None
    if not isinstance(data, bytes):
        raise DataError("D02", f"{label} gives text. Open it for reading bytes: open(path, 'rb').")
    return _from_bytes(data, label)


def _from_bytes(data: bytes, label: str) -> Pixels:
    if not data:
        raise DataError("D02", f"{label} is empty (0 bytes). Copy or download it again.")
    with opened_image(data, label) as image:
        if data.startswith(b"\xff\xd8") and not _jpeg_is_whole(data):
            raise DataError(
                "D02",
                f"{label} is cut off: the JPEG data ends before the image does. Copy or download "
                "it again.",
            )
        if image.mode not in {"F", "I"}:  # OpenCV has no pixels for 32-bit samples
            pixels = _decoded(data)
            if pixels is not None:
                return pixels
        return _from_pil(image, label)


def _decoded(data: bytes) -> Pixels | None:
    """Decode an image file by OpenCV; None where it cannot."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    if pixels is None or pixels.size == 0:  # the stubs do not know of None
        return None
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), dtype=np.uint8)


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


def _from_pil(image: Image.Image, label: str) -> Pixels:
    try:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I;16"):
            return _as_rgb((np.asarray(upright) >> 8).astype(np.uint8), label)
        if upright.mode == "F":
            return _from_array(np.asarray(upright), label)
        if upright.mode == "I":
            raise DataError(
                "D02",
                f"{label} has 32-bit integer pixels, which have no agreed white. Save it with 8 "
                "or 16 bits.",
            )
        return _as_rgb(np.asarray(upright.convert("RGB")), label)
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - on hostile bytes, decoders raise anything
        raise DataError(
            "D02", f"{label} cannot be decoded: {error}. Copy, download or save it again."
        ) from None


def _from_tensor(tensor: torch.Tensor, label: str) -> Pixels:
    plain = tensor.detach().cpu()
    if plain.is_floating_point():
        plain = plain.float()
    if plain.ndim == 3 and plain.shape[0] == 3:
        return _from_array(plain.permute(1, 2, 0).numpy(), label)
    if plain.ndim == 3 and plain.shape[2] == 3 and plain.dtype == torch.uint8:
        return _from_array(plain.numpy(), label)
    raise DataError(
        "D02",
        f"{label} has shape {tuple(tensor.shape)} and type {tensor.dtype}. A tensor must be "
        "(3, H, W), uint8 or float from 0 to 1, or (H, W, 3) uint8; give a batch as a list.",
    )


def _from_array(array: NDArray[Any], label: str) -> Pixels:
    if array.dtype == np.uint8:
        return _as_rgb(array, label)
    if not np.issubdtype(array.dtype, np.floating):
        raise DataError(
            "D02", f"{label} holds {array.dtype}. Convert it to uint8, or to float from 0 to 1."
        )
    if array.size:
        low, high = float(array.min()), float(array.max())
        if not (low >= -_SLACK and high <= 1 + _SLACK):  # also false for NaN
            raise DataError(
                "D02",
                f"{label} holds floats from {low:g} to {high:g}. Floats must lie in 0 to 1: do "
                "not normalise images, and divide 0 to 255 by 255.",
            )
    return _as_rgb((array.clip(0, 1) * 255).round().astype(np.uint8), label)


def _as_rgb(array: NDArray[np.uint8], label: str) -> Pixels:
    """Grey repeated into three channels; any other shape than (H, W, 3) is refused."""
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.ndim == 2:
        array = np.repeat(array[:, :, None], 3, axis=2)
    if array.ndim != 3 or array.shape[2] != 3 or array.size == 0:
        raise DataError("D02", f"{label} has shape {array.shape}. {_shape_advice(array.shape)}")
    return np.ascontiguousarray(array)


def _shape_advice(shape: tuple[int, ...]) -> str:
    if 0 in shape:
        return "There are no pixels in it."
    if len(shape) == 3 and shape[2] == 4:
        return "Leave the alpha channel out: image[:, :, :3]."
    if len(shape) == 3 and shape[0] in {1, 3}:
        return "Arrays have their channels last: image.transpose(1, 2, 0)."
    if len(shape) == 4:
        return "Give a batch as a list of images."
    return "An array must be (H, W, 3) RGB, or (H, W) grey."
