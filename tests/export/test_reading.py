"""Hostile, foreign and damaged ONNX files are refused before a runtime gets them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from relook.errors import DataError, ModelError
from relook.export import reading
from relook.export.facts import KEY
from relook.export.reading import checked, read_onnx

from .conftest import Small

Model = onnx.ModelProto
PATH = Path("model.onnx")


def _weights(model: Model) -> TensorProto:
    return max(model.graph.initializer, key=lambda tensor: len(tensor.raw_data))


def _external(model: Model) -> None:
    tensor = _weights(model)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    entry = tensor.external_data.add()
    entry.key, entry.value = "location", "../../etc/passwd"


def _custom(model: Model) -> None:
    model.opset_import.append(helper.make_opsetid("com.evil", 1))
    model.graph.node.append(helper.make_node("Steal", ["scores"], ["x"], domain="com.evil"))


def _custom_domain_of_a_node(model: Model) -> None:
    model.graph.node.append(helper.make_node("Relu", ["scores"], ["x"], domain="com.evil"))


def _operator(model: Model) -> None:
    model.graph.node.append(helper.make_node("StringNormalizer", ["scores"], ["x"]))


def _loop(model: Model) -> None:
    body = helper.make_graph([], "body", [], [])
    node = helper.make_node("Identity", ["scores"], ["x"])
    node.attribute.append(helper.make_attribute("body", body))
    model.graph.node.append(node)


def _opset(model: Model) -> None:
    model.opset_import[0].version = 22


def _function(model: Model) -> None:
    model.functions.append(
        helper.make_function("d", "F", ["a"], ["b"], [], [helper.make_opsetid("", 20)])
    )


def _nan(model: Model) -> None:
    tensor = _weights(model)
    values = numpy_helper.to_array(tensor).copy()
    values.flat[0] = np.nan
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _infinite(model: Model) -> None:
    tensor = _weights(model)
    values = numpy_helper.to_array(tensor).copy()
    values.flat[0] = np.inf
    tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))


def _larger_than_its_numbers(model: Model) -> None:
    _weights(model).dims[0] = 2**40


def _texts(model: Model) -> None:
    model.graph.initializer.append(helper.make_tensor("words", TensorProto.STRING, [1], [b"a"]))


def _bomb(model: Model) -> None:
    shape = numpy_helper.from_array(np.array([2**20, 2**20]), "huge")
    model.graph.initializer.append(shape)
    model.graph.node.append(helper.make_node("ConstantOfShape", ["huge"], ["x"]))


def _bomb_in_a_node(model: Model) -> None:
    shape = numpy_helper.from_array(np.array([2**20, 2**20]), "huge")
    model.graph.node.append(helper.make_node("Constant", [], ["huge"], value=shape))
    model.graph.node.append(helper.make_node("Expand", ["scores", "huge"], ["x"]))


def _used_again_and_again(model: Model) -> None:
    name = _weights(model).name
    model.graph.node.extend(
        helper.make_node("Abs", [name], [f"again{i}"], name=f"again{i}") for i in range(100)
    )


def _input(model: Model) -> None:
    model.graph.input[0].name = "picture"


def _input_of_another_type(model: Model) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def _output(model: Model) -> None:
    del model.graph.output[3:]


def _facts(model: Model) -> None:
    entry = next(entry for entry in model.metadata_props if entry.key == KEY)
    entry.value = json.dumps({**json.loads(entry.value), "canvas": [97, 128]})


def _facts_that_are_no_json(model: Model) -> None:
    entry = next(entry for entry in model.metadata_props if entry.key == KEY)
    entry.value = "[" * 100_000


HOSTILE: dict[Callable[[Model], None], str] = {
    _external: "another file",
    _custom: "com.evil",
    _custom_domain_of_a_node: "custom operator",
    _operator: "StringNormalizer",
    _loop: "another graph",
    _opset: "version 20",
    _function: "functions",
    _nan: "NaN",
    _infinite: "infinite",
    _larger_than_its_numbers: "shape",
    _texts: "another type",
    _bomb: "ConstantOfShape",
    _bomb_in_a_node: "Expand",
    _used_again_and_again: "bytes of constants",
    _input: "inputs",
    _input_of_another_type: "inputs",
    _output: "outputs",
    _facts: "canvas",
    _facts_that_are_no_json: "Export the model again",
}


@pytest.mark.parametrize("change", HOSTILE, ids=lambda change: change.__name__.strip("_"))
def test_a_hostile_file_is_refused(small: Small, change: Callable[[Model], None]) -> None:
    model = onnx.load_from_string(small.file.content)
    change(model)
    with pytest.raises(ModelError, match=HOSTILE[change]) as raised:
        checked(model.SerializeToString(), PATH)
    assert raised.value.code == "M02"


def test_what_is_written_is_read(small: Small) -> None:
    file = read_onnx(small.path)
    assert file.header.classes == small.saved.classes
    assert file.header.config.cascade.stages == small.saved.config.cascade.stages
    assert file.header.extra == small.saved.extra
    assert (file.facts.canvas, file.facts.source_sha256) == (None, "ab" * 32)


def test_a_newer_file_is_said_to_be_newer(small: Small) -> None:
    model = onnx.load_from_string(small.file.content)
    next(entry for entry in model.metadata_props if entry.key == "format_version").value = "99"
    with pytest.raises(ModelError, match="Update relook") as raised:
        checked(model.SerializeToString(), PATH)
    assert raised.value.code == "M03"


def test_a_foreign_file_is_refused() -> None:
    graph = helper.make_graph([], "other", [], [])
    content = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)])
    with pytest.raises(ModelError, match="did not write it") as raised:
        checked(content.SerializeToString(), PATH)
    assert raised.value.code == "M02"


@pytest.mark.parametrize("content", [b"", b"no protobuf at all" * 9, b"\x08\x0a\x12"])
def test_a_file_that_is_no_model_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.onnx"
    path.write_bytes(content)
    with pytest.raises(ModelError) as raised:
        read_onnx(path)
    assert raised.value.code == "M02"


def test_a_cut_file_is_refused(small: Small, tmp_path: Path) -> None:
    path = tmp_path / "cut.onnx"
    path.write_bytes(small.file.content[: len(small.file.content) // 2])
    with pytest.raises(ModelError) as raised:
        read_onnx(path)
    assert raised.value.code == "M02"


def test_a_file_that_is_too_large_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "large.onnx"
    path.write_bytes(b"1234")
    monkeypatch.setattr(reading, "LARGEST", 3)
    with pytest.raises(ModelError, match="at most 2 GiB"):
        read_onnx(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(DataError) as raised:
        read_onnx(tmp_path / "none.onnx")
    assert raised.value.code == "D01"
