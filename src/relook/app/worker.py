"""The thread of one model: it takes what waits, in batches of equal padded size."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Final

from ..errors import RelookError
from ..inference.options import PredictOptions
from ..inference.preprocess import Prepared
from ..inference.stream import Job, Opened, Stream
from ..inference.tiles.large import LargeImage

_LOG: Final = logging.getLogger("relook")


class GivenUp(Exception):
    """Nobody waits for the image any more."""


class Waiting(threading.Event):
    """Somebody waits for an image, until it is set."""

    def check(self, *_: object) -> None:
        """Raise `GivenUp` once it is set: called between tiles and between views."""
        if self.is_set():
            raise GivenUp


@dataclass(eq=False, slots=True)
class Order:
    """An image that was read and is to be predicted."""

    model: str  # its name
    stream: Stream  # of the options
    options: PredictOptions
    opened: Opened
    given_up: Waiting
    found: Future[Job] = field(default_factory=Future)

    def can_join(self, other: Order) -> bool:
        """Return whether both can be given to the network at once."""
        first, second = self.opened, other.opened
        return (
            isinstance(first, Prepared)
            and isinstance(second, Prepared)
            and first.canvas == second.canvas
            and self.options == other.options
            and self.options.tta is None
            and self.options.diameter != "auto"
        )

    def close(self) -> None:
        """Close the file of an image that was only opened."""
        if isinstance(self.opened, LargeImage):
            self.opened.opened.close()


class Worker:
    """The thread in which a model predicts, one batch after the other.

    A batch is made of the images that wait at that moment, so that none waits for another one.

    Args:
        name: Of the model.
        batch: Most images of a batch.
        turn: Held while a network runs; models on one device share it.
        on_batch: Told the number of images of each batch that was done.
    """

    def __init__(
        self,
        name: str,
        *,
        batch: int,
        turn: threading.Lock,
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._batch, self._turn, self._on_batch = batch, turn, on_batch
        self._waiting: deque[Order] = deque()
        self._changed = threading.Condition()
        self._is_stopped = False
        self._thread = threading.Thread(target=self._run, name=f"relook-{name}", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Return whether the thread runs."""
        return self._thread.is_alive()

    @property
    def waiting(self) -> int:
        """Number of images that were not taken yet."""
        return len(self._waiting)

    def join(self, seconds: float) -> None:
        """Wait for the end of the thread, at most so long."""
        self._thread.join(seconds)

    def put(self, order: Order) -> None:
        """Add an image; its future gets the detections, or the exception."""
        with self._changed:
            self._waiting.append(order)
            self._changed.notify()

    def stop(self) -> None:
        """End the thread after the batch that runs; what waits is given up."""
        with self._changed:
            self._is_stopped = True
            for order in self._waiting:
                order.given_up.set()
                order.found.cancel()
            self._changed.notify()

    def _run(self) -> None:
        while (orders := self._take()) is not None:
            with self._turn:
                self._predict(orders)
            del orders  # not kept until the next ones come

    def _take(self) -> list[Order] | None:
        """The oldest image and those that can share its batch; None at the end."""
        with self._changed:
            while not self._waiting and not self._is_stopped:
                self._changed.wait()
            if self._is_stopped:
                return None
            first = self._waiting.popleft()
            chosen = [first]
            for order in list(self._waiting):
                if len(chosen) == self._batch:
                    break
                if first.can_join(order):
                    chosen.append(order)
                    self._waiting.remove(order)
        return chosen

    def _predict(self, orders: Sequence[Order]) -> None:
        """Predict those that somebody waits for."""
        wanted = [order for order in orders if order.found.set_running_or_notify_cancel()]
        for order in orders:
            if order not in wanted:
                order.close()
        if wanted:
            self._answer(wanted)

    def _answer(self, wanted: Sequence[Order]) -> None:
        """Predict them and give the results. A batch is counted before, so that whoever has an
        answer finds it in the metrics."""
        try:
            jobs = list(wanted[0].stream.jobs([order.opened for order in wanted]))
        except RelookError as error:
            if len(wanted) == 1:
                wanted[0].found.set_exception(error)
                return
            _LOG.warning("%s. Its images are predicted one by one.", error)
            for order in wanted:
                self._alone(order)
            return
        except Exception as error:  # noqa: BLE001 - the thread lives on, and the request is told
            for order in wanted:
                order.found.set_exception(error)
            return
        self._on_batch(len(wanted))
        for order, job in zip(wanted, jobs, strict=True):
            order.found.set_result(job)

    def _alone(self, order: Order) -> None:
        try:
            (job,) = order.stream.jobs([order.opened])
        except Exception as error:  # noqa: BLE001 - as in a batch
            order.found.set_exception(error)
        else:
            self._on_batch(1)
            order.found.set_result(job)
