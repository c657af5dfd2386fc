"""Precision of predictions: float32, or 16 bits for features and hidden layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, cast, get_args

from ..errors import UsageError

if TYPE_CHECKING:
    import torch

Precision = Literal["fp32", "bf16", "fp16"]
NAMES: Final = get_args(Precision)


def checked_precision(name: str) -> Precision:
    """`name` as a precision.

    Raises:
        UsageError: U03 for another name.
    """
    if name not in NAMES:
        raise UsageError("U03", f"precision {name!r} is not known; use {', '.join(NAMES)}.")
    return cast(Precision, name)


def check_name_on(precision: Precision, device: str) -> None:
    """Check what the name of a device alone tells; PyTorch is not imported.

    Raises:
        UsageError: U04 for fp16 on the CPU.
    """
    if precision == "fp16" and device == "cpu":
        raise UsageError("U04", "precision fp16 is for GPUs. On a CPU use bf16, or leave it out.")


def dtype_on(precision: Precision, device: torch.device) -> torch.dtype:
    """The type of features and hidden layers of a network on `device`.

    Raises:
        UsageError: U04 for a precision that `device` computes slower than float32, or not at all.
    """
    check_name_on(precision, device.type)
    import torch

    if precision == "fp32":
        return torch.float32
    if device.type == "cpu" and not has_bfloat16():
        raise UsageError(
            "U04",
            "precision bf16: this processor has no instructions for it (AVX-512 with bfloat16, "
            "or AMX), so that it would be slower than float32. Leave it out.",
        )
    return torch.bfloat16 if precision == "bf16" else torch.float16


def has_bfloat16() -> bool:
    """Return whether the processor multiplies bfloat16 in its own instructions."""
    import torch

    return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()  # noqa: SLF001
