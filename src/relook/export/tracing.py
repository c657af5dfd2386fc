"""From a detector to a graph of standard operators."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import torch

from ..errors import ModelError
from ..ops.cpu.switch import plain
from ..runtime.edition import extra, needing
from ..structures.detection import Size
from .facts import INPUTS, OUTPUTS
from .network import ExportedDetector
from .reading import OPSET

if TYPE_CHECKING:
    import onnx

_EXAMPLE: Final = (160, 192)  # sides of the canvas that a graph of any size is traced with
_STEP: Final = 32


def traced(
    network: ExportedDetector, channels: int, canvas: Size | None, *, masks: bool, optimize: bool
) -> onnx.ModelProto:
    """The graph of `network` for images of `channels`, of one `canvas` or of any size.

    With `optimize`, constants are computed and operators put together; it takes half of the time.

    Raises:
        ModelError: M09 when PyTorch's exporter cannot write the model.
        UsageError: U04 without the packages onnx and onnxscript.
    """
    onnx_package()
    sides = canvas or _EXAMPLE
    example = (
        torch.zeros((*sides, channels), dtype=torch.uint8),
        torch.tensor([sides[0] - 1, sides[1] - 1]),
        torch.ones(2),
        torch.tensor(0.1),
    )
    dims: dict[str, Any] | None = None
    if canvas is None:
        height, width = (torch.export.Dim(name, min=3) for name in ("rows", "columns"))
        image = {0: _STEP * height, 1: _STEP * width}
        dims = {"image": image, "size": None, "scale": None, "score": None}
    try:
        with plain(), torch.no_grad(), _quiet():
            # Not by the compiler: the graph is that of the calls that Python makes.
            program = torch.export.export(network, example, dynamic_shapes=dims, strict=False)
            written = torch.onnx.export(
                program,
                example,
                dynamo=True,
                opset_version=OPSET,
                input_names=INPUTS,
                output_names=OUTPUTS if masks else OUTPUTS[:3],
                optimize=optimize,
                verbose=False,
            )
    except (RuntimeError, TypeError, ValueError, NotImplementedError) as error:
        raise ModelError(
            "M09",
            f"PyTorch's exporter cannot write this model as ONNX: {str(error).strip():.300}",
        ) from error
    assert written is not None
    model: onnx.ModelProto = written.model_proto
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's warnings about its own use of PyTorch."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def onnx_package() -> Any:
    """The package onnx, with which onnxscript is there too.

    Raises:
        UsageError: U04 where one is not installed.
    """
    with needing("an export", "onnx and onnxscript", extra("onnx")):
        import onnx
        import onnxscript  # noqa: F401 - PyTorch's exporter writes with it
    return onnx
