"""Parameters and multiply-adds of a model, counted without computing it.

The code of `Detector.detect` is run, and that of `Detector.segment` for a model with a head for
stuff. Before the cascade, tensors have shapes but no numbers (the meta device). The cascade runs
dry: it gets proposals that do not touch, and its convolutions and matrix products give zeros.

A multiply-add is one product and its addition in a convolution or matrix product. Pooling,
sampling, normalisation and activations are not counted; a deformable convolution counts as the
plain one.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain
from typing import Any, cast

import numpy as np
import torch
import torch.nn.functional as F
import torchvision  # noqa: F401 - registers torch.ops.torchvision
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from ..config.model import ModelConfig
from ..errors import ModelError, UsageError
from ..models.build import empty_detector
from ..models.cascades.protocol import Cascade
from ..models.detector import STRIDE, Detector
from ..ops.cpu import switch as fast
from ..structures.detection import ImageBatch, Pyramid, Rois

REST = "cascade"  # parameters and work of a cascade outside of its modules
_GAP = 0.5  # of a cell, between proposals


@dataclass(frozen=True, slots=True)
class Complexity:
    """Counts by part: the modules of the detector and those of its cascade, by their names.

    Parameters and work of a user's cascade outside of its modules are called ``cascade``.
    """

    parameters: dict[str, int]  # frozen ones included
    multiply_adds: dict[str, int]


def complexity(
    config: ModelConfig,
    height: int = 800,
    width: int = 1344,
    proposals: int = 1000,
    masks: int = 100,
) -> Complexity:
    """Parameters, and multiply-adds of detecting in one image of (height, width) pixels.

    It has `proposals` proposals, and `masks` detections with a mask where the model has masks.

    Raises:
        UsageError: U03 when the size is not a multiple of 32.
        ModelError: M08 for a user's cascade that does not run dry.
    """
    if height < 1 or width < 1 or height % STRIDE or width % STRIDE:
        raise UsageError("U03", f"size {height}x{width}: expected multiples of {STRIDE} pixels")
    detector = empty_detector(config).eval()
    parts = _parts(detector)
    counts = {name: _parameters(part) for name, part in parts.items()}
    counts[REST] = sum(p.numel() for p in detector.cascade.parameters(recurse=False))
    with _counted(parts) as work, torch.no_grad(), fast.plain():
        _detect(detector, (config.input.channels, height, width), proposals, masks)
    names = [name for name, count in counts.items() if count or work[name]]
    return Complexity({n: counts[n] for n in names}, {n: work[n] for n in names})


def multiply_adds(
    config: ModelConfig,
    height: int = 800,
    width: int = 1344,
    proposals: int = 1000,
    masks: int = 100,
) -> dict[str, int]:
    """Only the multiply-adds of `complexity`, by part."""
    return complexity(config, height, width, proposals, masks).multiply_adds


def _parts(detector: Detector) -> dict[str, nn.Module]:
    """The modules of the detector, with the cascade replaced by its modules."""
    parts = {name: part for name, part in detector.named_children() if name != "cascade"}
    for name, part in detector.cascade.named_children():
        parts[f"cascade.{name}" if name in (*parts, REST) else name] = part
    return parts


def _parameters(part: nn.Module) -> int:
    return sum(p.numel() for p in part.parameters())


def _detect(detector: Detector, shape: tuple[int, int, int], proposals: int, masks: int) -> None:
    """Run the steps of detecting in an image (C, H, W), with fixed proposals, not the RPN's."""
    size = shape[1:]
    pyramid: Pyramid = detector.features(torch.empty(1, *shape, device="meta"))
    detector.rpn(pyramid)
    context, _ = detector.dense(pyramid, label_pixels=detector.stuff is not None)
    cascade = _without_numbers(detector.cascade)
    rule = replace(cascade.select.changed(0.0, masks), suppression="nms")
    images = ImageBatch(_zeros((1, *shape)), (size,), (size,), (size,), ((1.0, 1.0),))
    maps = [_zeros(level.shape) for level in pyramid]
    shown = None if context is None else _zeros(context.shape)
    try:
        with _Dry():
            cascade.detect(maps, shown, Rois.cat([boxes_apart(proposals, size)]), images, rule)
    except Exception as error:
        raise ModelError(
            "M08",
            f"the cascade {type(cascade).__name__} cannot be counted: run dry, with zeros for "
            f"features and for all products, it raised {type(error).__name__}: {error}",
        ) from error


