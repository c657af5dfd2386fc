"""The thread of a model, with a network that only notes what it is given."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import pytest

from relook.app.worker import GivenUp, Order, Waiting, Worker
from relook.errors import RelookError
from relook.inference.options import PredictOptions
from relook.inference.preprocess import Prepared
from relook.inference.stream import Stream
from relook.inference.tiles.large import LargeImage


class Noting:
    """In place of a stream: notes the sources of each batch."""

    def __init__(self, on_batch: Callable[[list[str]], None] = lambda _: None) -> None:
        self.batches: list[list[str]] = []
        self._on_batch = on_batch

    def jobs(self, window: Sequence[Prepared]) -> Iterator[Any]:
        names = [str(image.source) for image in window]
        self.batches.append(names)
        self._on_batch(names)
        yield from names


def order(stream: Noting, name: str, side: int = 96, **options: Any) -> Order:
    image = np.zeros((side, side, 3), np.uint8)
    opened = Prepared(image, image, name, (side, side))
    chosen = PredictOptions().with_(**options)
    return Order("nuts", cast(Stream, stream), chosen, opened, Waiting())


@pytest.fixture
def turn() -> threading.Lock:
    return threading.Lock()


@pytest.fixture
def worker(turn: threading.Lock) -> Iterator[Worker]:
    worker = Worker("nuts", batch=3, turn=turn)
    yield worker
    worker.stop()


def answers(orders: Sequence[Order]) -> list[Any]:
    return [one.found.result(timeout=60) for one in orders]


def test_what_waits_and_fits_is_one_batch(worker: Worker, turn: threading.Lock) -> None:
    stream = Noting()
    orders = [
        order(stream, "first"),
        order(stream, "a"),
        order(stream, "wide", 128),
        order(stream, "b"),
        order(stream, "other", score=0.9),
        order(stream, "c"),
        order(stream, "d"),
        order(stream, "flipped", tta="flip"),
    ]
    with turn:  # the first is taken, and waits for its turn; then the others come
        worker.put(orders[0])
        while worker.waiting:
            pass
        for later in orders[1:]:
            worker.put(later)
    assert answers(orders) == ["first", "a", "wide", "b", "other", "c", "d", "flipped"]
    assert stream.batches == [["first"], ["a", "b", "c"], ["wide"], ["other"], ["d"], ["flipped"]]


def test_views_and_first_looks_and_large_images_go_alone() -> None:
    stream = Noting()
    assert order(stream, "a").can_join(order(stream, "b"))
    for options in ({"tta": "flip"}, {"diameter": "auto"}):
        assert not order(stream, "a", **options).can_join(order(stream, "b", **options))
    large = order(stream, "large")
    large.opened = cast(LargeImage, object.__new__(LargeImage))
    assert not large.can_join(order(stream, "b")) and not order(stream, "b").can_join(large)


def test_a_batch_that_fails_is_tried_image_by_image(worker: Worker, turn: threading.Lock) -> None:
    def fail(names: list[str]) -> None:
        if len(names) > 1 or names == ["bad"]:
            raise RelookError("R04", f"no memory for {', '.join(names)}")

    stream = Noting(fail)
    orders = [order(stream, name) for name in ("first", "good", "bad")]
    with turn:
        worker.put(orders[0])
        while worker.waiting:
            pass
        for later in orders[1:]:
            worker.put(later)
    assert answers(orders[:2]) == ["first", "good"]
    with pytest.raises(RelookError, match="no memory for bad"):
        answers(orders[2:])
    assert stream.batches == [["first"], ["good", "bad"], ["good"], ["bad"]]


def test_a_defect_is_told_and_the_thread_goes_on(worker: Worker) -> None:
    def fail(names: list[str]) -> None:
        if names == ["odd"]:
            raise ZeroDivisionError

    stream = Noting(fail)
    odd, good = order(stream, "odd"), order(stream, "good")
    worker.put(odd)
    with pytest.raises(ZeroDivisionError):
        odd.found.result(timeout=60)
    worker.put(good)
    assert answers([good]) == ["good"] and worker.is_alive


def test_nobody_waits_so_nothing_is_predicted(worker: Worker, turn: threading.Lock) -> None:
    stream = Noting()
    orders = [order(stream, "first"), order(stream, "left", 128), order(stream, "last")]
    with turn:
        for one in orders:
            worker.put(one)
        assert orders[1].found.cancel()
    assert answers([orders[0], orders[2]]) == ["first", "last"]
    assert ["left"] not in stream.batches


def test_a_long_prediction_ends_at_the_next_tile_when_nobody_waits() -> None:
    waiting = Waiting()
    waiting.check("image", 1, 10)
    waiting.set()
    with pytest.raises(GivenUp):
        waiting.check("image", 2, 10)


def test_a_stop_gives_up_what_waits(turn: threading.Lock) -> None:
    worker, stream = Worker("nuts", batch=1, turn=turn), Noting()
    running, waiting = order(stream, "running"), order(stream, "waiting")
    with turn:
        worker.put(running)
        while worker.waiting:
            pass
        worker.put(waiting)
        worker.stop()
    assert answers([running]) == ["running"]
    assert waiting.found.cancelled() and waiting.given_up.is_set()
    worker.join(60)
    assert not worker.is_alive
