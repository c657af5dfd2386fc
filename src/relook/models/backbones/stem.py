"""Stems for images of other than three channels, made from those of three."""

from __future__ import annotations

from torch import Tensor


def adapted_stem(kernel: Tensor, channels: int) -> Tensor:
    """Kernel (C_out, `channels`, k, k) from `kernel` (C_out, C, k, k), trained on C channels.

    Every channel starts from the mean over the C, scaled so that the sum over channels stays: an
    image that is the same in all channels gives the same map as before.
    """
    before = kernel.shape[1]
    if before == channels:
        return kernel
    mean = kernel.mean(dim=1, keepdim=True) * (before / channels)
    return mean.expand(-1, channels, -1, -1).contiguous()


def stem_words(before: int, channels: int) -> str:
    """Say what became of the stem of weights for `before` channels."""
    return (
        f"stem: {channels} channels here, {before} in the weights: each starts from their mean, "
        "and the stem is trained"
    )
