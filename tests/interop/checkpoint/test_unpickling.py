"""The interpreter of pickles: understands what checkpoints hold, refuses everything else."""

from __future__ import annotations

import io
import pickle
import struct
import sys
import types
from collections import OrderedDict
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from relook.interop.checkpoint import unpickling
from relook.interop.checkpoint.stand_ins import ForbiddenObject, StorageOutline, TensorOutline
from relook.interop.checkpoint.unpickling import DamagedPickle, Unpickled, unpickle

from ...work import without_hopeless_work

FLOATS = b"ctorch\nFloatStorage\n"
OUTLINE = b"\x80\x02(X\x07\x00\x00\x00storage" + FLOATS + b"X\x01\x00\x00\x000X\x03\x00\x00\x00cpu"


def read(content: bytes) -> Unpickled:
    return unpickle(io.BytesIO(content))


class Evil:
    """Pickles as a call of something."""

    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call = call, arguments

    def __reduce__(self) -> Any:
        return self.call


plain_values = strategies.recursive(
    strategies.none()
    | strategies.booleans()
    | strategies.integers(-(2**70), 2**70)
    | strategies.floats(allow_nan=False)
    | strategies.text()
    | strategies.binary(),
    lambda inner: (
        strategies.lists(inner)
        | strategies.dictionaries(strategies.text(), inner)
        | strategies.lists(inner).map(tuple)
        | strategies.dictionaries(strategies.text(), inner).map(OrderedDict)
    ),
)


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@hypothesis.settings(deadline=None, max_examples=40, derandomize=True)
@hypothesis.given(value=plain_values)
def test_plain_values_come_back_as_python_reads_them(protocol: int, value: Any) -> None:
    assert read(pickle.dumps(value, protocol)).value == value


def test_several_pickles_follow_each_other_in_a_file() -> None:
    stream = io.BytesIO(pickle.dumps("first", 2) + pickle.dumps(["second"], 2))
    assert unpickle(stream).value == "first"
    assert unpickle(stream).value == ["second"]


def test_sets_stay_lists_because_sets_hash_what_they_get() -> None:
    assert sorted(read(pickle.dumps({1, 2}, 4)).value) == [1, 2]
    assert sorted(read(pickle.dumps(frozenset({1, 2}), 4)).value) == [1, 2]
    assert sorted(read(pickle.dumps({1, 2}, 2)).value) == [1, 2]


def test_what_was_put_on_the_stack_can_be_taken_off() -> None:
    assert read(b"K\x01K\x020.").value == 1
    assert read(b"K\x01(0.").value == 1  # the mark, when nothing is above it
    assert read(b"K\x01(K\x02K\x031.").value == 1


def test_a_storage_becomes_an_outline() -> None:
    result = read(OUTLINE + b"K\x05tQ.")
    assert isinstance(result.value, StorageOutline)
    assert (result.value.key, result.value.count, result.value.size) == ("0", 5, 20)
    assert result.storages == {"0": result.value}


def test_a_tensor_becomes_an_outline() -> None:
    rebuild = b"ctorch._utils\n_rebuild_tensor_v2\n("
    tensor = OUTLINE + b"K\x06tQK\x01K\x02\x85K\x03\x85\x89ccollections\nOrderedDict\n)Rt"
    value = read(tensor[:2] + rebuild + tensor[2:] + b"R.").value
    assert isinstance(value, TensorOutline)
    assert (value.offset, value.shape, value.stride) == (1, (2,), (3,))


@pytest.mark.parametrize("protocol", [0, 1, 2, 4])
@pytest.mark.parametrize(
    ("call", "name"),
    [
        ((Path.write_text, Path("canary"), "x"), "Path"),
        ((eval, "1"), "eval"),
        ((getattr, "text", "upper"), "getattr"),
        ((bytearray, 10**12), "bytearray"),
        ((types.SimpleNamespace,), "types.SimpleNamespace"),
        ((sys.exit,), "sys.exit"),
    ],
)
def test_objects_that_are_not_listed_are_refused_by_name(
    protocol: int, call: tuple[Any, ...], name: str
) -> None:
    with pytest.raises(ForbiddenObject, match=name):
        read(pickle.dumps({"meta": Evil(*call)}, protocol))


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"(S'true'\nios\nsystem\n.", "os.system"),
        (b"(ios\nsystem\n.", "os.system"),
        (b"co\\Ss\nsystem\n.", "system"),
        (b"\x80\x04\x8c\x02os\x8c\x06system\x93.", "os.system"),
        (b"\x80\x04\x8c\x0bcollections\x8c\x0fOrderedDict.pop\x93.", "collections.OrderedDict.pop"),
        (b"\x80\x04\x8c\x00\x8c\x17collections OrderedDict\x93.", "collections OrderedDict"),
        (b"\x80\x04K\x01K\x01\x93.", "1"),
        (b"cos\x1b[2J\nsystem\n.", r"os\?\[2J.system"),
        (b"\x82\x01.", "extension 1"),
        (b"\x84\x01\x00\x00\x00.", "extension 1"),
        (b"Pname\n.", "PERSID"),
        (b"(X\x06\x00\x00\x00moduleNNNNtQ.", "module"),
        (b"\x80\x05\x97.", "NEXT_BUFFER"),
    ],
)
def test_other_ways_to_name_an_object_are_refused_too(content: bytes, name: str) -> None:
    with pytest.raises(ForbiddenObject, match=name):
        read(content)


