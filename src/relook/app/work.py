"""Predictions for requests: read in a few threads, predicted in one for each model."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from time import monotonic
from typing import Any, Final, TypeVar

from ..data.images import ImageSource
from ..inference.options import PredictOptions
from ..inference.preprocess import Unreadable
from ..inference.results import Result
from ..inference.stream import Stream
from ..inference.tiles.work import TileWork
from .limits import Budget, Limits
from .metrics import Metrics
from .models import ModelShelf
from .refusals import Refusal
from .turns import Turn
from .worker import Order, Waiting, Worker

T = TypeVar("T")
DEFAULTS: Final = PredictOptions()
_MOST_THREADS: Final = 4  # that read images and write answers
_SLOWEST: Final = 30.0  # seconds that a client is told to wait at most
_WEIGHT: Final = 0.2  # of the newest time in the mean of times


@dataclass(frozen=True, slots=True, eq=False)
class ReadImage:
    """An image that was read for one request, before it is predicted."""

    order: Order
    notices: tuple[str, ...]
    """Notices for people: that the image is shrunk so far that small objects are lost."""


class Work:
    """Predicts images for requests, with bounds on what waits.

    One batch at a time runs on each device, so that threads of PyTorch do not get in each other's
    way; batches are made of images that wait and have one padded size and the same options.

    Args:
        models: That predict.
        limits: How many images may wait, and how long.
        metrics: Told of batches and images.
    """

    def __init__(
        self, models: ModelShelf, limits: Limits | None = None, metrics: Metrics | None = None
    ) -> None:
        self.models, self.limits = models, limits or Limits()
        self.metrics = metrics or Metrics()
        self.images = Budget(self.limits.queue, "image", self.wait)
        self.pixels = Budget(self.limits.all_pixels, "pixel", self.wait)
        self.metrics.watch_queue(lambda: self.images.used)
        self.workers: dict[str, Worker] = {}
        self._turns: dict[str, Turn] = {}
        self._seconds = 1.0  # for an image, the mean of late
        self._pool = ThreadPoolExecutor(
            min(_MOST_THREADS, os.cpu_count() or 1), thread_name_prefix="relook-images"
        )

    def wait(self) -> float:
        """Seconds after which there may be room again, from the mean time of an image."""
        return min(_SLOWEST, self._seconds * self.images.used / 2)

    async def predict(
        self,
        name: str | None,
        image: ImageSource,
        options: PredictOptions = DEFAULTS,
        waiting: Waiting | None = None,
    ) -> Result:
        """The objects of one image by the model of a name, as `Predictor.predict`.

        `waiting` has the rank among the images that wait, by default that of all requests.

        Raises:
            Refusal: 429 when too much waits, 504 when it takes longer than the limit.
            UsageError: U01 for an unknown model.
            RelookError: as `Predictor.predict`.
        """
        with self.images.taken(1):
            try:
                async with asyncio.timeout(self.limits.seconds):
                    read = await self.read(name, image, options, waiting)
                    return await self.finish(read)
            except TimeoutError:
                raise Refusal.late(self.limits.seconds) from None

    async def read(
        self,
        name: str | None,
        image: ImageSource,
        options: PredictOptions = DEFAULTS,
        waiting: Waiting | None = None,
    ) -> ReadImage:
        """Read an image for the model of a name; `finish` predicts it.

        Raises:
            DataError: D01, D02 for an image that cannot be read.
            UsageError: U01 for an unknown model, else as `Predictor.predict` for the options.
        """
        name = self.models.name(name)
        predictor = self.models.get(name)
        options = predictor.resolved(
            options.with_(batch_size=self.limits.batch_on(str(predictor.device)))
        )
        notices: list[str] = []
        waiting = waiting or Waiting()
        tiles = TileWork(predictor, options, waiting.check, notices.append)
        stream = Stream(predictor, options, tiles, waiting.check)
        opened = await self.in_thread(stream.read, image)
        if isinstance(opened, Unreadable):
            raise opened.error
        tiles.warn([opened])
        return ReadImage(Order(name, stream, options, opened, waiting), tuple(notices))

    async def finish(self, read: ReadImage) -> Result:
        """The result of an image that was read.

        Raises:
            DataError: D02 for a part of a large image that cannot be read.
            RelookError: as `Predictor.predict`.
        """
        began, order = monotonic(), read.order
        self._worker(order.model).put(order)
        try:
            job = await asyncio.wrap_future(order.found)
            result = await self.in_thread(order.stream.finished, job)
        finally:
            order.given_up.set()
        if isinstance(result, Unreadable):
            raise result.error
        self._seconds += _WEIGHT * (monotonic() - began - self._seconds)
        return result

    async def in_thread(self, function: Callable[..., T], *arguments: Any) -> T:
        """Call `function` in one of the few threads that read images and write answers."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def stop(self) -> None:
        """End the threads after what they do now."""
        for worker in self.workers.values():
            worker.stop()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def join(self, seconds: float) -> None:
        """Wait until the threads of models have ended after `stop`, at most so long for each."""
        for worker in self.workers.values():
            worker.join(seconds)

    def is_ready(self) -> bool:
        """Return whether there are models, and each thread that was started still runs."""
        return len(self.models) > 0 and all(w.is_alive for w in self.workers.values())

    def _worker(self, name: str) -> Worker:
        if name not in self.workers:
            device = str(self.models.get(name).device)
            self.workers[name] = Worker(
                name,
                batch=self.limits.batch_on(device),
                turn=self._turns.setdefault(device, Turn()),
                on_batch=partial(self.metrics.batch_done, name),
            )
        return self.workers[name]
