"""Communication between the processes of one run, through torch.distributed.

Without an initialised process group, every function is for this process only. With one, all
processes must make the same calls in the same order; otherwise they wait for each other.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from ..errors import RelookError

T = TypeVar("T")
_COUNTS_SHARED: ContextVar[bool] = ContextVar("counts_shared", default=False)


def rank() -> int:
    """The number of this process, from 0; process 0 writes files and messages."""
    return dist.get_rank() if _several() else 0


def world_size() -> int:
    """Number of processes that work together."""
    return dist.get_world_size() if _several() else 1


@contextlib.contextmanager
def shared_counts() -> Iterator[None]:
    """Divide losses by the counts of all processes together in this context (`loss_divisor`)."""
    token = _COUNTS_SHARED.set(True)
    try:
        yield
    finally:
        _COUNTS_SHARED.reset(token)


def loss_divisor(count: int, like: Tensor) -> Tensor | int:
    """Divisor of a sum of errors over `count` elements: `count`, and at least 1.

    Inside of `shared_counts` it is the mean of `count` over the processes, at least 1 over their
    number, as a scalar on the device of `like`. Gradients are averaged over processes, so that the
    result is that of one process with all images: an element has the same weight on every process.
    A process with a count of 0 must call this too.
    """
    if not (_COUNTS_SHARED.get() and _several()):
        return max(count, 1)
    total = torch.tensor(float(count), dtype=torch.float32, device=like.device)
    dist.all_reduce(total)
    return total.clamp(min=1) / dist.get_world_size()


def means(values: Tensor) -> Tensor:
    """Each of `values` (N,), averaged over the processes."""
    if not _several():
        return values
    total = values.clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def maxima(values: Sequence[float]) -> list[float]:
    """The maximum of each of `values` over the processes."""
    if not _several():
        return list(values)
    largest = torch.tensor(values, dtype=torch.float64)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return largest.tolist()


def gathered(value: T) -> list[T]:
    """The `value` of each process, by number; values are pickled on the way."""
    if not _several():
        return [value]
    values: list[T | None] = [None] * dist.get_world_size()
    dist.all_gather_object(values, value)
    return cast(list[T], values)


def from_first(make: Callable[[], T]) -> T:
    """Call `make` in the first process only, and return its value in all processes.

    Raises:
        RelookError: as `make`, in all processes.
    """
    if not _several():
        return make()
    answer: list[T | RelookError | None] = [None]
    if dist.get_rank() == 0:
        try:
            answer = [make()]
        except RelookError as error:
            answer = [error]
    dist.broadcast_object_list(answer)
    if isinstance(answer[0], RelookError):
        raise answer[0]
    return cast(T, answer[0])


def _several() -> bool:
    return dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
