"""Projection of the features of one head for another head."""

from __future__ import annotations

from collections.abc import Callable

import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from .initialise import he_init


class ConvNorm(nn.Module):
    """A convolution without bias, and the normalisation of its output, if there is one.

    Raises:
        ValueError: for an even `kernel`.
    """

    def __init__(
        self,
        channels: int,
        out_channels: int,
        kernel: int = 1,
        norm: Callable[[int], nn.Module] | None = nn.BatchNorm2d,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"kernel {kernel}: an even one has no middle")
        self.conv = nn.Conv2d(channels, out_channels, kernel, padding=kernel // 2, bias=False)
        self.norm = None if norm is None else norm(out_channels)
        he_init(self.conv)

    def forward(self, x: Tensor) -> Tensor:
        """(R, C_out, S, S) of `x` (R, C, S, S). There may be no rows, in training too."""
        x = self.conv(x)
        norm = self.norm
        if norm is None:
            return x
        if len(x) == 0 and isinstance(norm, _BatchNorm) and not _waits_for_others(norm):
            # Without rows there are no statistics.
            return F.batch_norm(
                x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
            )
        normalised: Tensor = norm(x)
        return normalised


def conv_layer(
    channels: int, out_channels: int, kernel: int, norm: Callable[[int], nn.Module] | None
) -> nn.Conv2d | ConvNorm:
    """A convolution of the same size that ends in `norm`, or in its bias where there is none."""
    if norm is None:
        return nn.Conv2d(channels, out_channels, kernel, padding=kernel // 2)
    return ConvNorm(channels, out_channels, kernel, norm)


def kernel_of(layer: nn.Conv2d | ConvNorm) -> nn.Conv2d:
    """The convolution of a layer of `conv_layer`."""
    return layer.conv if isinstance(layer, ConvNorm) else layer


def _waits_for_others(norm: nn.Module) -> bool:
    """Return whether `norm` must run on a process without rows, because others wait for it."""
    return (
        isinstance(norm, nn.SyncBatchNorm)
        and norm.training
        and dist.is_available()
        and dist.is_initialized()
    )


def at_side(x: Tensor, side: int) -> Tensor:
    """`x` (R, C, S, S) averaged down, or repeated, to (R, C, side, side)."""
    return x if x.shape[-1] == side else F.adaptive_avg_pool2d(x, side)
