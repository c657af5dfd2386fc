"""Reading of ONNX files: everything in them is checked before a runtime is given it.

A file that relook did not write is refused: nobody knows what its numbers mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np

from ..errors import DataError, ModelError
from ..weights.header import FORMAT, Header, parse_header
from .facts import INPUTS, KEY, OUTPUTS, Facts
from .graph import Model, Tensor, read_graph

SUFFIX: Final = ".onnx"
OPSET: Final = 20
LARGEST: Final = 2**31 - 1  # bytes; the format has no larger files
MOST_ELEMENTS: Final = 2**28  # of a tensor that is made of constants alone
MOST_USES: Final = 16  # of all bytes of constants; onnxruntime works on a constant for each use

_GROWING: Final = {"ConstantOfShape": 0, "Expand": 1, "Tile": 1}
"""Operators whose output is as large as an input says, and the number of that input."""
_ALLOWED: Final = frozenset(
    [
        "Abs",
        "Add",
        "And",
        "ArgMax",
        "AveragePool",
        "BatchNormalization",
        "Cast",
        "CastLike",
        "Ceil",
        "Clip",
        "Concat",
        "Constant",
        "ConstantOfShape",
        "Conv",
        "ConvTranspose",
        "DeformConv",
        "Div",
        "Einsum",
        "Equal",
        "Exp",
        "Expand",
        "Flatten",
        "Floor",
        "Gather",
        "GatherElements",
        "GatherND",
        "Gemm",
        "GlobalAveragePool",
        "Greater",
        "GreaterOrEqual",
        "GroupNormalization",
        "Identity",
        "InstanceNormalization",
        "IsInf",
        "IsNaN",
        "LayerNormalization",
        "Less",
        "LessOrEqual",
        "Log",
        "MatMul",
        "Max",
        "MaxPool",
        "Min",
        "Mod",
        "Mul",
        "Neg",
        "NonMaxSuppression",
        "NonZero",
        "Not",
        "Or",
        "Pad",
        "Pow",
        "Range",
        "Reciprocal",
        "ReduceAll",
        "ReduceAny",
        "ReduceMax",
        "ReduceMean",
        "ReduceMin",
        "ReduceProd",
        "ReduceSum",
        "Relu",
        "Reshape",
        "Resize",
        "RoiAlign",
        "ScatterElements",
        "ScatterND",
        "SequenceAt",
        "Shape",
        "Sigmoid",
        "Sign",
        "Size",
        "Slice",
        "Softmax",
        "Split",
        "SplitToSequence",
        "Sqrt",
        "Squeeze",
        "Sub",
        "Sum",
        "Tile",
        "TopK",
        "Transpose",
        "Unsqueeze",
        "Where",
        "Xor",
    ]
)
"""Operators of the standard without loops, files, random numbers or text."""


class OnnxFile(NamedTuple):
    """A checked file."""

    content: bytes
    header: Header
    facts: Facts


def read_onnx(path: Path) -> OnnxFile:
    """The ONNX file at `path`, which `relook export` wrote.

    Raises:
        DataError: D01 when there is no such file.
        ModelError: M02 for a file that relook did not write or that is damaged, M03 for one of a
            newer relook.
    """
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST else b""
    except OSError as error:
        raise DataError("D01", f"{path}: it cannot be opened ({error.strerror})") from error
    if not content:
        why = "it is empty" if not size else f"it has {size:,} bytes, and the format at most 2 GiB"
        raise ModelError("M02", f"{path} is no ONNX file: {why}.")
    return checked(content, path)


def checked(content: bytes, path: Path) -> OnnxFile:
    """The `content` of the file at `path`, checked.

    Raises:
        As `read_onnx`.
    """
    try:
        model = read_graph(content)
    except (ValueError, RecursionError, OverflowError) as error:
        raise ModelError(
            "M02", f"{path} is no ONNX file of relook, or is damaged: {error!s:.300}."
        ) from error
    metadata = model.metadata
    if metadata.get("format") != FORMAT or KEY not in metadata:
        raise ModelError(
            "M02",
            f"{path} is an ONNX file, but `relook export` did not write it: its metadata has no "
            f'"format": "{FORMAT}" and {KEY}. What its inputs and outputs mean is not known.',
        )
    header = parse_header(path, metadata)
    try:
        facts = Facts.parse(metadata)
        for problem in _problems(model, masks=header.config.cascade.masks):
            raise ValueError(problem)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ModelError(
            "M02",
            f"{path} is not as `relook export` writes it, and is not run: {error!s:.300}. Export "
            "the model again.",
        ) from error
    return OnnxFile(content, header, facts)


def _problems(model: Model, *, masks: bool) -> Iterator[str]:
    """Problems of a file, those first that are cheap to find."""
    if model.opsets not in ((("", OPSET),), (("ai.onnx", OPSET),)):
        yield f"its operators are of {model.opsets!r:.99}, and not of the standard, version {OPSET}"
    if model.has_functions:
        yield "it defines functions of its own"
    if model.has_odd_tensors:
        yield "it has sparse or quantised weights"
    yield from _of_nodes(model)
    yield from _of_signature(model, masks=masks)
    for tensor in model.tensors:
        yield from _of_tensor(tensor)
    for node in model.nodes:
        for tensor in node.tensors:
            yield from _of_tensor(tensor)
    constants = _constants(model)
    yield from _of_growth(model, constants)
    yield from _of_uses(model, constants)


def _constants(model: Model) -> dict[str, Tensor]:
    """Constants of a graph by the name under which they are used."""
    constants = {tensor.name: tensor for tensor in model.tensors}
    for node in model.nodes:
        if node.operator == "Constant" and node.outputs and node.tensors:
            constants[node.outputs[0]] = node.tensors[0]
    return constants


def _of_nodes(model: Model) -> Iterator[str]:
    for node in model.nodes:
        if node.domain not in ("", "ai.onnx"):
            yield f"it needs the custom operator {node.domain!r:.60} {node.operator!r:.60}"
        if node.operator not in _ALLOWED:
            yield f"it needs the operator {node.operator!r:.60}, which no file of relook has"
        if node.has_graph:
            yield f"its operator {node.operator!r:.60} contains another graph or sparse weights"


def _of_signature(model: Model, *, masks: bool) -> Iterator[str]:
    expected = {"image": (2, 3), "size": (7, 1), "scale": (1, 1), "score": (1, 0)}
    constants = {tensor.name for tensor in model.tensors}
    inputs = {port.name: port[1:] for port in model.inputs if port.name not in constants}
    if inputs != expected:
        yield f"its inputs are {', '.join(inputs)!r:.100}, and not {', '.join(INPUTS)}"
    names = [port.name for port in model.outputs]
    wanted = list(OUTPUTS if masks else OUTPUTS[:3])
    if names != wanted:
        yield f"its outputs are {', '.join(names)!r:.100}, and not {', '.join(wanted)}"


def _of_tensor(tensor: Tensor) -> Iterator[str]:
    name = f"its tensor {tensor.name!r:.60}"
    if tensor.is_elsewhere:
        yield f"{name} is in another file"
    if tensor.is_part:
        yield f"{name} is a part of another one"
    values = tensor.values()
    if values is None:
        yield f"{name} does not have as many numbers as its shape says, or is of another type"
    elif values.dtype.kind == "f" and np.isnan(values).any():
        yield f"{name} has values that are no numbers (NaN)"
    elif values.dtype.kind == "f" and values.size > 1 and not np.isfinite(values).all():
        yield f"{name} has infinite values"


def _of_uses(model: Model, constants: Mapping[str, Tensor]) -> Iterator[str]:
    """Constants that are used again and again: a detector uses most of them once."""
    sizes = {name: len(tensor.raw) for name, tensor in constants.items()}
    used = sum(sizes.get(name, 0) for node in model.nodes for name in node.inputs)
    if used > MOST_USES * sum(sizes.values()):
        yield f"its operators use {used:,} bytes of constants, and it has {sum(sizes.values()):,}"


def _of_growth(model: Model, constants: Mapping[str, Tensor]) -> Iterator[str]:
    """Constants that make a tensor larger than any of a detector."""
    for node in model.nodes:
        place = _GROWING.get(node.operator)
        if place is None or place >= len(node.inputs) or node.inputs[place] not in constants:
            continue
        sides = constants[node.inputs[place]].values()
        product = 1
        for side in [] if sides is None else sides.ravel()[:16].tolist():
            product *= max(1, int(side))
        if product > MOST_ELEMENTS:
            yield f"its operator {node.operator} makes a tensor of {product:,} numbers"
