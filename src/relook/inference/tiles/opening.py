"""An image read and resized, or, where it is to be cut into tiles, only opened."""

from __future__ import annotations

from ...data.images import ImageSource, open_image
from ...data.resizing import Limits
from ...data.sources.stored import StoredImage
from ...errors import DataError
from ...structures.rules.reading import DEFAULT_READING, Reading
from ..preprocess import Prepared, ScaleFor, Unreadable, located, name_of, prepared, read
from .large import LargeImage
from .rule import Tiling


def read_or_open(
    source: ImageSource,
    limits: Limits,
    tiling: Tiling,
    reading: Reading = DEFAULT_READING,
    scaled: ScaleFor | None = None,
) -> Prepared | LargeImage | Unreadable:
    """The image of `source`: opened where `tiling` has tiles for it, else scaled to fit `limits`
    (long, short) sides in pixels, or those that `scaled` has for its size.

    Raises:
        ModelError: M05 for an image too large for the network.
    """
    if tiling.choice == "off":
        return read(source, limits, reading, scaled)
    try:
        place = located(source)
        opened = open_image(place, reading)
        grid = tiling.grid(opened.size)
        if grid is None:
            with opened:
                return prepared(opened, place, limits, scaled)
        if isinstance(place, StoredImage):
            return LargeImage(opened, grid, place.name, place.frame, place.time)
        return LargeImage(opened, grid, name_of(place))
    except DataError as error:
        return Unreadable(source, error)
