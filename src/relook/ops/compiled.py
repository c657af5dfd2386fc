"""torchvision's compiled operations.

Predictions on the CPU need the compiled library alone. The Python part of torchvision, whose
import takes as long as that of PyTorch, is imported for everything else that it registers:
gradients, other devices, shapes without numbers and exports. The operations are the same.
"""

from __future__ import annotations

from functools import cache
from importlib.machinery import EXTENSION_SUFFIXES
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import torch
from torch import Tensor

Pair = tuple[int, int]

_OPERATIONS: Final = ("nms", "roi_align", "deform_conv2d")
_LIBRARIES: Final = ("_C_stable", "_C")  # the newer torchvision's, the older one's
_PLAIN: Final = (Tensor, torch.nn.Parameter)


def nms(boxes: Tensor, scores: Tensor, iou: float) -> Tensor:
    """Rows (S,) int64 of `boxes` (N, 4) that no better one overlaps by more than `iou`, best
    first.
    """
    if _needs_library_only(boxes, scores):
        kept: Tensor = library().nms(boxes, scores, iou)
        return kept
    return _python().nms(boxes, scores, iou)  # type: ignore[no-any-return]


def roi_align(
    features: Tensor,
    table: Tensor,
    side: int | Pair,
    scale: float,
    *,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """Samples (R, C, height, width) of a map (B, C, H, W) at boxes (R, 5), image index first.

    `side` is that of the result, or its height and width.
    """
    height, width = (side, side) if isinstance(side, int) else side
    if _needs_library_only(features, table):
        pooled: Tensor = library().roi_align(
            features, table, scale, height, width, sampling_ratio, aligned
        )
        return pooled
    return _python().roi_align(  # type: ignore[no-any-return]
        features, table, (height, width), scale, sampling_ratio, aligned
    )


def deform_conv2d(
    x: Tensor, offset: Tensor, weight: Tensor, stride: Pair, padding: Pair, dilation: Pair
) -> Tensor:
    """Deformable convolution without bias of `x` (B, C, H, W), with the arguments of
    `ops.deformable.deformable_convolution`.
    """
    if not _needs_library_only(x, offset, weight):
        return _python().deform_conv2d(  # type: ignore[no-any-return]
            x, offset, weight, None, stride, padding, dilation
        )
    kernel = weight.shape[2] * weight.shape[3]
    sampled: Tensor = library().deform_conv2d(
        x,
        weight,
        offset,
        x.new_zeros(len(x), 1),  # no mask
        x.new_zeros(len(weight)),  # no bias
        *stride,
        *padding,
        *dilation,
        x.shape[1] // weight.shape[1],
        offset.shape[1] // (2 * kernel),
        False,
    )
    return sampled


@cache
def library() -> Any:
    """The operations, as PyTorch has them once torchvision's library is loaded."""
    found = find_spec("torchvision")
    for folder in () if found is None else found.submodule_search_locations or ():
        for name in _LIBRARIES:
            for suffix in (".so", ".pyd", ".dll", *EXTENSION_SUFFIXES):
                file = Path(folder) / f"{name}{suffix}"
                if file.is_file() and _is_loaded_from(file):
                    return torch.ops.torchvision
    _python()
    return torch.ops.torchvision


def _is_loaded_from(file: Path) -> bool:
    """Load the library, and return whether the operations are there."""
    try:
        torch.ops.load_library(str(file))
    except OSError:
        return False
    return all(hasattr(torch.ops.torchvision, name) for name in _OPERATIONS)


@cache
def _python() -> Any:
    import torchvision.ops

    return torchvision.ops


def _needs_library_only(*tensors: Tensor) -> bool:
    """Return whether the operation on `tensors` is a plain one: numbers on the CPU, no gradients,
    no change of precision, and no code that is traced.
    """
    return (
        all(type(tensor) in _PLAIN and tensor.device.type == "cpu" for tensor in tensors)
        and not (torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors))
        and not torch.is_autocast_enabled("cpu")
        and not torch.compiler.is_compiling()
        and torch._C._get_tracing_state() is None  # noqa: SLF001
    )
