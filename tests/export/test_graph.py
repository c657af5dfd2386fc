"""ONNX files are read as the package onnx reads them, or not at all."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from relook.export.graph import Tensor, read_graph

from .conftest import Small


def test_it_reads_what_the_package_onnx_reads(small: Small) -> None:
    ours, theirs = read_graph(small.file.content), onnx.load_from_string(small.file.content)
    assert ours.metadata == {entry.key: entry.value for entry in theirs.metadata_props}
    assert ours.opsets == (("", 20),)
    for node, other in zip(ours.nodes, theirs.graph.node, strict=True):
        assert (node.operator, node.domain) == (other.op_type, other.domain)
        assert (node.inputs, node.outputs) == (tuple(other.input), tuple(other.output))
        assert not node.has_graph
    for tensor, stored in zip(ours.tensors, theirs.graph.initializer, strict=True):
        assert tensor.name == stored.name
        values = tensor.values()
        assert values is not None
        np.testing.assert_array_equal(values, numpy_helper.to_array(stored))
    assert [port.name for port in ours.inputs] == [value.name for value in theirs.graph.input]
    assert [port[1:] for port in ours.inputs] == [(2, 3), (7, 1), (1, 1), (1, 0)]
    assert not ours.has_functions and not ours.has_odd_tensors


@pytest.mark.parametrize("dtype", ["f4", "f2", "f8", "u1", "i1", "i4", "i8", "bool"])
def test_tensors_of_every_type(dtype: str) -> None:
    values = np.arange(6).reshape(2, 3).astype(dtype)
    graph = helper.make_graph([], "g", [], [], [numpy_helper.from_array(values, "a")])
    (tensor,) = read_graph(helper.make_model(graph).SerializeToString()).tensors
    read = tensor.values()
    assert read is not None and read.dtype == values.dtype
    np.testing.assert_array_equal(read, values)


@pytest.mark.parametrize(
    ("shape", "data_type", "is_plain"),
    [
        ((2, 3), 1, True),
        ((2**40,), 1, True),
        ((-2, -1), 1, True),
        ((1,) * 17, 1, True),
        ((2,), 8, True),
        ((2,), 1, False),
    ],
)
def test_numbers_that_do_not_fit_are_none(
    shape: tuple[int, ...], data_type: int, is_plain: bool
) -> None:
    raw = memoryview(b"\0" * 8)
    assert Tensor("a", shape, data_type, raw, False, False, is_plain).values() is None


def test_numbers_that_are_not_raw_are_none() -> None:
    stored = helper.make_tensor("a", TensorProto.FLOAT, [2], [1.0, 2.0])
    graph = helper.make_graph([], "g", [], [], [stored])
    (tensor,) = read_graph(helper.make_model(graph).SerializeToString()).tensors
    assert tensor.values() is None


def test_a_file_that_has_two_graphs_is_refused(small: Small) -> None:
    """Readers of protobuf would put both together."""
    second = helper.make_model(helper.make_graph([], "other", [], [])).SerializeToString()
    with pytest.raises(ValueError, match="twice"):
        read_graph(small.file.content + second)


def test_no_graph_and_a_key_twice() -> None:
    with pytest.raises(ValueError, match="no graph"):
        read_graph(b"")
    model = helper.make_model(helper.make_graph([], "g", [], []))
    for _ in range(2):
        entry = model.metadata_props.add()
        entry.key, entry.value = "format", "relook"
    with pytest.raises(ValueError, match="key twice"):
        read_graph(model.SerializeToString())
