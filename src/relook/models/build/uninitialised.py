"""Modules without numbers: their tensors have shapes and types, and no memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

_FILLING: Final = frozenset({"copy_", "fill_", "normal_", "uniform_", "zero_"})
_ALIKE: Final = frozenset({"empty_like", "ones_like", "zeros_like"})


@contextmanager
def uninitialised() -> Iterator[None]:
    """Make modules on the meta device in this context, and leave out what only sets numbers.

    On the meta device PyTorch runs that in Python, for which it imports its compiler: this takes as
    long as the import of PyTorch itself.
    """
    with torch.device("meta"), _WithoutNumbers():
        yield


class _WithoutNumbers(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        tensor = args[0] if args else kwargs.get("tensor")
        if isinstance(tensor, Tensor) and tensor.is_meta:
            name = getattr(func, "__name__", "")
            if name in _FILLING or getattr(func, "__module__", "") == "torch.nn.init":
                return tensor
            if name in _ALIKE and len(args) == 1 and not kwargs:
                return torch.empty(tensor.shape, dtype=tensor.dtype)
        return func(*args, **kwargs)