def test_a_method_of_a_holder_cannot_be_called() -> None:
    name = b"c__builtin__\ngetattr\n(cmmcv.utils.config\nConfigDict\nX\x04\x00\x00\x00nametR"
    assert read(name + b".").value == {}
    with pytest.raises(DamagedPickle, match="no object"):
        read(name + b")R.")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "exhausted"),
        (b"\x80\x02}", "exhausted"),
        (b"\xff.", "unknown"),
        (b".", "pop from"),
        (b"t.", "pop from"),
        (b"K\x01\x86.", "a tuple takes"),
        (b"h\x07.", "7"),
        (b"N(K\x01e.", "appended"),
        (b"}(K\x01u.", "is invalid"),
        (b"](K\x01K\x02u.", "filled"),
        (b"ccollections\nOrderedDict\n}b.", "attributes"),
        (b"cmmcv.utils.config\nConfigDict\n}b.", "attributes"),
        (b"ccollections\nOrderedDict\nN\x81.", "no object"),
        (b"ccollections\nOrderedDict\n)K\x01\x92.", "is invalid"),
        (FLOATS + b")R.", "is called"),
        (b"c__builtin__\nobject\n)R.", "is called"),
        (b"}]K\x01s.", "neither text nor a number"),
        (b"}" + b"\x8a\x10" + b"\x7f" * 16 + b"K\x01s.", "neither text nor a number"),
        (b"}(" + b"K\x01" * 17 + b"tK\x01s.", "neither text nor a number"),
        (b"\x8e" + struct.pack("<Q", 2**62) + b".", "is invalid"),
        (b"T" + struct.pack("<i", 2**31 - 1) + b".", "is invalid"),
        (OUTLINE + b"Mtoo few", "is invalid"),
        (OUTLINE + b"J\xff\xff\xff\xfftQ.", "known way"),
        (OUTLINE + b"K\x05tQ0" + OUTLINE[2:] + b"K\x06tQ.", "in two ways"),
    ],
)
def test_pickles_that_make_no_sense_are_refused(content: bytes, reason: str) -> None:
    with pytest.raises(DamagedPickle, match=reason):
        read(content)


def test_keys_cannot_be_nested_so_deep_that_their_hash_crashes() -> None:
    with pytest.raises(DamagedPickle, match="neither text nor a number"):
        read(b"})" + b"\x85" * 100_000 + b"K\x01s.")


def test_a_large_memo_index_takes_no_memory() -> None:
    assert read(b"\x80\x02Nr" + struct.pack("<I", 2**32 - 1) + b".").value is None


def test_endless_pickles_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpickling, "MAX_INSTRUCTIONS", 1000)
    assert len(read(b"](" + b"N" * 900 + b"e.").value) == 900
    with pytest.raises(DamagedPickle, match="more than 1000 instructions"):
        read(b"](" + b"N" * 1000 + b"e.")


def test_calls_cannot_copy_without_end() -> None:
    """A text of a megabyte, handed to a call that copies it a thousand times."""
    text = b"X" + struct.pack("<I", 2**20) + b"a" * 2**20 + b"q\x000"
    call = b"c_codecs\nencode\n(h\x00X\x06\x00\x00\x00latin1tR0"
    with pytest.raises(DamagedPickle, match="hands more to calls"):
        read(b"\x80\x02" + text + call * 1000 + b"N.")


DOUBLED = b"(]q\x01" + b"](h\x01h\x01eq\x01" * 26 + b"1"  # a list whose text is long
LONG_NUMBER = b"\x8b" + struct.pack("<i", 2**18) + b"\x01" * 2**18 + b"q\x020"
NUMPY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
FLOAT64 = b"cnumpy\ndtype\nX\x02\x00\x00\x00f8\x85R"


@pytest.mark.parametrize(
    "content",
    [
        DOUBLED + b"h\x01X\x01\x00\x00\x00x\x93.",
        DOUBLED + b"X\x01\x00\x00\x00xh\x01\x93.",
        DOUBLED + b"(h\x01NNNNtQ.",
        DOUBLED + b"cnumpy\ndtype\nh\x01\x85R.",
        b"c_codecs\nencode\nX\x01\x00\x00\x00a)" + b"\x85" * 900_000 + b"\x86R.",
        b"c_codecs\nencode\nK\x01X\x06\x00\x00\x00latin1\x86R.",
        LONG_NUMBER
        + b"ctorch._utils\n_rebuild_tensor_v2\n("
        + OUTLINE[2:]
        + b"K\x05tQK\x00("
        + b"h\x02" * 60
        + b"t("
        + b"h\x02" * 60
        + b"ttR.",
        LONG_NUMBER + NUMPY + b"(K\x01(" + b"h\x02" * 60 + b"t" + FLOAT64 + b"\x89U\x00tb.",
    ],
    ids=["module", "name", "persistent", "dtype", "encoding", "encode", "shape", "numpy"],
)
def test_what_is_refused_is_refused_at_once(content: bytes) -> None:
    """Not after its text, its hash or its product was made, which can be larger than memory."""
    with (
        without_hopeless_work(),
        pytest.raises((ForbiddenObject, DamagedPickle)) as caught,
    ):
        read(b"\x80\x02" + content)
    assert len(str(caught.value)) < 400


def test_entries_that_a_call_copies_are_counted() -> None:
    """A dictionary in a tuple is not handed on; thousands of calls would copy it each time."""
    call = b"ccopyreg\n_reconstructor\n(cmmcv.utils.config\nConfig\nN}K\x01K\x02s\x85tR."
    assert read(b"\x80\x02" + call).value == {}
