"""An image that is predicted in tiles, and the result that comes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from ...data.images import OpenedImage
from ...data.images.shown import as_picture
from ...errors import DataError
from ...ops.rle import encode_runs
from ...structures.detection import Size
from ..results import ClassLike, Result
from .grid import Grid
from .merge import merge_tiles
from .objects import TileObjects
from .overview import read_overview

WHOLE: Final = 40_000_000
"""Pixels up to which a result keeps its image."""
_MOST: Final = 2**32 - 1  # pixels that run-length codes of COCO can count


@dataclass(frozen=True, slots=True, eq=False)
class LargeImage:
    """An opened image, its tiles, and where it came from."""

    opened: OpenedImage
    grid: Grid
    source: str | None
    frame: int | None = None  # number of the frame in its video
    time: float | None = None  # seconds from the first frame of the video

    def __post_init__(self) -> None:
        height, width = self.size
        if height * width > _MOST:
            self.opened.close()
            raise DataError(
                "D02",
                f"{self.source or 'the image'} has {width}x{height} pixels, and masks of COCO can "
                f"count to {_MOST:,}. Cut it into files of fewer pixels.",
            )

    @property
    def size(self) -> Size:
        """(height, width) in pixels."""
        return self.grid.size

    @property
    def is_kept(self) -> bool:
        """Return whether the result keeps the image itself, and not an overview of it."""
        return self.size[0] * self.size[1] <= WHOLE


def tiled_result(
    large: LargeImage,
    parts: Sequence[TileObjects],
    classes: Sequence[ClassLike],
    *,
    has_masks: bool,
    max_dets: int | None = None,
    agnostic: bool = False,
) -> Result:
    """The result of the objects of all tiles; with `agnostic` those of several classes are merged.

    An image of at most 40 megapixels (`WHOLE`) is kept in it, a larger one as an overview
    whose longer side has at most `overview.LONGEST` pixels.

    Raises:
        DataError: D02 for a part of the image that cannot be read.
    """
    image = as_picture(large.opened.read()) if large.is_kept else None
    overview = None if large.is_kept else read_overview(large.opened)
    merged = merge_tiles(parts, large.grid, has_masks=has_masks, agnostic=agnostic)
    rows = slice(max_dets)
    masks = None if merged.masks is None else merged.masks[rows]
    return Result(
        boxes=merged.boxes[rows],
        scores=merged.scores[rows],
        labels=merged.labels[rows],
        tiles=merged.tiles[rows],
        masks=None if masks is None else tuple(encode_runs(mask, large.size) for mask in masks),
        size=large.size,
        classes=tuple(classes),
        image=image,
        source=large.source,
        frame=large.frame,
        time=large.time,
        overview=overview,
        info=large.opened.info,
    )
