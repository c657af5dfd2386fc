"""The thread of one model: it takes what waits, in batches of equal padded size.

What a person waits for has a larger rank and is taken first. What is predicted in the background
lets it pass at the next step, between two tiles or two views.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from ..errors import RelookError
from ..inference.options import PredictOptions
from ..inference.preprocess import Prepared
from ..inference.stream import Job, Opened, Stream
from ..inference.tiles.large import LargeImage
from .turns import BACKGROUND, Turn

_LOG: Final = logging.getLogger("relook")


class GivenUp(Exception):
    """Nobody waits for the image any more."""


class Waiting(threading.Event):
    """Somebody waits for an image, until it is set.

    Args:
        rank: Images of a larger rank come first. It may be changed while the image waits.
    """

    def __init__(self, rank: int = 0) -> None:
        super().__init__()
        self.rank = rank
        self.let_pass: Callable[[Waiting], None] = lambda _: None

    def check(self, *_: object) -> None:
        """Raise `GivenUp` once it is set: called between tiles and between views.

        In the background, images of a larger rank are predicted before it returns.
        """
        if self.is_set():
            raise GivenUp
        if self.rank <= BACKGROUND:
            self.let_pass(self)
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
        """Return whether both can be given to the network at once; those of a smaller rank would
        delay the others."""
        first, second = self.opened, other.opened
        return (
            self.given_up.rank == other.given_up.rank
            and isinstance(first, Prepared)
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
        turn: Taken while a network runs; models on one device share it.
        on_batch: Told the number of images of each batch that was done.
    """

    def __init__(
        self,
        name: str,
        *,
        batch: int,
        turn: Turn,
        on_batch: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._batch, self._turn, self._on_batch = batch, turn, on_batch
        self._waiting: list[Order] = []
        self._running: list[Order] = []  # and those that wait for their turn
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
        while orders := self._wait():
            self._running = orders
            with self._turn.taken(self._rank):
                self._let_pass(orders[0].given_up)  # those that came meanwhile
                self._predict(orders)
            self._running = []
            del orders  # not kept until the next ones come

    def _rank(self) -> int:
        """The largest rank of the images that this thread has to do."""
        with self._changed:
            return max(order.given_up.rank for order in [*self._running, *self._waiting])

    def _let_pass(self, waiting: Waiting) -> None:
        """Predict first what has a larger rank, here and on other models of the device."""
        while waiting.rank <= BACKGROUND:
            with self._changed:
                orders = self._taken(above=waiting.rank)
            if orders:
                self._predict(orders)
            elif not self._turn.give_way(self._rank):
                return

    def _wait(self) -> list[Order]:
        """Wait for the images to predict next; none at the end."""
        with self._changed:
            while not self._waiting and not self._is_stopped:
                self._changed.wait()
            return self._taken()

    def _taken(self, above: int | None = None) -> list[Order]:
        """Take the image of the largest rank, the oldest of equal ones, and those that can share
        its batch; none where none waits, or none with a rank `above` that. Under the lock."""
        if self._is_stopped or not self._waiting:
            return []
        first = max(self._waiting, key=lambda order: order.given_up.rank)
        if above is not None and first.given_up.rank <= above:
            return []
        fit = (order for order in self._waiting if order is not first and first.can_join(order))
        chosen = [first, *islice(fit, self._batch - 1)]
        self._waiting = [order for order in self._waiting if order not in chosen]
        return chosen

    def _predict(self, orders: Sequence[Order]) -> None:
        """Predict those that were not given up."""
        for order in orders:
            order.given_up.let_pass = self._let_pass
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
