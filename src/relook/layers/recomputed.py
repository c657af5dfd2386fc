"""Activation checkpointing (https://arxiv.org/abs/1604.06174): memory for time."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint


class Recomputed:
    """A method of `part` that keeps nothing for the backward pass: what it computed inside is
    computed again from its arguments when it is needed.

    It takes the method's place in this one module (``vars(part)[method]``). It is an object of
    its own, so that a deep copy of the part, as weight averaging makes one, calls the copy.
    """

    def __init__(self, part: nn.Module, method: str) -> None:
        self._part, self._method = part, method

    def __call__(self, *arguments: Any) -> Any:
        """What the method gives."""
        compute = getattr(type(self._part), self._method)
        if not torch.is_grad_enabled():
            return compute(self._part, *arguments)
        return checkpoint(
            compute, self._part, *arguments, use_reentrant=False, preserve_rng_state=False
        )
