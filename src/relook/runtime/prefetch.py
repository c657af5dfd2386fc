"""One thread beside a loop, which reads in advance or processes the loop's results."""

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
    """One thread that computes `function` of items in parallel to the loop that puts them.

    A context manager. Its end, also by an exception or interruption, waits for the thread; items
    that still wait are dropped, or, with `finish`, computed.
    """

    def __init__(self, function: Callable[[T], U], *, ahead: int, finish: bool = False) -> None:
        self._function, self._ahead, self._finish = function, ahead, finish
        self._waiting: deque[Future[U]] = deque()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=THREAD)

    def put(self, item: T) -> list[U]:
        """Add an item; return the oldest result, if more than `ahead` items are waiting.

        An exception of `function` is raised in place of its item's result.
        """
        self._waiting.append(self._pool.submit(self._function, item))
        if len(self._waiting) <= self._ahead:
            return []
        return [self._waiting.popleft().result()]

    def rest(self) -> Iterator[U]:
        """The remaining results, in order; raises as `put`."""
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
    """`function` of each item, in order, computed in one thread, `ahead` items in advance.

    `items` are taken in the caller's thread, at most `ahead` more than results. An exception of
    `function` or of `items` is raised in place of its item's result, after the results before it.
    Closing the generator ends the thread.
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
