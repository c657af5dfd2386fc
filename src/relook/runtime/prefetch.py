"""Overlapping work: one thread that reads ahead of a loop, or works behind it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

T = TypeVar("T")
U = TypeVar("U")

THREAD: Final = "relook-overlap"
"""Prefix of the names of these threads."""


class Behind(Generic[T, U]):
    """One thread that computes `function` of items while the loop that hands them over goes on.

    A context manager. Leaving it, which an exception or interruption does too, waits until the
    thread has ended; it then drops the items that still wait, or, with `finish`, computes them.
    """

    def __init__(self, function: Callable[[T], U], *, ahead: int, finish: bool = False) -> None:
        self._function, self._ahead, self._finish = function, ahead, finish
        self._waiting: deque[Future[U]] = deque()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=THREAD)

    def put(self, item: T) -> list[U]:
        """Hand over an item; the oldest result, where more than `ahead` items are waiting.

        An exception of `function` is raised in the place of its item.
        """
        self._waiting.append(self._pool.submit(self._function, item))
        if len(self._waiting) <= self._ahead:
            return []
        return [self._waiting.popleft().result()]

    def rest(self) -> Iterator[U]:
        """The results that are left, in order; raises as `put`."""
        while self._waiting:
            yield self._waiting.popleft().result()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.shutdown(wait=True, cancel_futures=not self._finish)


def in_order(
    function: Callable[[T], U], items: Iterable[T], *, ahead: int
) -> Generator[U, None, None]:
    """`function` of each item, in order, computed in one thread that is `ahead` items ahead.

    `items` are taken in the thread that asks for results, up to `ahead` more of them than results
    were given. An exception of `function` or of `items` is raised in the place of its item, after
    the results before it. Closing the generator ends the thread.
    """
    with Behind(function, ahead=ahead) as behind:
        source = iter(items)
        while True:
            try:
                item = next(source)
            except StopIteration:
                break
            except Exception:
                yield from behind.rest()
                raise
            yield from behind.put(item)
        yield from behind.rest()
