"""Turns on one device: one network runs at a time, and what a person waits for comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

Rank = Callable[[], int]
"""Urgency of a prediction; a larger number comes first, and it may change at any time."""
BACKGROUND: Final = -1  # rank of what nobody waits for yet


class Turn:
    """The right to run a network on a device, that models share.

    Of those that wait, the one with the largest rank comes first, and of equal ones the first.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[Rank] = []
        self._holder: Rank | None = None

    @property
    def waiting(self) -> int:
        """Number of threads that wait for the turn."""
        return len(self._waiting)

    @contextmanager
    def taken(self, rank: Rank) -> Iterator[None]:
        """Have the turn inside of the block; waits for it."""
        with self._changed:
            if self._holder is None:
                self._holder = rank
            else:
                self._waiting.append(rank)
                self._wait(rank)
        try:
            yield
        finally:
            with self._changed:
                self._pass_on()

    def give_way(self, rank: Rank) -> bool:
        """Let one of a larger rank go first, and have the turn again later; whether any did.

        For the thread that has the turn, between two runs of its network.
        """
        with self._changed:
            if not any(other() > rank() for other in self._waiting):
                return False
            self._pass_on()
            self._waiting.insert(0, rank)  # it was before those of its own rank
            self._wait(rank)
            return True

    def _wait(self, rank: Rank) -> None:
        self._changed.wait_for(lambda: self._holder is rank)

    def _pass_on(self) -> None:
        """Give the turn to the first of the largest rank: a rank that changes later does not
        matter any more, so that no thread waits for another one that waits."""
        self._holder = max(self._waiting, key=lambda rank: rank(), default=None)
        self._waiting = [rank for rank in self._waiting if rank is not self._holder]
        self._changed.notify_all()
