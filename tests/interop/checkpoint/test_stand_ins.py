"""What a pickle may name is inert, and takes only what fits."""

from __future__ import annotations

import io
import math
import pickle
from collections import OrderedDict
from typing import Any

import numpy as np
import pytest
import torch

from relook.interop.checkpoint.stand_ins import (
    ALLOWED,
    Allowed,
    ForbiddenObject,
    Holder,
    NumpyArray,
    NumpyType,
    StorageOutline,
    TensorOutline,
    key_of,
)
from relook.interop.checkpoint.unpickling import unpickle

STORAGE = StorageOutline("0", torch.float32, 12)


def make(name: str, *arguments: Any) -> Any:
    function = ALLOWED[name].make
    assert function is not None
    return function(*arguments)


def tensor(*arguments: Any) -> Any:
    return make("torch._utils _rebuild_tensor_v2", *arguments)


@pytest.mark.parametrize("name", ALLOWED)
def test_nothing_allowed_comes_from_another_module(name: str) -> None:
    """Classes and functions of this package or of none: no name leads out of it."""
    allowed = ALLOWED[name]
    assert allowed.name == name and name.count(" ") == 1
    if allowed.make is not None:
        assert allowed.make.__module__ == "relook.interop.checkpoint.stand_ins"


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [(0, (3, 4), (4, 1)), (0, (4, 3), (1, 4)), (11, (1,), (1,)), (12, (0, 5), (5, 1)), (3, (), ())],
)
def test_tensors_that_fit_their_storage(offset: int, shape: Any, stride: Any) -> None:
    assert tensor(STORAGE, offset, shape, stride) == TensorOutline(STORAGE, offset, shape, stride)


@pytest.mark.parametrize(
    ("offset", "shape", "stride"),
    [
        (1, (3, 4), (4, 1)),
        (0, (10**12,), (1,)),
        (0, (10**12,), (0,)),  # every element the same: no memory, until someone copies it
        (0, (2,), (10**12,)),
        (0, (2**40, 2**40), (1, 1)),
        (-1, (1,), (1,)),
        (0, (-1,), (1,)),
        (0, (1,), (-1,)),
        (0, (1, 1), (1,)),
        (0, (2**63,), (1,)),
        (0, (0, 2**40, 2**40), (1, 1, 1)),
        (0, (1,), (2**62,)),  # its bytes are no number of 64 bits
        (2**62, (0,), (1,)),
        (0, (1,) * 65, (1,) * 65),
        (0, (True,), (1,)),
        (0.0, (1,), (1,)),
    ],
)
def test_tensors_that_do_not_fit_their_storage(offset: Any, shape: Any, stride: Any) -> None:
    with pytest.raises(ValueError, match=r"no room|no counts"):
        tensor(STORAGE, offset, shape, stride)


def test_a_tensor_needs_a_storage_and_a_parameter_a_tensor() -> None:
    with pytest.raises(TypeError, match="no storage"):
        tensor("0", 0, (1,), (1,))
    with pytest.raises(TypeError, match="no tensor"):
        make("torch._utils _rebuild_parameter", STORAGE, False, None)
    outline = tensor(STORAGE, 0, (1,), (1,))
    assert make("torch._utils _rebuild_parameter", outline, True, OrderedDict()) is outline


