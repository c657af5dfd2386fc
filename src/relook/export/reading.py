"""Reading of ONNX files: everything in them is checked before a runtime is given it.

A file that relook did not write is refused: nobody knows what its numbers mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from ..errors import DataError, ModelError, UsageError
from ..weights.header import FORMAT, Header, parse_header
from .facts import INPUTS, KEY, OUTPUTS, Facts

if TYPE_CHECKING:
    import onnx

SUFFIX: Final = ".onnx"
OPSET: Final = 20
LARGEST: Final = 2**31 - 1  # bytes; the format has no larger files
MOST_ELEMENTS: Final = 2**28  # of a tensor that is made of constants alone

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
        UsageError: U04 without the package onnx, which is in the extra ``relook[onnx]``.
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
    model = _parsed(content, path)
    metadata = {entry.key: entry.value for entry in model.metadata_props}
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


def onnx_package() -> Any:
    """The package onnx.

    Raises:
        UsageError: U04 where it is not installed.
    """
    try:
        import onnx
    except ImportError as error:
        raise UsageError(
            "U04", 'ONNX files need the packages of the extra: pip install "relook[onnx]"'
        ) from error
    return onnx


def _parsed(content: bytes, path: Path) -> onnx.ModelProto:
    package = onnx_package()
    from google.protobuf.message import DecodeError

    model = package.ModelProto()
    try:
        model.ParseFromString(content)
    except (DecodeError, RuntimeError) as error:
        raise ModelError("M02", f"{path} is no ONNX file, or is damaged.") from error
    parsed: onnx.ModelProto = model
    return parsed


def _problems(model: onnx.ModelProto, *, masks: bool) -> Iterator[str]:
    """Problems of a file, those first that are cheap to find."""
    opsets = [(entry.domain, entry.version) for entry in model.opset_import]
    if opsets not in ([("", OPSET)], [("ai.onnx", OPSET)]):
        yield f"its operators are of {opsets!r:.100}, and not of the standard, version {OPSET}"
    if model.functions or model.training_info:
        yield "it defines functions of its own"
    graph = model.graph
    if graph.sparse_initializer or graph.quantization_annotation:
        yield "it has sparse or quantised weights"
    yield from _of_nodes(graph)
    yield from _of_signature(graph, masks=masks)
    for tensor in _tensors(graph):
        yield from _of_tensor(tensor)
    yield from _of_growth(graph)


def _of_nodes(graph: onnx.GraphProto) -> Iterator[str]:
    for node in graph.node:
        if node.domain not in ("", "ai.onnx"):
            yield f"it needs the custom operator {node.domain!r:.60} {node.op_type!r:.60}"
        if node.op_type not in _ALLOWED:
            yield f"it needs the operator {node.op_type!r:.60}, which no file of relook has"
        for attribute in node.attribute:
            is_graph = attribute.HasField("g") or attribute.graphs
            if is_graph or attribute.HasField("sparse_tensor") or attribute.sparse_tensors:
                yield f"its operator {node.op_type!r:.60} contains another graph or sparse weights"


def _of_signature(graph: onnx.GraphProto, *, masks: bool) -> Iterator[str]:
    expected = {"image": (2, 3), "size": (7, 1), "scale": (1, 1), "score": (1, 0)}
    constants = {tensor.name for tensor in graph.initializer}
    inputs = {
        value.name: (value.type.tensor_type.elem_type, len(value.type.tensor_type.shape.dim))
        for value in graph.input
        if value.name not in constants
    }
    if inputs != expected:
        yield f"its inputs are {', '.join(inputs)!r:.100}, and not {', '.join(INPUTS)}"
    names = [value.name for value in graph.output]
    wanted = list(OUTPUTS if masks else OUTPUTS[:3])
    if names != wanted:
        yield f"its outputs are {', '.join(names)!r:.100}, and not {', '.join(wanted)}"


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors


def _of_tensor(tensor: onnx.TensorProto) -> Iterator[str]:
    name = f"its tensor {tensor.name!r:.60}"
    if tensor.data_location or tensor.external_data:
        yield f"{name} is in another file"
    if tensor.HasField("segment"):
        yield f"{name} is a part of another one"
    values = _values(tensor)
    if values is None:
        yield f"{name} does not have as many numbers as its shape says, or is of another type"
    elif values.dtype.kind == "f" and np.isnan(values).any():
        yield f"{name} has values that are no numbers (NaN)"
    elif values.dtype.kind == "f" and values.size > 1 and not np.isfinite(values).all():
        yield f"{name} has infinite values"


def _values(tensor: onnx.TensorProto) -> np.ndarray[Any, Any] | None:
    """The numbers of `tensor`, which take no more memory than they do in the file."""
    package = onnx_package()
    if tensor.data_type not in (1, 2, 3, 6, 7, 9, 10, 11):  # floats, integers and bool
        return None
    try:
        return np.asarray(package.numpy_helper.to_array(tensor))
    except (ValueError, TypeError, OverflowError, MemoryError):
        return None


def _of_growth(graph: onnx.GraphProto) -> Iterator[str]:
    """Constants that make a tensor larger than any of a detector."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.output and node.attribute:
            constants[node.output[0]] = node.attribute[0].t
    for node in graph.node:
        place = _GROWING.get(node.op_type)
        if place is None or place >= len(node.input) or node.input[place] not in constants:
            continue
        sides = _values(constants[node.input[place]])
        product = 1
        for side in [] if sides is None else sides.ravel()[:16].tolist():
            product *= max(1, int(side))
        if product > MOST_ELEMENTS:
            yield f"its operator {node.op_type} makes a tensor of {product:,} numbers"
