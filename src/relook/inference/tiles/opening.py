"""An image read and resized, or, where it is to be cut into tiles, only opened."""

from __future__ import annotations

from ...errors import DataError
from ..preprocess import ImageSource, Prepared, Unreadable, name_of, read, resized
from .large import LargeImage
from .rule import Tiling
from .windows import open_image


def read_or_open(
    source: ImageSource, limits: tuple[int, int], tiling: Tiling
) -> Prepared | LargeImage | Unreadable:
    """The image of `source`: opened where `tiling` has tiles for it, else scaled to fit `limits`
    (long, short) sides in pixels.

    Raises:
        ModelError: M05 for an image too large for the network.
    """
    if tiling.choice == "off":
        return read(source, limits)
    try:
        opened = open_image(source)
        grid = tiling.grid(opened.size)
        if grid is not None:
            return LargeImage(opened, grid, name_of(source))
        image = opened.read()
        opened.close()
        return Prepared(image, resized(image, limits), name_of(source))
    except DataError as error:
        return Unreadable(source, error)