@pytest.mark.parametrize(
    "value",
    [
        np.arange(6, dtype=np.int64).reshape(2, 3),
        np.asfortranarray(np.arange(6, dtype=">f4").reshape(2, 3)),
        np.zeros((0, 3), np.float16),
        np.array([True, False]),
        np.float64(0.25),
        np.int32(-7),
        np.bool_(True),
        {"score": np.float32(0.5)},
    ],
    ids=str,
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_numbers_of_numpy_are_read(value: Any, protocol: int) -> None:
    result = unpickle(io.BytesIO(pickle.dumps(value, protocol)))
    if isinstance(value, np.ndarray):
        assert isinstance(result.value, NumpyArray)
        np.testing.assert_array_equal(result.value.array, value)
        assert result.value.array.dtype == value.dtype
    else:
        assert result.value == value and not isinstance(result.value, np.generic)


@pytest.mark.parametrize(
    "value",
    [
        np.array([{}], dtype=object),
        np.array(["text"]),
        np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f4")]),
        np.datetime64("2020-01-01"),
    ],
    ids=["objects", "text", "fields", "time"],
)
def test_other_kinds_of_numpy_are_refused(value: Any) -> None:
    with pytest.raises(ForbiddenObject, match="numpy"):
        unpickle(io.BytesIO(pickle.dumps(value, 2)))


@pytest.mark.parametrize("shape", [(10**9,), (-1, -6), (7,), (True, 6), ((6,),)])
def test_arrays_whose_shape_is_not_that_of_their_content_are_refused(shape: Any) -> None:
    with pytest.raises((ValueError, TypeError)):
        NumpyArray().build((1, shape, NumpyType("f8"), False, bytes(48)))


def test_an_array_needs_an_element_type() -> None:
    with pytest.raises(TypeError, match="element type"):
        NumpyArray().build((1, (1,), "f8", False, bytes(8)))
    with pytest.raises(TypeError, match="only arrays"):
        make("numpy.core.multiarray _reconstruct", Allowed("x"), (0,), b"b")
    with pytest.raises(ForbiddenObject, match="fields"):
        NumpyType("f8").build((3, "<", None, ("a",), None, -1, -1, 0))


@pytest.mark.parametrize("key", ["a", 1, -(2**63), 1.5, None, True, b"x", ("a", 1)])
def test_keys_of_dictionaries(key: Any) -> None:
    assert key_of(key) is key


def test_texts_in_a_tuple_that_is_a_key_are_short() -> None:
    assert key_of("a" * 1000) == "a" * 1000
    with pytest.raises(TypeError, match="long texts"):
        key_of(("a" * 1000,))


@pytest.mark.parametrize("key", [2**80, (("a",),), ("a",) * 17, [], {}, Holder(), (Holder(),)])
def test_what_is_no_key(key: Any) -> None:
    with pytest.raises(TypeError, match="neither text nor a number"):
        key_of(key)


def test_holders_take_attributes_and_do_nothing() -> None:
    holder = make("mmcv.utils.config Config", "config.py")
    holder.build(({"a": 1}, {"b": 2}))
    holder.build(holder)
    holder.build("something else")
    assert holder == {"a": 1, "b": 2}


def test_attributes_of_holders_are_holders_and_of_others_refused() -> None:
    log = ALLOWED["mmengine.logging.history_buffer HistoryBuffer"]
    assert make("builtins getattr", log, "mean") == {}
    for owner, name in ((ALLOWED["_codecs encode"], "__globals__"), (log, 1), ("text", "join")):
        with pytest.raises(ForbiddenObject, match="getattr"):
            make("builtins getattr", owner, name)
    with pytest.raises(ForbiddenObject, match="reconstructor"):
        make("copyreg _reconstructor", ALLOWED["numpy dtype"], None, None)
    config = ALLOWED["mmcv.utils.config ConfigDict"]
    assert make("copyreg _reconstructor", config, None, {"a": 1}) == {"a": 1}


def test_small_values() -> None:
    assert make("pathlib PosixPath", "/", "a", "b") == "/a/b"
    assert make("_codecs encode", "\xff", "latin1") == b"\xff"
    assert make("collections OrderedDict", [["a", 1]]) == OrderedDict(a=1)
    assert make("torch Size", (1, 2)) == (1, 2)
    assert make("builtins set", [math.pi]) == [math.pi]
    for name, arguments in (
        ("pathlib PosixPath", (1,)),
        ("_codecs encode", ("a", "rot13")),
        ("collections OrderedDict", ([[[], 1]],)),
        ("builtins set", (5,)),
    ):
        with pytest.raises((TypeError, ValueError)):
            make(name, *arguments)
