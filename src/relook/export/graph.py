"""The content of an ONNX file: the messages of its format that a file of relook may have."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .protobuf import Field, Message, Values, parsed

_ENTRY: Final[Message] = {1: Field("key", "text"), 2: Field("value", "text")}
_OPSET: Final[Message] = {1: Field("domain", "text"), 2: Field("version", "int")}
_TENSOR: Final[Message] = {
    1: Field("dims", "int", repeated=True),
    2: Field("data_type", "int"),
    3: Field("segment", "skipped"),
    6: Field("string_data", "skipped", repeated=True),
    8: Field("name", "text"),
    9: Field("raw_data", "bytes"),
    12: Field("doc_string", "skipped"),
    13: Field("external_data", "skipped", repeated=True),
    14: Field("data_location", "int"),
    **{
        number: Field(name, "skipped", repeated=True)
        for number, name in (
            (4, "float_data"),
            (5, "int32_data"),
            (7, "int64_data"),
            (10, "double_data"),
            (11, "uint64_data"),
        )
    },
    16: Field("metadata_props", "skipped", repeated=True),
}
_ATTRIBUTE: Final[Message] = {
    1: Field("name", "text"),
    2: Field("f", "float"),
    3: Field("i", "int"),
    4: Field("s", "bytes"),
    5: Field("t", _TENSOR),
    6: Field("g", "skipped"),
    7: Field("floats", "float", repeated=True),
    8: Field("ints", "int", repeated=True),
    9: Field("strings", "skipped", repeated=True),
    10: Field("tensors", _TENSOR, repeated=True),
    11: Field("graphs", "skipped", repeated=True),
    13: Field("doc_string", "skipped"),
    20: Field("type", "int"),
    22: Field("sparse_tensor", "skipped"),
    23: Field("sparse_tensors", "skipped", repeated=True),
}
_NODE: Final[Message] = {
    1: Field("inputs", "text", repeated=True),
    2: Field("outputs", "text", repeated=True),
    3: Field("name", "text"),
    4: Field("operator", "text"),
    5: Field("attributes", _ATTRIBUTE, repeated=True),
    6: Field("doc_string", "skipped"),
    7: Field("domain", "text"),
    8: Field("overload", "text"),
    9: Field("metadata_props", "skipped", repeated=True),
}
_DIM: Final[Message] = {1: Field("value", "int"), 2: Field("param", "text")}
_SHAPE: Final[Message] = {1: Field("dims", _DIM, repeated=True)}
_TYPE: Final[Message] = {
    1: Field("tensor", {1: Field("elem_type", "int"), 2: Field("shape", _SHAPE)}),
}
_VALUE: Final[Message] = {
    1: Field("name", "text"),
    2: Field("type", _TYPE),
    3: Field("doc_string", "skipped"),
    4: Field("metadata_props", "skipped", repeated=True),
}
_GRAPH: Final[Message] = {
    1: Field("nodes", _NODE, repeated=True),
    2: Field("name", "text"),
    5: Field("tensors", _TENSOR, repeated=True),
    10: Field("doc_string", "skipped"),
    11: Field("inputs", _VALUE, repeated=True),
    12: Field("outputs", _VALUE, repeated=True),
    13: Field("value_info", "skipped", repeated=True),
    14: Field("quantization", "skipped", repeated=True),
    15: Field("sparse_tensors", "skipped", repeated=True),
    16: Field("metadata_props", "skipped", repeated=True),
}
_MODEL: Final[Message] = {
    1: Field("ir_version", "int"),
    2: Field("producer_name", "text"),
    3: Field("producer_version", "text"),
    4: Field("domain", "text"),
    5: Field("model_version", "int"),
    6: Field("doc_string", "skipped"),
    7: Field("graph", _GRAPH),
    8: Field("opsets", _OPSET, repeated=True),
    14: Field("metadata", _ENTRY, repeated=True),
    20: Field("training", "skipped", repeated=True),
    25: Field("functions", "skipped", repeated=True),
}
_TYPES: Final[dict[int, str]] = {
    1: "<f4",
    2: "|u1",
    3: "|i1",
    6: "<i4",
    7: "<i8",
    9: "|b1",
    10: "<f2",
    11: "<f8",
}
"""Numbers of the format -> numbers of numpy."""
_MOST_SIDES: Final = 16


@dataclass(frozen=True, slots=True)
class Tensor:
    """Constant numbers."""

    name: str
    shape: tuple[int, ...]
    data_type: int  # of ONNX
    raw: memoryview
    is_elsewhere: bool  # in another file
    is_part: bool  # of a larger tensor
    is_plain: bool  # its numbers are nowhere but in `raw`

    def values(self) -> NDArray[Any] | None:
        """The numbers, not copied; None where they are not as many as the shape says, or of a
        type that no file of relook has."""
        if self.data_type not in _TYPES or not self.is_plain:
            return None
        if len(self.shape) > _MOST_SIDES or any(side < 0 for side in self.shape):
            return None
        dtype = np.dtype(_TYPES[self.data_type])
        count = 1
        for side in self.shape:
            count *= side
        if count * dtype.itemsize != len(self.raw):
            return None
        return np.frombuffer(self.raw, dtype).reshape(self.shape)


@dataclass(frozen=True, slots=True)
class Node:
    """One operation."""

    operator: str
    domain: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    tensors: tuple[Tensor, ...]  # among its attributes
    has_graph: bool  # or sparse weights, among its attributes


class Port(NamedTuple):
    """An input or output of the graph."""

    name: str
    elem_type: int | None
    rank: int | None  # None where it is no tensor with a shape


@dataclass(frozen=True, slots=True)
class Model:
    """Content of a file."""

    opsets: tuple[tuple[str, int], ...]  # domain and version
    metadata: dict[str, str]
    nodes: tuple[Node, ...]
    tensors: tuple[Tensor, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    has_functions: bool  # of its own, or training
    has_odd_tensors: bool  # sparse or quantised


def read_graph(content: bytes) -> Model:
    """The content of an ONNX file.

    Raises:
        ValueError: as `protobuf.parsed`, also for a file without a graph.
    """
    model = parsed(memoryview(content), _MODEL)
    graph = model["graph"]
    if graph is None:
        raise ValueError("it has no graph")
    keys = [entry["key"] for entry in model["metadata"]]
    if len(set(keys)) < len(keys):
        raise ValueError("its metadata has a key twice")
    return Model(
        opsets=tuple((entry["domain"] or "", entry["version"] or 0) for entry in model["opsets"]),
        metadata={entry["key"] or "": entry["value"] or "" for entry in model["metadata"]},
        nodes=tuple(_node(values) for values in graph["nodes"]),
        tensors=tuple(_tensor(values) for values in graph["tensors"]),
        inputs=tuple(_port(values) for values in graph["inputs"]),
        outputs=tuple(_port(values) for values in graph["outputs"]),
        has_functions=bool(model["functions"] or model["training"]),
        has_odd_tensors=bool(graph["sparse_tensors"] or graph["quantization"]),
    )


def _node(values: Values) -> Node:
    attributes: Sequence[Values] = values["attributes"]
    tensors = [
        tensor
        for attribute in attributes
        for tensor in ([attribute["t"]] if attribute["t"] else []) + attribute["tensors"]
    ]
    return Node(
        values["operator"] or "",
        values["domain"] or "",
        tuple(values["inputs"]),
        tuple(values["outputs"]),
        tuple(_tensor(tensor) for tensor in tensors),
        any(
            attribute[name] is not None and attribute[name] != []
            for attribute in attributes
            for name in ("g", "graphs", "sparse_tensor", "sparse_tensors")
        ),
    )


def _tensor(values: Values) -> Tensor:
    others = ("float_data", "int32_data", "int64_data", "double_data", "uint64_data", "string_data")
    raw = values["raw_data"]
    return Tensor(
        values["name"] or "",
        tuple(values["dims"]),
        values["data_type"] or 0,
        memoryview(b"") if raw is None else raw,
        bool(values["data_location"] or values["external_data"]),
        values["segment"] is not None,
        not any(values[name] for name in others),
    )


def _port(values: Values) -> Port:
    tensor = (values["type"] or {}).get("tensor")
    if tensor is None:
        return Port(values["name"] or "", None, None)
    shape = tensor["shape"]
    return Port(values["name"] or "", tensor["elem_type"], shape and len(shape["dims"]))
