"""The thread of a model, with a network that only notes what it is given."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import numpy as np
import pytest

from relook.app.turns import BACKGROUND, Turn
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


class Tiled(Noting):
    """In place of a stream of images of three tiles each; `on_tile` is told of each."""

    def __init__(self, waiting: Waiting, on_tile: Callable[[str], None]) -> None:
        super().__init__()
        self._waiting, self._on_tile = waiting, on_tile

    def jobs(self, window: Sequence[Prepared]) -> Iterator[Any]:
        (image,) = window
        for tile in range(3):
            self._on_tile(f"{image.source} {tile}")
            self._waiting.check()
        yield str(image.source)


def order(
    stream: Noting, name: str, side: int = 96, waiting: Waiting | None = None, **options: Any
) -> Order:
    image = np.zeros((side, side, 3), np.uint8)
    opened = Prepared(image, image, name, (side, side))
    chosen = PredictOptions().with_(**options)
    return Order("nuts", cast(Stream, stream), chosen, opened, waiting or Waiting())


@pytest.fixture
def turn() -> Turn:
    return Turn()


@pytest.fixture
def worker(turn: Turn) -> Iterator[Worker]:
    worker = Worker("nuts", batch=3, turn=turn)
    yield worker
    worker.stop()


def answers(orders: Sequence[Order]) -> list[Any]:
    return [one.found.result(timeout=60) for one in orders]


def put(worker: Worker, *orders: Order) -> None:
    """Give a worker its orders; the first one is taken before the others come."""
    worker.put(orders[0])
    while worker.waiting:
        time.sleep(0.001)
    for later in orders[1:]:
        worker.put(later)


def test_what_waits_and_fits_is_one_batch(worker: Worker, turn: Turn) -> None:
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
    with turn.taken(lambda: 9):  # the first is taken, and waits for its turn; then the others come
        put(worker, *orders)
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


def test_a_batch_that_fails_is_tried_image_by_image(worker: Worker, turn: Turn) -> None:
    def fail(names: list[str]) -> None:
        if len(names) > 1 or names == ["bad"]:
            raise RelookError("R04", f"no memory for {', '.join(names)}")

    stream = Noting(fail)
    orders = [order(stream, name) for name in ("first", "good", "bad")]
    with turn.taken(lambda: 9):
        put(worker, *orders)
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


def test_nobody_waits_so_nothing_is_predicted(worker: Worker, turn: Turn) -> None:
    stream = Noting()
    orders = [order(stream, "first"), order(stream, "left", 128), order(stream, "last")]
    with turn.taken(lambda: 9):
        for one in orders:
            worker.put(one)
        assert orders[1].found.cancel()
    assert answers([orders[0], orders[2]]) == ["first", "last"]
    assert ["left"] not in stream.batches


def test_what_a_person_waits_for_is_taken_first(worker: Worker, turn: Turn) -> None:
    """The image that is open is not given to the network with others, which would delay it; one of
    the background that was taken and has no turn yet lets it pass as well."""
    stream = Noting()
    ranks = {"look": BACKGROUND, "next": BACKGROUND, "request": 0, "before": 4, "open": 7}
    orders = [order(stream, name, waiting=Waiting(rank)) for name, rank in ranks.items()]
    with turn.taken(lambda: 9):
        put(worker, *orders)
        raised = order(stream, "raised", waiting=Waiting(BACKGROUND))
        worker.put(raised)
        raised.given_up.rank = 8  # somebody opens it
    assert answers([*orders, raised]) == [*ranks, "raised"]
    assert stream.batches == [[n] for n in ("raised", "open", "before", "request", "look", "next")]


@pytest.mark.parametrize("is_other_model", [False, True])
def test_a_long_look_lets_what_is_opened_pass_at_the_next_tile(
    worker: Worker, turn: Turn, *, is_other_model: bool
) -> None:
    other = Worker("bolts", batch=1, turn=turn) if is_other_model else worker
    done: list[str] = []
    opened = order(Noting(lambda names: done.extend(names)), "open", waiting=Waiting(1))

    def open_image(tile: str) -> None:
        done.append(tile)
        if tile == "look 0":
            other.put(opened)
            while is_other_model and not turn.waiting:  # it has asked for its turn
                pass

    waiting = Waiting(BACKGROUND)
    look = order(Tiled(waiting, open_image), "look", waiting=waiting)
    worker.put(look)
    assert answers([look, opened]) == ["look", "open"]
    assert done == ["look 0", "open", "look 1", "look 2"]
    other.stop()


def test_a_look_that_was_opened_meanwhile_goes_on(worker: Worker) -> None:
    """No other image is put before it between its tiles."""
    done: list[str] = []
    waiting = Waiting(BACKGROUND)
    later = order(Noting(lambda names: done.extend(names)), "later", waiting=Waiting(1))

    def open_it(tile: str) -> None:
        done.append(tile)
        if tile == "look 1":
            waiting.rank = 2
            worker.put(later)

    look = order(Tiled(waiting, open_it), "look", waiting=waiting)
    worker.put(look)
    assert answers([look, later]) == ["look", "later"]
    assert done == ["look 0", "look 1", "look 2", "later"]


def test_a_long_look_that_was_given_up_meanwhile_ends(worker: Worker) -> None:
    waiting = Waiting(BACKGROUND)
    done: list[str] = []
    look = order(Tiled(waiting, done.append), "look", waiting=waiting)

    def let_pass(_: Waiting) -> None:
        waiting.set()

    waiting.let_pass = let_pass
    with pytest.raises(GivenUp):
        list(look.stream.jobs([look.opened]))
    assert done == ["look 0"]


def test_a_long_prediction_ends_at_the_next_tile_when_nobody_waits() -> None:
    waiting = Waiting()
    waiting.check("image", 1, 10)
    waiting.set()
    with pytest.raises(GivenUp):
        waiting.check("image", 2, 10)


def test_a_stop_gives_up_what_waits(turn: Turn) -> None:
    worker, stream = Worker("nuts", batch=1, turn=turn), Noting()
    running, waiting = order(stream, "running"), order(stream, "waiting")
    with turn.taken(lambda: 9):
        put(worker, running, waiting)
        worker.stop()
    assert answers([running]) == ["running"]
    assert waiting.found.cancelled() and waiting.given_up.is_set()
    worker.join(60)
    assert not worker.is_alive