def _without_numbers(cascade: nn.Module) -> Cascade:
    """The cascade on the CPU, with all parameters zero."""
    cascade.to_empty(device="cpu")
    for tensor in chain(cascade.parameters(), cascade.buffers()):
        tensor.zero_()
    return cast(Cascade, cascade)


def _zeros(shape: tuple[int, ...]) -> Tensor:
    """Return zeros that take no memory."""
    return torch.zeros(()).expand(shape)


def boxes_apart(number: int, size: tuple[int, int]) -> Tensor:
    """Return boxes (number, 4) in an image of `size` (height, width) that do not touch."""
    height, width = size
    columns = max(1, math.ceil(math.sqrt(number * width / height)))
    rows = max(1, math.ceil(number / columns))
    cell = torch.tensor([width / columns, height / rows])
    index = torch.arange(number)
    corner = torch.stack([index % columns, index // columns], dim=1) * cell
    return torch.cat([corner, corner + (1 - _GAP) * cell], dim=1)


@contextmanager
def _counted(parts: Mapping[str, nn.Module]) -> Iterator[dict[str, int]]:
    """Count the multiply-adds of the code within, by the part whose module runs it."""
    work = dict.fromkeys([*parts, REST], 0)
    counter = FlopCounterMode(display=False, custom_mapping={_DEFORMABLE: _deformable})
    inside, before = [REST], 0

    def settle() -> None:
        nonlocal before
        operations = int(counter.get_total_flops())  # two for each multiply-add
        work[inside[-1]] += (operations - before) // 2
        before = operations

    def enter(part: str, *_: Any) -> None:
        settle()
        inside.append(part)

    def leave(*_: Any) -> None:
        settle()
        inside.pop()

    with ExitStack() as hooks:
        for name, part in parts.items():
            for module in part.modules():
                hooks.enter_context(module.register_forward_pre_hook(partial(enter, name)))
                hooks.enter_context(module.register_forward_hook(leave, always_call=True))
        with counter:
            yield work
        settle()


class _Dry(TorchFunctionMode):
    """Mode in which products and RoIAlign compute shapes only, and give zeros."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        if func not in _HEAVY:
            return func(*args, **kwargs)
        shapes = {name: _shape(value) for name, value in kwargs.items()}
        out = func(*map(_shape, args), **shapes)
        # NumPy's zeros take no memory before they are read, and most of these never are.
        return torch.from_numpy(np.zeros(out.shape, np.float32)).to(out.dtype)


_DEFORMABLE, _ALIGN = torch.ops.torchvision.deform_conv2d, torch.ops.torchvision.roi_align
_HEAVY = frozenset(
    (
        *(torch.conv1d, torch.conv2d, torch.conv3d, torch.conv_transpose2d, F.linear),
        *(torch.matmul, Tensor.matmul, Tensor.__matmul__, torch.mm, torch.bmm, torch.einsum),
        *(torch.addmm, torch.baddbmm, F.scaled_dot_product_attention, _DEFORMABLE, _ALIGN),
        *(torch.relu, Tensor.relu, F.relu),
    )
)
"""Slow functions to skip. A product that is not listed is computed, and counted as well."""


def _shape(value: Any) -> Any:
    return value.to("meta") if isinstance(value, Tensor) else value


def _deformable(*shapes: Any, out_shape: Any = None, **_: Any) -> int:
    """Operations of a deformable convolution, counted as those of a plain one.

    The shapes are those of the operator's arguments: the input's, the kernel's, ...
    """
    kernel = shapes[1]
    batch, _channels, height, width = out_shape
    return int(2 * batch * height * width * math.prod(kernel))
