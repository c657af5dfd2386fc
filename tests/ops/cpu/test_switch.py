"""The switch of the fast ways."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from relook.ops.cpu import switch as fast


def test_plain_holds_inside_and_nests() -> None:
    assert fast.is_on()
    with fast.plain():
        assert not fast.is_on()
        with fast.plain():
            assert not fast.is_on()
        assert not fast.is_on()
    assert fast.is_on()


def test_an_error_inside_switches_back() -> None:
    with pytest.raises(ZeroDivisionError), fast.plain():
        raise ZeroDivisionError
    assert fast.is_on()


def test_other_threads_are_not_touched() -> None:
    entered, seen = threading.Event(), []

    def other() -> None:
        entered.wait()
        seen.append(fast.is_on())

    thread = threading.Thread(target=other)
    thread.start()
    with fast.plain():
        entered.set()
        thread.join()
        with ThreadPoolExecutor(1) as pool:
            seen.append(pool.submit(fast.is_on).result())
    assert seen == [True, True]

    def switched() -> None:
        with fast.plain():
            entered.set()
            barrier.wait()

    barrier = threading.Barrier(2)
    entered.clear()
    thread = threading.Thread(target=switched)
    thread.start()
    entered.wait()
    assert fast.is_on()
    barrier.wait()
    thread.join()


def test_where_a_fast_way_applies() -> None:
    assert fast.applies(torch.zeros(2))
    with fast.plain():
        assert not fast.applies(torch.zeros(2))
    for dtype in (torch.float64, torch.float16, torch.bfloat16):
        assert not fast.applies(torch.zeros(2, dtype=dtype))
    assert not fast.applies(torch.zeros(2, device="meta"))
    with torch.inference_mode():
        assert fast.applies(torch.zeros(2))


class _Asks(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.answers: list[bool] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.answers.append(fast.applies(x))
        return x + 1


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_it_does_not_apply_to_what_is_traced() -> None:
    asks = _Asks()
    torch.export.export(asks, (torch.zeros(2),), strict=False)
    torch.jit.trace(asks, torch.zeros(2), check_trace=False)
    assert asks.answers and not any(asks.answers)
    asks(torch.zeros(2))
    assert asks.answers[-1]
