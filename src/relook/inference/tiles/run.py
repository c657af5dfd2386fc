"""Predicting the tiles of one image: windows are read ahead, batches run, only runs kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import islice

from ...runtime.prefetch import Behind, in_order
from ...structures.detection import AnyDetections
from ..backend import AnyEngine
from ..options import PredictOptions
from ..preprocess import Prepared, read_ahead, resized
from .large import LargeImage
from .objects import TileObjects, tile_objects
from .rule import Tiling


def predict_tiles(
    engine: AnyEngine,
    large: LargeImage,
    tiling: Tiling,
    options: PredictOptions,
    *,
    score: float | None,
    cap: int,
    numbers: Iterable[int] | None = None,
    on_tile: Callable[[int], None] | None = None,  # called with the number of each done
) -> list[TileObjects]:
    """The objects of at least `score` in the tiles of `numbers`, by default in all.

    A tile has at most `cap` objects, those that the network gives an image; `options.max_dets`
    counts here only where it raises that.

    Raises:
        DataError: D02 for a part of the image that cannot be read.
        ModelError: As `Engine.run`.
    """
    tiles, limits = large.grid, tiling.tile_limits(large.grid.tile_size)
    is_raised = options.max_dets is not None and options.max_dets > cap
    cap_asked = options.max_dets if is_raised else None
    options = replace(options, size=limits, diameter=None, max_dets=cap_asked)
    wanted = range(len(tiles)) if numbers is None else numbers
    found: list[TileObjects] = []

    def read(number: int) -> tuple[int, Prepared]:
        tile = tiles.tile(number)
        pixels = large.opened.read_window(tile.top, tile.left, *tile.size)
        return number, Prepared(pixels, resized(pixels, limits), None, limits)

    def finish(job: tuple[int, AnyDetections]) -> TileObjects:
        number, detections = job
        return tile_objects(detections, number, tiles.tile(number), tiles, score=score)

    def note(objects: Iterable[TileObjects]) -> None:
        for part in objects:
            found.append(part)
            if on_tile is not None:
                on_tile(part.tile)

    batch = options.batch_size
    with (
        closing(in_order(read, wanted, ahead=read_ahead(batch))) as ready,
        Behind(finish, ahead=batch) as finishing,
    ):
        while window := list(islice(ready, batch)):
            images = [prepared for _, prepared in window]
            detections: Sequence[AnyDetections] = engine.run_prepared(images, options)
            for (number, _), one in zip(window, detections, strict=True):
                note(finishing.put((number, one)))
        note(finishing.rest())
    return found
