"""Sharing of the images of one run among several processes, each image to one of them."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator
from typing import Final, Protocol

from ...errors import RelookError
from ...runtime.distributed import rank, world_size

_POLL: Final = 0.05  # seconds
BEAT: Final = 5.0  # seconds between two signs of life of a process
SILENCE: Final = 40.0  # seconds without one, after which a process counts as ended


class Store(Protocol):
    """Numbers that all processes see, as `torch.distributed.Store` has them."""

    def add(self, key: str, amount: int, /) -> int:
        """The number called `key`, from 0, after `amount` was added to it at one stroke."""
        ...


class OwnStore:
    """The store of a process that is alone."""

    def __init__(self) -> None:
        self._numbers: Counter[str] = Counter()
        self._lock = threading.Lock()

    def add(self, key: str, amount: int, /) -> int:
        """As `Store.add`."""
        with self._lock:
            self._numbers[key] += amount
            return self._numbers[key]


class Shares:
    """Deals work out to `size` processes through `store`: who is done first takes the next.

    That no item is lost or done twice rests on `Store.add` alone; a process that fails makes the
    others stop. One that is killed says nothing; inside of `alive` each gives signs of life, and
    who waits for it notices that they have ended.
    """

    def __init__(self, store: Store, size: int = 1, prefix: str = "", rank: int = 0) -> None:
        self._store, self.size, self._prefix, self._rank = store, size, prefix, rank
        self._beats: dict[int, tuple[int, float]] = {}  # of each process, and when they changed

    def within(self, name: str) -> Shares:
        """The shares of one item's own parts, such as the tiles of an image, among the same
        processes.
        """
        return Shares(self._store, self.size, f"{name}: ", self._rank)

    @contextlib.contextmanager
    def alive(self, beat: float = BEAT) -> Iterator[None]:
        """Give signs of life, and notice those of the others, inside of the block."""
        ended = threading.Event()

        def live() -> None:
            with contextlib.suppress(RelookError):
                while not ended.wait(beat):
                    self._add(f"beats {self._rank}", 1)
                    for number in range(self.size if self._rank == 0 else 0):
                        self._silence_of(number)

        thread = threading.Thread(target=live, name="signs of life", daemon=True)
        if self.size > 1:
            thread.start()
        try:
            yield
        finally:
            ended.set()
            if self.size > 1:
                thread.join()

    def claims(self, count: int, at_once: int = 1) -> Iterator[int]:
        """The numbers below `count` that fall to this process, `at_once` in a row.

        Raises:
            RelookError: R05 when another process has failed.
        """
        while True:
            end = self._add(f"{self._prefix}claimed", at_once)
            self._check()
            if end - at_once >= count:
                return
            yield from range(end - at_once, min(end, count))

    def tick(self) -> int:
        """Note one more item as done; how many there are, of all processes."""
        return self._add(f"{self._prefix}done", 1)

    def arrive(self) -> int:
        """Say that this process has done its part of an item; how many have."""
        return self._add(f"{self._prefix}arrived", 1)

    def finish(self) -> None:
        """Say that this process has done its share."""
        self._add(f"finished {self._rank}", 1)
        self._add("finished", 1)

    def wait(self, silence: float = SILENCE) -> None:
        """Wait until all processes have done theirs.

        Raises:
            RelookError: R05 when one has failed, or has given no sign of life for `silence`
                seconds.
        """
        while self._add("finished", 0) < self.size:
            self._check()
            for number in range(self.size):
                if number == self._rank or self._add(f"finished {number}", 0):
                    continue
                if self._silence_of(number) > silence:
                    raise _gone(
                        f"process {number + 1} of {self.size} has not finished its images, and has "
                        f"given no sign of life for {silence:.0f} s"
                    )
            time.sleep(_POLL)

    def _silence_of(self, number: int) -> float:
        """Seconds since a sign of life of process `number` was noticed."""
        now, beats = time.monotonic(), self._add(f"beats {number}", 0)
        before, since = self._beats.get(number, (-1, now))
        self._beats[number] = (beats, since if beats == before else now)
        return now - self._beats[number][1]

    def fail(self) -> None:
        """Say that this process ends early."""
        with contextlib.suppress(RelookError):
            self._add("failed", 1)

    def _check(self) -> None:
        if self._add("failed", 0):
            raise _gone("it says above why, or in its own output")

    def _add(self, key: str, amount: int) -> int:
        try:
            return self._store.add(key, amount)
        except RuntimeError as error:  # how torch.distributed says that the store is gone
            raise _gone("the first one, which counts for all, does not answer") from error


def shares() -> Shares:
    """The shares of the processes that are connected now; of one alone, where none are."""
    if world_size() == 1:
        return Shares(OwnStore())
    from torch.distributed import distributed_c10d as c10d

    store = c10d._get_default_store()  # noqa: SLF001  (nothing public gives it)
    return Shares(c10d.PrefixStore("relook.predict", store), world_size(), rank=rank())


def _gone(why: str) -> RelookError:
    return RelookError(
        "R05",
        f"another process of this run ended early: {why}. What was finished is kept; the same "
        "command with --resume goes on.",
    )
