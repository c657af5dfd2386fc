"""Choice of a device by its name, with a check for the operations that models need."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import torch

from ..errors import RelookError, UsageError

# torchvision's own operations that models use; PyTorch's are on every device.
COMPILED: Final = ("nms", "roi_align", "deform_conv2d")


def choose_device(name: torch.device | str = "auto") -> torch.device:
    """The device called `name`; ``"auto"`` is CUDA if there is one, else the CPU.

    Apple's MPS is used only by its name: relook was not run on it yet.

    Raises:
        UsageError: U03 when there is no device of that name.
        RelookError: R04 when this machine does not have it, or it lacks an operation.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise UsageError(
            "U03", f"device {name!r} is not known; use auto, cpu, mps, cuda or cuda:0, cuda:1, ..."
        ) from None
    if device.type == "cuda":
        count = torch.cuda.device_count() if torch.cuda.is_available() else 0
        if (device.index or 0) >= count:
            raise RelookError(
                "R04", f"device {name} is not there: PyTorch has {count} CUDA devices. Use cpu."
            )
    if device.type == "mps":
        _check_mps()
    return device


def _check_mps() -> None:
    """Refuse Apple's MPS before any work where it lacks an operation."""
    if not torch.backends.mps.is_available():
        raise RelookError(
            "R04",
            "device mps is not there: it needs a Mac with an Apple GPU and a PyTorch that was "
            "built for it. Use cpu.",
        )
    import torchvision  # noqa: F401  (registers the operations that are asked for)

    missing = [name for name in COMPILED if not _has_kernel(name, "MPS")]
    if missing:
        raise RelookError(
            "R04",
            f"device mps: the installed torchvision has no {' and no '.join(missing)} for it, "
            "which relook's models need. Use cpu, or a torchvision that has them.",
        )


def _has_kernel(name: str, device: str) -> bool:
    has_kernel = torch._C._dispatch_has_kernel_for_dispatch_key  # noqa: SLF001  (nothing public says it)
    return bool(has_kernel(f"torchvision::{name}", device))


@contextmanager
def memory_explained(subject: str, device: torch.device) -> Iterator[None]:
    """Turn an out-of-memory error about `subject` into a `RelookError` with a remedy.

    Raises:
        RelookError: R04 in that case.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise RelookError(
            "R04", f"{subject} do not fit in the memory of {device}. Lower batch_size or size."
        ) from error
