"""The values of an image's file, for intensities of its objects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...data.images import Reading, open_image
from ...data.sources.stored import AnyImage
from ...errors import DataError
from ..results import Result
from .table import Samples, windows_of


@contextmanager
def file_samples(image: AnyImage, reading: Reading, result: Result) -> Iterator[Samples | None]:
    """Windows of the file's own values (h, w, C), with all its channels, upright.

    An image that can be had once only, such as a frame of a camera, gives the pixels that the
    result keeps. None where there are no values.
    """
    if not isinstance(image, Path) and image.stamp() is None:
        yield None if result.image is None else windows_of(result.image)
        return
    try:
        opened = open_image(image, reading)
    except DataError:  # it has changed or gone since it was predicted
        yield None
        return
    with opened:
        if opened.size != result.size:
            yield None
        elif opened.is_windowed:
            yield opened.native_window
        else:
            values = opened.native_window(0, 0, *opened.size)
            yield windows_of(values[..., :1] if opened.info.axes == "YX" else values)
