"""Images in memory: numpy arrays and files of them, tensors, PIL images."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from ...errors import DataError
from ...structures.rules.reading import Reading
from . import orientation
from .channels import choose_page
from .coded import by_pillow, window_of
from .info import Facts

if TYPE_CHECKING:
    import torch

_SLACK: Final = 1e-4  # by which rounding may leave [0, 1]


class ArrayPlanes:
    """Values (H, W, C) that are in memory, or in a mapped file."""

    def __init__(self, values: NDArray[Any], facts: Facts) -> None:
        self._values, self._facts = values, facts

    @property
    def facts(self) -> Facts:
        """Facts about the values."""
        return self._facts

    def values(self, window: orientation.Window, channels: tuple[int, ...] | None) -> NDArray[Any]:
        """Values (height, width, C) of a window."""
        return np.asarray(window_of(self._values, window, channels))

    def close(self) -> None:
        """Nothing is open."""


def array_planes(
    array: NDArray[Any], reading: Reading, label: str, *, kind: str = "array"
) -> ArrayPlanes:
    """Values of an array: (H, W) or (H, W, C), or several of them, of which a page is chosen.

    Floats from 0 to 1 are 8-bit pixels divided by 255, unless the reading says how to map them.

    Raises:
        DataError: D02 for shapes and types that are no image.
    """
    if array.dtype.kind not in "uif" or array.dtype.itemsize > 8:
        raise DataError(
            "D02",
            f"{label} holds {array.dtype}. Convert it to integers, or to float from 0 to 1.",
        )
    array, axes, used = _one_image(array, reading, label)
    pixels = array[:, :, None] if array.ndim == 2 else array
    count = pixels.shape[2]
    if array.ndim == 3 and count == 2 and reading.channels is None:
        raise DataError("D02", f"{label} has shape {array.shape}. {_advice(array.shape)}")
    dtype = pixels.dtype
    as_is = reading.scale == "auto" and dtype.kind == "f" and _is_share(pixels)
    if as_is:
        pixels = (pixels.clip(0, 1) * 255).round().astype(np.uint8)
        used = (*used, "0 to 1 become 0 to 255")
    facts = Facts(
        format=kind,
        axes=axes,
        dtype=dtype,
        size=(int(pixels.shape[0]), int(pixels.shape[1])),
        channels=count,
        colours=(0,) if count == 1 else (0, 1, 2) if count == 3 else None,
        used=used,
        is_windowed=isinstance(array, np.memmap),
        as_is=as_is,
    )
    return ArrayPlanes(pixels, facts)


def npy_planes(source: Path | bytes, reading: Reading, label: str) -> ArrayPlanes:
    """Values of a ``.npy`` file, read as the array in it would be; nothing in it is run.

    Raises:
        DataError: D02 for a file that is cut off, or holds anything but numbers.
    """
    try:
        array: NDArray[Any]
        if isinstance(source, Path):
            array = np.load(source, mmap_mode="r", allow_pickle=False)
        else:
            array = _from_bytes(source)
    except Exception as error:  # noqa: BLE001 - on hostile bytes, numpy raises anything
        why = str(error).rstrip(".")
        raise DataError(
            "D02",
            f"{label} is not a whole .npy file of numbers: {why}. Save the array again, without "
            "objects in it.",
        ) from None
    return array_planes(array, reading, label, kind="npy")


def tensor_planes(tensor: torch.Tensor, reading: Reading, label: str) -> ArrayPlanes:
    """Values of a tensor (C, H, W), or (H, W, 3) uint8.

    Floats outside of 0 to 1 are refused unless the reading says how to map them: a tensor of
    such values is most likely one that was normalised for another network.

    Raises:
        DataError: D02 for other shapes and values, and as `array_planes`.
    """
    import torch

    plain = tensor.detach().cpu()
    if plain.is_floating_point():
        plain = plain.float()
        if reading.scale == "auto" and plain.numel() and not _is_share(plain.numpy()):
            low, high = float(plain.min()), float(plain.max())
            raise DataError(
                "D02",
                f"{label} holds floats from {low:g} to {high:g}. Floats of a tensor must lie in 0 "
                "to 1: do not normalise images, and divide 0 to 255 by 255. Measured values are "
                "given as an array, or with reading=relook.Reading(intensities='percentiles').",
            )
    shape = tuple(plain.shape)
    if plain.ndim == 3 and shape[0] == 3:
        return array_planes(plain.permute(1, 2, 0).numpy(), reading, label)
    if plain.ndim == 3 and shape[2] == 3 and plain.dtype == torch.uint8:
        return array_planes(plain.numpy(), reading, label)
    if plain.ndim == 3 and reading.channels is not None and max(reading.channels) < shape[0]:
        return array_planes(plain.permute(1, 2, 0).numpy(), reading, label)
    raise DataError(
        "D02",
        f"{label} has shape {shape} and type {tensor.dtype}. A tensor must be "
        "(3, H, W), uint8 or float from 0 to 1, or (H, W, 3) uint8; give a batch as a list.",
    )


def pil_planes(image: Image.Image, label: str) -> ArrayPlanes:
    """Values of the current picture of a PIL image, turned by its EXIF orientation.

    Raises:
        DataError: D02 for what cannot be decoded.
    """
    values = by_pillow(image, 0, label)
    if image.mode in {"1", "L"}:
        values = values[:, :, :1]
    try:
        turn = orientation.known(image.getexif().get(orientation.TAG))
    except Exception:  # noqa: BLE001 - metadata that cannot be read says nothing
        turn = orientation.UPRIGHT
    if values.shape[:2] != (image.height, image.width):
        turn = orientation.UPRIGHT
    count = values.shape[2]
    facts = Facts(
        format=image.format or "PIL image",
        axes="YX" if count == 1 else "YXS",
        dtype=values.dtype,
        size=(values.shape[0], values.shape[1]),
        channels=count,
        colours=(0,) if count == 1 else (0, 1, 2),
        orientation=turn,
    )
    return ArrayPlanes(values, facts)


def _from_bytes(data: bytes) -> NDArray[Any]:
    """The array in the bytes of a file, whose header is checked before memory is taken."""
    stream = io.BytesIO(data)
    version = np.lib.format.read_magic(stream)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f"version {version} of the format is not known")
    shape, _, dtype = read(stream)
    if int(np.prod(shape, dtype=object)) * dtype.itemsize > len(data):
        raise ValueError("there are fewer values than its header says")
    stream.seek(0)
    return np.asarray(np.load(stream, allow_pickle=False))


def _one_image(
    array: NDArray[Any], reading: Reading, label: str
) -> tuple[NDArray[Any], str, tuple[str, ...]]:
    """The image (H, W) or (H, W, C) of an array that may have pages, its axes, and words."""
    shape = array.shape
    if 0 in shape:
        raise DataError("D02", f"{label} has shape {shape}. There are no pixels in it.")
    if array.ndim == 2:
        return array, "YX", ()
    colour = array.ndim >= 3 and (shape[-1] in {1, 3} or reading.channels is not None)
    inner = 3 if colour else 2
    if reading.page is None or array.ndim == inner:
        if array.ndim == 3 and colour:
            return array, "YXS", ()
        raise DataError("D02", f"{label} has shape {shape}. {_advice(shape)}")
    pages = array.reshape(-1, *shape[-inner:])
    axes = "Q" * (array.ndim - inner) + "YXS"[:inner]
    page = choose_page(len(pages), axes, shape, reading, label)
    return pages[page], axes, (f"page {page} of {len(pages)}",)


def _is_share(values: NDArray[Any]) -> bool:
    """Return whether all values lie in 0 to 1; false for NaN."""
    low, high = float(values.min()), float(values.max())
    return low >= -_SLACK and high <= 1 + _SLACK


def _advice(shape: tuple[int, ...]) -> str:
    if len(shape) == 3 and shape[2] == 4:
        return "Leave the alpha channel out: image[:, :, :3]."
    if len(shape) == 3 and shape[0] in {1, 3}:
        return "Arrays have their channels last: image.transpose(1, 2, 0)."
    if len(shape) == 3 and shape[2] < 16:
        return "Say which channels are meant: reading=relook.Reading(channels=(0,)), --channels 0."
    if len(shape) in {3, 4}:
        return (
            "Give a batch as a list of images, or choose: reading=relook.Reading(page=0), --page 0."
        )
    return "An array must be (H, W, 3) RGB, or (H, W) grey."
