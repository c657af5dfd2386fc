"""Predictions of a project's images, made by the server's work and kept."""

from __future__ import annotations

import asyncio
import itertools
from collections import OrderedDict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np

from ...data.images import Reading, read_image
from ...data.sources.stored import ImagePixels
from ...errors import DataError, RelookError
from ...inference.options import PredictOptions
from ...inference.results import Result
from ..refusals import Refusal
from ..turns import BACKGROUND
from ..worker import Waiting
from .folders import Entry

LEAST_SCORE: Final = 0.05  # of candidates
MOST_CANDIDATES: Final = 500  # of an image, the best ones
MOST_RESULTS: Final = 4000  # that are kept
_OPTIONS: Final = PredictOptions(score=LEAST_SCORE)
Key = tuple[int, str, bool]  # image, model, whether mirrored


class Predicts(Protocol):
    """Protocol of a predictor of images by the name of a model: `app.work.Work`."""

    async def predict(
        self, name: str | None, image: Any, options: PredictOptions, waiting: Waiting | None
    ) -> Result:
        """The result of one image; `waiting` has its rank among those that wait."""
        ...

    async def in_thread(self, function: Any, *arguments: Any) -> Any:
        """Call `function` in another thread."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Mirrored:
    """An image from right to left, as pixels of 8 bits."""

    path: Path
    reading: Reading

    @property
    def name(self) -> str:
        """Name of the image."""
        return str(self.path)

    def load(self) -> np.ndarray[Any, Any]:
        """Pixels (H, W, 3); raises as `read_image`."""
        return np.ascontiguousarray(read_image(self.path, None, self.reading)[:, ::-1])


class Predictions:
    """Results by image and model, each predicted once. For the thread of the event loop.

    An image that a person waits for is predicted before those of the background, and the one that
    was asked for last before the others: it is the image that is open.

    Args:
        work: That predicts.
    """

    def __init__(self, work: Predicts) -> None:
        self._work = work
        self._results: OrderedDict[Key, Result] = OrderedDict()
        self._problems: dict[Key, RelookError] = {}
        self._tasks: dict[Key, asyncio.Task[None]] = {}
        self._waiting: dict[Key, Waiting] = {}  # of the tasks
        self._ranks = itertools.count(1)

    def get(
        self,
        entry: Entry,
        model: str,
        *,
        mirrored: bool = False,
        reading: Reading | None = None,
        is_background: bool = False,
    ) -> Result | None:
        """The result of an image by the model of that name; None while it is being made.

        A mirrored image is turned back: its result has the places of the image as it is. One that
        is begun in the background goes on in the foreground as soon as it is asked for there.

        Raises:
            DataError: as `Predictor.predict`, each time it is asked for.
            RelookError: as `Predictor.predict`, once; after it the image is predicted again.
        """
        key = entry.id, model, mirrored
        if key in self._results:
            self._results.move_to_end(key)
            return self._results[key]
        if key in self._problems:
            problem = self._problems[key]
            if not isinstance(problem, DataError):
                del self._problems[key]  # the next request tries again
            raise problem
        if key not in self._tasks:
            self._waiting[key] = Waiting(BACKGROUND)
            self._tasks[key] = asyncio.create_task(self._predict(key, entry, reading))
        if not is_background:
            self._waiting[key].rank = next(self._ranks)
        return None

    def known(self, entry: Entry, model: str) -> Result | None:
        """The result of an image if it was predicted; nothing is begun."""
        return self._results.get((entry.id, model, False))

    @property
    def is_busy(self) -> bool:
        """Return whether an image is being predicted."""
        return bool(self._tasks)

    async def _predict(self, key: Key, entry: Entry, reading: Reading | None) -> None:
        _, model, mirrored = key
        try:
            image: Any = entry.path
            if mirrored and reading is not None:
                image = await self._work.in_thread(_mirrored, entry.path, reading)
            result = await self._work.predict(model, image, _OPTIONS, self._waiting[key])
        except Refusal:  # the server has too much to do: the next request tries again
            pass
        except RelookError as error:
            self._problems[key] = error
            if isinstance(error, DataError):
                entry.message = str(error)
        else:
            result = replace(result, image=None, overview=None)
            self._results[key] = turned_back(result) if mirrored else result
            while len(self._results) > MOST_RESULTS:
                self._results.popitem(last=False)
        finally:
            del self._tasks[key], self._waiting[key]


def _mirrored(path: Path, reading: Reading) -> ImagePixels:
    return ImagePixels(str(path), Mirrored(path, reading).load())


def turned_back(result: Result) -> Result:
    """The result of a mirrored image in the places of the image itself."""
    from ...ops.rle import decode_window, encode_window

    width = result.size[1]
    boxes = result.boxes.copy()
    boxes[:, [0, 2]] = width - result.boxes[:, [2, 0]]
    masks = None
    if result.masks is not None:
        windows = (decode_window(mask) for mask in result.masks)
        masks = tuple(
            encode_window(
                np.ascontiguousarray(window[:, ::-1]),
                width - left - window.shape[1],
                top,
                result.size,
            )
            for window, left, top in windows
        )
    return replace(result, boxes=boxes, masks=masks)
