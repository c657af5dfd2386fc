"""Work that overlaps: a thread that is a few items ahead of the one that asks for results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

T = TypeVar("T")
U = TypeVar("U")

THREAD: Final = "relook-overlap"
"""How the names of these threads begin."""


def in_order(
    function: Callable[[T], U], items: Iterable[T], *, ahead: int, finish: bool = False
) -> Generator[U, None, None]:
    """`function` of each item, in order, computed in one thread of its own.

    `items` are taken in the thread that asks for results, up to `ahead` more of them than results
    were given, so at most ``ahead + 1`` are held here. Put between two loops it reads ahead of
    the second one, or works behind the first. An exception of `function` or of `items` arises in
    the place of its item, after the results before it. Closing the generator, which an
    interruption does too, waits until the thread has ended; it then drops the items that wait,
    or, with `finish`, still computes them.
    """
    waiting: deque[Future[U]] = deque()
    pool = ThreadPoolExecutor(1, thread_name_prefix=THREAD)
    try:
        source = iter(items)
        failure: Exception | None = None
        while True:
            try:
                item = next(source)
            except StopIteration:
                break
            except Exception as error:  # noqa: BLE001 - raised below, in its place
                failure = error
                break
            waiting.append(pool.submit(function, item))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
        if failure is not None:
            raise failure
    finally:
        pool.shutdown(wait=True, cancel_futures=not finish)
