"""The tiling of one run: images that are cut into tiles become results, the others warnings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal

from ...errors import DataError
from ..options import PredictOptions
from ..preprocess import Prepared, Unreadable
from ..results import Result
from ..scaling import ImageScale
from .large import LargeImage, tiled_result
from .objects import TileObjects
from .rule import Tiling
from .run import predict_tiles

if TYPE_CHECKING:
    from ..predictor import Predictor

_LOG: Final = logging.getLogger("relook")
OnTile = Callable[[LargeImage, int, int], None]
"""Called with a tiled image, how many of its tiles are done, and of how many."""


class TileWork:
    """Predicts images in tiles.

    Args:
        predictor: The model.
        options: Of the prediction, with the score that the model has for them.
        on_tile: Told of each tile of an image that `predict` is given.
        say: Told what a person should know; by default it is logged as a warning.
    """

    def __init__(
        self,
        predictor: Predictor,
        options: PredictOptions,
        on_tile: OnTile | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.tiling = Tiling.of(options, predictor.config.input.size, predictor.sizes)
        self._predictor, self._options = predictor, options
        self._cascade = predictor.config.cascade
        self._on_tile, self._say = on_tile, say or _LOG.warning
        self._has_warned = False

    def objects(
        self,
        large: LargeImage,
        numbers: Iterable[int] | None = None,
        on_tile: Callable[[int], None] | None = None,
    ) -> list[TileObjects]:
        """The objects in the tiles of `numbers` of an image, by default in all of them.

        Raises:
            DataError: D02 for a part of the image that cannot be read.
            ModelError: M05 for tiles too large for the network.
        """
        score, test_score = self._options.score, self._cascade.select.score_threshold
        return predict_tiles(
            self._predictor.engine,
            large,
            self.tiling,
            self._options,
            score=score if score is not None and score > test_score else None,
            cap=self._cascade.select.max_detections,
            numbers=numbers,
            on_tile=on_tile,
        )

    def result(self, large: LargeImage, parts: Sequence[TileObjects]) -> Result:
        """The result of an image from the objects of all its tiles.

        Raises:
            DataError: D02 for a part of the image that cannot be read.
        """
        result = tiled_result(
            large,
            parts,
            self._predictor.classes,
            has_masks=self._cascade.masks,
            max_dets=self._options.max_dets,
            agnostic=self._options.agnostic,
        )
        if self._options.diameter is None:
            return result
        return replace(result, scale=self._scale(self._options.diameter))

    def _scale(self, diameter: float | Literal["auto"]) -> ImageScale:
        """The scale of all tiles, and the reason for it."""
        factor = self.tiling.scale
        if diameter == "auto":
            basis = "the scale of tiles, since a first look sees whole images only"
            return ImageScale(factor=factor, diameter=None, basis=basis)
        basis = (
            f"objects {diameter:.3g} pixels across, as given, are {diameter * factor:.3g} in the "
            f"network input of a tile"
        )
        bound = self.tiling.fixed_scale[1]
        return ImageScale(factor=factor, diameter=float(diameter), basis=basis, bound=bound)

    def predict(self, large: LargeImage) -> Result | Unreadable:
        """The result of an image, or why a part of it could not be read; it is closed then.

        Raises:
            As `objects`, but for what cannot be read.
        """
        done = 0

        def note(_: int) -> None:
            nonlocal done
            done += 1
            if self._on_tile is not None:
                self._on_tile(large, done, len(large.grid))

        try:
            return self.result(large, self.objects(large, on_tile=note))
        except DataError as error:
            return Unreadable(large.source or "image", error)
        finally:
            large.opened.close()

    def warn(self, window: Iterable[object]) -> None:
        """Say of the first image of a run that is shrunk too far that it is."""
        if self._options.diameter is not None:
            return  # it says itself what it could not do
        for one in window:
            if isinstance(one, Prepared | LargeImage) and not self._has_warned:
                warning = self.tiling.warning(one.source or "the image", one.size)
                if warning is not None:
                    self._has_warned = True
                    self._say(warning)
