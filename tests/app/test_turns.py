"""Turns on one device."""

from __future__ import annotations

import threading
from collections.abc import Callable

from relook.app.turns import BACKGROUND, Rank, Turn


def queued(turn: Turn, rank: Rank, run: Callable[[], object]) -> threading.Thread:
    """A thread that waits for the turn, and runs in it."""
    before = turn.waiting

    def wait() -> None:
        with turn.taken(rank):
            run()

    thread = threading.Thread(target=wait)
    thread.start()
    while turn.waiting == before:
        pass
    return thread


def test_the_largest_rank_comes_first_and_then_the_oldest() -> None:
    turn, order = Turn(), list[str]()
    ranks = {"look": BACKGROUND, "first": 0, "second": 0, "open": 3}
    with turn.taken(lambda: 0):
        threads = [
            queued(turn, lambda rank=rank: rank, lambda name=name: order.append(name))  # type: ignore[misc]
            for name, rank in ranks.items()
        ]
    for thread in threads:
        thread.join(10)
    assert order == ["open", "first", "second", "look"]
    assert turn.waiting == 0


def test_a_rank_may_rise_while_it_waits() -> None:
    turn, order, rank = Turn(), list[str](), [BACKGROUND]
    with turn.taken(lambda: 0):
        first = queued(turn, lambda: 2, lambda: order.append("first"))
        raised = queued(turn, lambda: rank[0], lambda: order.append("raised"))
        rank[0] = 5
    first.join(10)
    raised.join(10)
    assert order == ["raised", "first"]


def test_way_is_given_to_a_larger_rank_only() -> None:
    turn, order = Turn(), list[str]()
    with turn.taken(lambda: BACKGROUND):
        assert not turn.give_way(lambda: BACKGROUND)
        equal = queued(turn, lambda: BACKGROUND, lambda: order.append("equal"))
        assert not turn.give_way(lambda: BACKGROUND)
        larger = queued(turn, lambda: 1, lambda: order.append("larger"))
        assert turn.give_way(lambda: BACKGROUND)
        order.append("again")
    for thread in (equal, larger):
        thread.join(10)
    assert order == ["larger", "again", "equal"]
