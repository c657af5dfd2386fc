"""Large images that all processes of a run predict together, each some of the tiles."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ...data.images import image_size, open_image
from ...data.sources.stored import AnyImage, StoredImage
from ...errors import DataError
from ..options import PredictOptions
from ..predictor import Predictor
from ..preprocess import Unreadable
from ..results import Result
from ..tiles.large import LargeImage
from ..tiles.objects import TileObjects
from ..tiles.parts import load_parts, save_parts
from ..tiles.work import OnTile, TileWork
from .shares import Shares


def tiled_images(
    images: Iterable[AnyImage], predictor: Predictor, options: PredictOptions
) -> list[Path]:
    """The files among `images` that are cut into tiles, by the sizes that their headers say."""
    tiling, reading = TileWork(predictor, options).tiling, predictor.reading(options)
    found = []
    for image in images:
        if isinstance(image, StoredImage):  # whose header is not to be had without all of it
            continue
        try:
            if tiling.grid(image_size(image, reading)) is not None:
                found.append(image)
        except DataError:  # it is told where the image is read
            continue
    return found


class JointWork:
    """Predicts `images` one after the other; process `rank` is one of those of `shares`.

    Each process leaves the objects of its tiles in `folder`, which all share. The one that is done
    last with an image merges them.
    """

    def __init__(
        self,
        predictor: Predictor,
        options: PredictOptions,
        images: Sequence[Path],
        folder: Path,
        shares: Shares,
        rank: int,
    ) -> None:
        self._work, self._batch = TileWork(predictor, options), options.batch_size
        self._images, self._folder = images, folder
        self._reading = predictor.reading(options)
        self._shares, self._rank = shares, rank

    def outcomes(self, on_tile: OnTile | None = None) -> Iterator[Result | Unreadable]:
        """The outcomes of the images with which this process is done last.

        Raises:
            RelookError: R02 when a file cannot be written, R05 when another process has failed.
            ModelError: M05 for tiles too large for the network.
        """
        for number, image in enumerate(self._images):
            shares = self._shares.within(f"image {number}")
            self._predict(image, number, shares, on_tile)
            if shares.arrive() == self._shares.size:
                yield self._merged(image, number)
                shutil.rmtree(self._folder / str(number), ignore_errors=True)

    def _predict(self, image: Path, number: int, shares: Shares, on_tile: OnTile | None) -> None:
        parts: list[TileObjects] = []
        problem: DataError | None = None
        try:
            large = self._opened(image)
            try:
                count = len(large.grid)

                def note(_: int) -> None:
                    done = shares.tick()
                    if on_tile is not None:
                        on_tile(large, done, count)

                parts = self._work.objects(large, shares.claims(count, self._batch), note)
            finally:
                large.opened.close()
        except DataError as error:
            problem = error
        save_parts(self._part(number, self._rank), parts, problem)

    def _merged(self, image: Path, number: int) -> Result | Unreadable:
        try:
            ranks = range(self._shares.size)
            parts = [part for rank in ranks for part in load_parts(self._part(number, rank))]
            large = self._opened(image)
            try:
                return self._work.result(large, parts)
            finally:
                large.opened.close()
        except DataError as error:
            return Unreadable(image, error)

    def _opened(self, image: Path) -> LargeImage:
        opened = open_image(image, self._reading)
        grid = self._work.tiling.grid(opened.size)
        if grid is None:
            opened.close()
            raise DataError("D02", f"{image} has changed during the run. Start again.")
        return LargeImage(opened, grid, str(image))

    def _part(self, number: int, rank: int) -> Path:
        return self._folder / str(number) / f"{rank}.npz"
