"""Communication between the processes of one run, through torch.distributed.

Without an initialised process group, every function is for this process only. With one, all
processes must make the same calls in the same order; otherwise they wait for each other.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ..errors import RelookError

if TYPE_CHECKING:
    from torch import Tensor

T = TypeVar("T")
_COUNTS_SHARED: ContextVar[bool] = ContextVar("counts_shared", default=False)


def rank() -> int:
    """The number of this process, from 0; process 0 writes files and messages."""
    group = _group()
    return 0 if group is None else int(group.get_rank())


def world_size() -> int:
    """Number of processes that work together."""
    group = _group()
    return 1 if group is None else int(group.get_world_size())


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
    group = _group() if _COUNTS_SHARED.get() else None
    if group is None:
        return max(count, 1)
    import torch

    total = torch.tensor(float(count), dtype=torch.float32, device=like.device)
    group.all_reduce(total)
    return cast("Tensor", total.clamp(min=1) / group.get_world_size())


def means(values: Tensor) -> Tensor:
    """Each of `values` (N,), averaged over the processes."""
    group = _group()
    if group is None:
        return values
    total = values.clone()
    group.all_reduce(total)
    return cast("Tensor", total / group.get_world_size())


def maxima(values: Sequence[float]) -> list[float]:
    """The maximum of each of `values` over the processes."""
    group = _group()
    if group is None:
        return list(values)
    import torch

    largest = torch.tensor(values, dtype=torch.float64)
    group.all_reduce(largest, group.ReduceOp.MAX)
    return largest.tolist()


def gathered(value: T) -> list[T]:
    """The `value` of each process, by number; values are pickled on the way."""
    group = _group()
    if group is None:
        return [value]
    values: list[T | None] = [None] * group.get_world_size()
    group.all_gather_object(values, value)
    return cast(list[T], values)


def from_first(make: Callable[[], T]) -> T:
    """Call `make` in the first process only, and return its value in all processes.

    Raises:
        RelookError: as `make`, in all processes.
    """
    group = _group()
    if group is None:
        return make()
    answer: list[T | RelookError | None] = [None]
    if group.get_rank() == 0:
        try:
            answer = [make()]
        except RelookError as error:
            answer = [error]
    group.broadcast_object_list(answer)
    if isinstance(answer[0], RelookError):
        raise answer[0]
    return cast(T, answer[0])


def _group() -> Any:
    """The module torch.distributed, where several processes are connected; else None.

    It is not imported: whoever has connected processes has it.
    """
    dist = sys.modules.get("torch.distributed")
    if dist is None or not dist.is_available() or not dist.is_initialized():
        return None
    return dist if dist.get_world_size() > 1 else None
