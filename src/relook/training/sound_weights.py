"""A look at weights before they are saved: a good state is never replaced by a broken one."""

from __future__ import annotations

import torch
from torch import nn

from ..errors import RelookError

LARGEST = 1e8
"""Magnitude of a parameter above which a training counts as diverged: those of trained networks
are below 1e3, and one step at a rate out of range gives 1e20 and more."""
ADVICE = (
    "Try a lower rate (--lr), a longer warm-up (--set train.warmup_iterations=1000) or clipping "
    "(--set train.gradient_clip=10)"
)


def check_weights(module: nn.Module, step: int) -> None:
    """Refuse weights that are not finite, or that no training gives.

    Raises:
        RelookError: R03, with the name of the first such tensor.
    """
    for name, value in module.named_parameters():
        largest = float(value.detach().abs().max()) if value.numel() else 0.0
        if not largest <= LARGEST:
            raise _diverged(name, f"has a value of {largest:.3g}", step)
    for name, buffer in module.named_buffers():
        if buffer.is_floating_point() and not bool(torch.isfinite(buffer).all()):
            raise _diverged(name, "has values that are not finite", step)


def _diverged(name: str, what: str, step: int) -> RelookError:
    return RelookError(
        "R03",
        f"training diverged by step {step}: {name} {what}. These weights were not saved. {ADVICE}.",
    )
