"""A thread that works ahead, and ends when nobody asks any more."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from relook.runtime.prefetch import THREAD, Behind, in_order


def running() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name.startswith(THREAD)]


def test_results_come_in_order_from_one_other_thread() -> None:
    threads = set()

    def square(number: int) -> int:
        threads.add(threading.get_ident())
        time.sleep(0.002 * (number % 3))
        return number * number

    assert list(in_order(square, range(20), ahead=3)) == [n * n for n in range(20)]
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    assert list(in_order(square, [], ahead=3)) == []
    assert running() == []


def test_items_are_taken_here_and_only_so_far_ahead() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            assert threading.current_thread() is threading.main_thread()
            taken.append(len(taken))
            yield taken[-1]

    results = in_order(lambda n: n, endless(), ahead=2)
    assert next(results) == 0
    assert len(taken) == 3
    assert next(results) == 1
    assert len(taken) == 4
    results.close()
    assert running() == []


def test_the_thread_works_while_nobody_waits() -> None:
    done = threading.Event()
    results = in_order(lambda n: n if n == 0 else done.set(), [0, 1], ahead=1)
    next(results)
    assert done.wait(60)
    results.close()


def test_an_exception_arises_in_its_place() -> None:
    def items() -> Iterator[int]:
        yield from range(4)
        raise ValueError("no more items")

    got: list[int] = []
    with pytest.raises(ValueError, match="no more items"):
        got.extend(in_order(lambda n: n, items(), ahead=9))
    results = in_order(lambda n: 1 // (2 - n), range(5), ahead=4)
    first = [next(results), next(results)]
    with pytest.raises(ZeroDivisionError):
        next(results)
    assert first == [0, 1]
    assert running() == []


def test_results_before_an_exception_of_the_items_are_given() -> None:
    def items() -> Iterator[int]:
        yield from range(4)
        raise ValueError

    results = in_order(lambda n: n, items(), ahead=9)
    assert [next(results) for _ in range(4)] == [0, 1, 2, 3]
    with pytest.raises(ValueError):  # noqa: PT011
        next(results)


@pytest.mark.parametrize("finish", [False, True])
def test_what_becomes_of_waiting_items(finish: bool) -> None:
    begun, go_on, done = threading.Event(), threading.Event(), []

    def slow(number: int) -> None:
        if number == 1:
            begun.set()
            assert go_on.wait(60)
        done.append(number)

    def interrupted() -> None:
        with Behind(slow, ahead=9, finish=finish) as behind:
            for number in range(4):
                assert behind.put(number) == []
            assert begun.wait(60)
            threading.Timer(0.05, go_on.set).start()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ([0, 1, 2, 3] if finish else [0, 1])
    assert running() == []


def test_a_loop_gets_results_of_what_it_hands_over() -> None:
    with Behind(lambda n: n * n, ahead=2) as behind:
        given = [behind.put(n) for n in range(5)]
        assert given == [[], [], [0], [1], [4]]
        assert list(behind.rest()) == [9, 16]
        assert list(behind.rest()) == []
    assert running() == []


def test_an_exception_of_the_work_arises_in_its_place() -> None:
    with Behind(lambda n: 1 // (2 - n), ahead=1) as behind:
        assert [behind.put(n) for n in range(3)] == [[], [0], [1]]
        with pytest.raises(ZeroDivisionError):
            behind.put(3)
        assert list(behind.rest()) == [-1]
