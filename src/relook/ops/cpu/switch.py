"""The switch between fast and plain operations.

A fast operation gives the same result as the plain one, up to rounding. It is the default where it
applies: on a CPU, when the operation is run and not traced, in float32, and in bfloat16 without
gradients or under autocast. `plain` switches all of them off, for comparisons and to search for an
error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

import torch
from torch import Tensor

_on: ContextVar[bool] = ContextVar("relook_fast", default=True)


def is_on() -> bool:
    """Return whether fast operations are on in this context."""
    return _on.get()


@contextmanager
def plain() -> Iterator[None]:
    """Use the plain form of every operation in this context and thread.

    Folded copies of a detector are not changed; ``relook.load(..., fast=False)`` makes none.
    """
    token = _on.set(False)
    try:
        yield
    finally:
        _on.reset(token)


def applies(x: Tensor) -> bool:
    """Return whether an operation on `x` may use its fast form."""
    return (
        x.device.type == "cpu"
        and _on.get()
        and _has_kernels(x.dtype)
        and not torch.compiler.is_compiling()
        and torch._C._get_tracing_state() is None  # noqa: SLF001
    )


def _has_kernels(dtype: torch.dtype) -> bool:
    """Return whether there are fast operations for `dtype`."""
    is_autocast = torch.is_autocast_enabled("cpu")
    return dtype == torch.float32 or (
        dtype == torch.bfloat16 and (is_autocast or not torch.is_grad_enabled())
    )
