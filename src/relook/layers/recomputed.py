"""Activation checkpointing (https://arxiv.org/abs/1604.06174): memory for time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint


class Recomputed:
    """A method of `part` that keeps no activations for the backward pass: they are computed again
    from the method's arguments.

    It replaces the method in this one module (``vars(part)[method]``). It is an object of its own,
    so that a deep copy of the part, as in weight averaging, calls the copy's method.
    """

    def __init__(self, part: nn.Module, method: str) -> None:
        self._part, self._method = part, method

    def __call__(self, *arguments: Any) -> Any:
        """Return the value of the method."""
        compute = getattr(type(self._part), self._method)
        if not torch.is_grad_enabled():
            return compute(self._part, *arguments)
        return checkpoint(
            compute,
            self._part,
            *arguments,
            use_reentrant=False,
            preserve_rng_state=False,
            context_fn=lambda: (nullcontext(), _statistics_as_they_are(self._part)),
        )


@contextmanager
def _statistics_as_they_are(part: nn.Module) -> Iterator[None]:
    """Update copies of the running statistics of batch norms, which were updated once already.

    Norms without running statistics would save fewer tensors than the first time, which
    checkpointing refuses.
    """
    norms = [module for module in part.modules() if isinstance(module, _BatchNorm)]
    kept = [(norm, dict(norm.named_buffers(recurse=False))) for norm in norms]
    for norm, buffers in kept:
        for name, buffer in buffers.items():
            setattr(norm, name, buffer.clone())
    try:
        yield
    finally:
        for norm, buffers in kept:
            for name, buffer in buffers.items():
                setattr(norm, name, buffer)
