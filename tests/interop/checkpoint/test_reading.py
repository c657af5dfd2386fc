"""Checkpoints of every age are read; hostile ones are refused, and nothing of them is run."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import pickle
import struct
import subprocess
import sys
import types
import zipfile
from argparse import Namespace
from collections import OrderedDict, defaultdict
from pathlib import Path
from typing import Any

import hypothesis
import numpy as np
import pytest
import safetensors.torch
import torch
from hypothesis import strategies
from torch import Tensor
from torch.serialization import set_crc32_options

from relook.errors import DataError, ModelError
from relook.interop.checkpoint import reading
from relook.interop.checkpoint.reading import Checkpoint, read_checkpoint

STATE = OrderedDict(
    {
        "conv.weight": torch.arange(24.0).reshape(2, 3, 2, 2),
        "conv.bias": torch.tensor([0.5, -1.0]),
        "bn.num_batches_tracked": torch.tensor(7),
    }
)
FORMATS = pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])


class ConfigDict(dict[str, Any]):
    """Stands for a class of a library that is not installed where the file is read."""


class HistoryBuffer:
    """The same, with attributes and a method that is pickled beside them."""

    def __init__(self) -> None:
        self._log_history = np.arange(3.0)
        self.statistics_methods = {"mean": HistoryBuffer.mean}

    def mean(self) -> float:
        return 1.0


@pytest.fixture
def foreign(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A meta as MMDetection 2 and 3 write it, of classes that exist only in this test."""
    for name, kind in (
        ("mmcv.utils.config", ConfigDict),
        ("mmengine.logging.history_buffer", HistoryBuffer),
    ):
        parts = name.split(".")
        for depth in range(1, len(parts) + 1):
            module = ".".join(parts[:depth])
            monkeypatch.setitem(sys.modules, module, types.ModuleType(module))
        setattr(sys.modules[name], kind.__name__, kind)
        monkeypatch.setattr(kind, "__module__", name)
    return {
        "mmdet_version": "2.11.0",
        "CLASSES": ("person", "car"),
        "epoch": 12,
        "cfg": ConfigDict(model=ConfigDict(type="HTC", steps=[1, 2])),
        "hook_msgs": {"best_score": np.float64(0.42), "ap": np.array([1, 2])},
        "log": HistoryBuffer(),
        "args": Namespace(lr=0.02),
        "counts": defaultdict(int, a=1),
        "work_dir": Path("runs/1"),
        "raw": b"\xff\x00",
    }


def save(path: Path, content: Any, *, zipped: bool = True) -> Path:
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    return path


def assert_state(checkpoint: Checkpoint, expected: dict[str, Tensor]) -> None:
    assert checkpoint.state.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(checkpoint.state[name], value.detach(), rtol=0, atol=0)
        assert type(checkpoint.state[name]) is Tensor
        assert not checkpoint.state[name].requires_grad


@FORMATS
@pytest.mark.parametrize("place", ["state_dict", "model", None])
def test_weights_and_meta(tmp_path: Path, zipped: bool, place: str | None) -> None:
    content = {place: STATE, "meta": {"epoch": 3}} if place else STATE
    path = save(tmp_path / "a.pth", content, zipped=zipped)
    checkpoint = read_checkpoint(path)
    assert_state(checkpoint, STATE)
    assert checkpoint.meta == ({"epoch": 3} if place else {})
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (checkpoint.path, checkpoint.size) == (path, path.stat().st_size)
    assert not checkpoint.notes


@FORMATS
def test_meta_of_libraries_that_are_not_there(
    tmp_path: Path, zipped: bool, foreign: dict[str, Any]
) -> None:
    path = save(tmp_path / "a.pth", {"state_dict": STATE, "meta": foreign}, zipped=zipped)
    checkpoint = read_checkpoint(path)
    assert_state(checkpoint, STATE)
    assert checkpoint.meta == {
        "mmdet_version": "2.11.0",
        "CLASSES": ["person", "car"],
        "epoch": 12,
        "cfg": {"model": {"type": "HTC", "steps": [1, 2]}},
        "hook_msgs": {"best_score": 0.42, "ap": [1, 2]},
        "log": {"_log_history": [0.0, 1.0, 2.0], "statistics_methods": {"mean": {}}},
        "args": {"lr": 0.02},
        "counts": {"a": 1},
        "work_dir": "runs/1",
    }
    assert json.loads(json.dumps(checkpoint.meta)) == checkpoint.meta
    assert checkpoint.notes == ["meta: 1 values are no plain data: 1 of bytes"]


@FORMATS
@pytest.mark.parametrize("plain", [True, False], ids=["by torch", "by us"])
def test_every_kind_of_tensor(tmp_path: Path, zipped: bool, plain: bool) -> None:
    base = torch.arange(12.0)
    state = {
        "view": base[3:9].reshape(2, 3),
        "same": base,
        "transposed": base.reshape(3, 4).t(),
        "empty": torch.zeros(0, 4),
        "scalar": torch.tensor(2.5),
        "parameter": torch.nn.Parameter(torch.ones(2)),
        **{
            str(kind): torch.ones(3).to(kind)
            for kind in (
                *(torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32),
                *(torch.int16, torch.int8, torch.uint8, torch.bool),
            )
        },
    }
    content = {"state_dict": state, "meta": {} if plain else {"x": np.float64(1)}}
    assert_state(read_checkpoint(save(tmp_path / "a.pth", content, zipped=zipped)), state)


@pytest.mark.parametrize(
    ("protocol", "zipped"),
    [(1, True), (3, True), (4, True), (5, True), (3, False), (4, False), (5, False)],
)
def test_other_protocols_of_pickle(tmp_path: Path, protocol: int, zipped: bool) -> None:
    """PyTorch writes them when asked to, and refuses to read them as weights."""
    path = tmp_path / "a.pth"
    torch.save(STATE, path, pickle_protocol=protocol, _use_new_zipfile_serialization=zipped)
    assert_state(read_checkpoint(path), STATE)


@pytest.mark.parametrize("meta", [{}, {"a": np.ones(1)}], ids=["tensors only", "with others"])
@FORMATS
def test_torch_reads_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zipped: bool, meta: dict[str, Any]
) -> None:
    """Its reader of zip files may find other records than those that were checked."""

    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError

    path = save(tmp_path / "a.pth", {"state_dict": STATE, "meta": meta}, zipped=zipped)
    monkeypatch.setattr(torch, "load", refuse)
    assert_state(read_checkpoint(path), STATE)


def test_records_that_differ_in_case_only_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pth", STATE)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("a/DATA.PKL", b"\x80\x02cbuiltins\nbytearray\nM\xff\xff\x85R.")
    with pytest.raises(ModelError, match="a record is in it twice"):
        read_checkpoint(path)


def test_a_second_directory_of_records_changes_nothing(tmp_path: Path) -> None:
    """The last one counts, and what it names is what is loaded."""
    first, second = (save(tmp_path / f"{n}.pth", {"w": torch.full((3,), n)}) for n in (1.0, 2.0))
    both = tmp_path / "both.pth"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    assert read_checkpoint(both).state["w"].tolist() == [2.0, 2.0, 2.0]


def test_tensors_at_odd_places_are_copied(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pth", STATE)
    path.write_bytes(b"PK\3\4x" + path.read_bytes())  # every record is moved by five bytes
    assert_state(read_checkpoint(path), STATE)


def test_safetensors(tmp_path: Path) -> None:
    path = tmp_path / "a.safetensors"
    safetensors.torch.save_file(dict(STATE), path, {"format": "pt"})
    checkpoint = read_checkpoint(path)
    assert_state(checkpoint, STATE)
    assert checkpoint.meta == {"format": "pt"}
    assert checkpoint.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@FORMATS
def test_what_is_not_taken_is_said(tmp_path: Path, zipped: bool) -> None:
    content = {
        "optimizer": {"state": {0: torch.ones(2)}},
        "state_dict": {**{f"module.{k}": v for k, v in STATE.items()}, "version": 3},
    }
    checkpoint = read_checkpoint(save(tmp_path / "a.pth", content, zipped=zipped))
    assert_state(checkpoint, STATE)
    assert checkpoint.notes == [
        "beside the weights, not read: optimizer",
        "among the weights, no tensors: version",
        "`module.` was taken off 3 names",
    ]


def test_names_that_collide_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="with and without"):
        read_checkpoint(save(tmp_path / "a.pth", {"a": torch.ones(1), "module.a": torch.ones(1)}))


def test_averaged_copies_among_the_weights(tmp_path: Path) -> None:
    averaged = {"ema_" + name.replace(".", "_"): value + 1 for name, value in STATE.items()}
    path = save(tmp_path / "a.pth", {"state_dict": {**STATE, **averaged}})
    plain = read_checkpoint(path)
    assert_state(plain, STATE)
    assert plain.notes == ["3 averaged copies (ema_) were left out"]
    taken = read_checkpoint(path, ema=True)
    assert_state(taken, {name: value + 1 for name, value in STATE.items()})
    assert taken.notes == ["3 tensors were replaced by their averaged copies (ema_)"]


@pytest.mark.parametrize("key", ["state_dict_ema", "ema_state_dict"])
def test_averaged_copies_beside_the_weights(tmp_path: Path, key: str) -> None:
    averaged = {f"module.{name}": value + 1 for name, value in STATE.items()}
    path = save(tmp_path / "a.pth", {"state_dict": STATE, key: averaged})
    for ema in (None, False):
        assert_state(read_checkpoint(path, ema=ema), STATE)
    taken = read_checkpoint(path, ema=True)
    assert_state(taken, {name: value + 1 for name, value in STATE.items()})


def test_mmengine_has_the_averages_as_its_state_and_the_weights_beside_them(
    tmp_path: Path,
) -> None:
    raw = {f"module._orig_mod.{name}": value + 1 for name, value in STATE.items()}
    raw["steps"] = torch.tensor(7)
    path = save(tmp_path / "a.pth", {"state_dict": STATE, "ema_state_dict": raw, "message": {}})
    for ema in (None, True):
        taken = read_checkpoint(path, ema=ema)
        assert_state(taken, STATE)
        assert "state_dict holds the moving averages, which were taken" in taken.notes[0]
        assert taken.notes[1:] == ["beside the weights, not read: message"]
    taken = read_checkpoint(path, ema=False)
    assert_state(taken, {name: value + 1 for name, value in STATE.items()})
    assert "not their moving averages" in taken.notes[0]
    assert any(note.startswith("`_orig_mod.` was taken off 3 names") for note in taken.notes)


def test_averaged_copies_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no averaged weights") as caught:
        read_checkpoint(save(tmp_path / "a.pth", STATE), ema=True)
    assert caught.value.code == "M01"


@pytest.mark.parametrize("content", [[1, 2], {}, {"state_dict": {}}, {"a": 1}, torch.ones(2)])
def test_files_without_weights_are_refused(tmp_path: Path, content: Any) -> None:
    with pytest.raises(ModelError, match=r"no tensors by name|not tensors by name") as caught:
        read_checkpoint(save(tmp_path / "a.pth", content))
    assert caught.value.code == "M02"


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.pth"):
        with pytest.raises(DataError, match="D01"):
            read_checkpoint(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!DOCTYPE html><title>404</title>",
        b"\x89PNG\r\n\x1a\n",
        b"\x1f\x8b" + bytes(99),
        b"PK\x03\x04" + bytes(99),
        b"PK\x05\x06" + bytes(18),
        b"\x80\x02",
        bytes(257) + b"ustar" + bytes(300),
        struct.pack("<Q", 2**62) + b"{" + bytes(20),
        struct.pack("<Q", 2) + b"{}",
    ],
)
def test_files_of_other_kinds_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        read_checkpoint(path)
    assert caught.value.code == "M02" and str(path) in str(caught.value)


@FORMATS
@pytest.mark.parametrize("plain", [True, False], ids=["by torch", "by us"])
def test_cut_off_files_are_refused(tmp_path: Path, zipped: bool, plain: bool) -> None:
    meta = {} if plain else {"x": np.float64(1)}
    path = save(tmp_path / "a.pth", {"state_dict": STATE, "meta": meta}, zipped=zipped)
    content = path.read_bytes()
    for size in range(0, len(content), max(1, len(content) // 50)):
        path.write_bytes(content[:size])
        with pytest.raises(ModelError, match="M02"):
            read_checkpoint(path)


def test_one_flipped_bit_is_found(tmp_path: Path) -> None:
    path = save(tmp_path / "a.pth", STATE)
    content = bytearray(path.read_bytes())
    content[content.index(struct.pack("<3f", 5, 6, 7))] ^= 1
    path.write_bytes(content)
    torch.load(path, weights_only=True)  # PyTorch does not look
    with pytest.raises(ModelError, match="checksum"):
        read_checkpoint(path)


def test_a_file_that_changes_meanwhile_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save(tmp_path / "a.pth", STATE)
    check = reading._checked

    def grow(*arguments: Any) -> str:
        with path.open("ab") as file:
            file.write(b"more")
        return check(*arguments)

    monkeypatch.setattr(reading, "_checked", grow)
    with pytest.raises(ModelError, match="changed while"):
        read_checkpoint(path)


# Hostile files: the parent writes them, a child with little memory reads them.


def text(value: str) -> bytes:
    return b"X" + struct.pack("<I", len(value)) + value.encode()


def storage(count: bytes = b"K\x03", kind: str = "FloatStorage") -> bytes:
    return b"(" + text("storage") + f"ctorch\n{kind}\n".encode() + text("0") + text("cpu") + count


def tensor(where: bytes = b"K\x00K\x03\x85K\x01\x85", count: bytes = b"K\x03") -> bytes:
    rest = b"\x89ccollections\nOrderedDict\n)RtR"
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage(count) + b"tQ" + where + rest


def content(meta: bytes, weights: bytes | None = None) -> bytes:
    state = b"}" + text("a") + (tensor() if weights is None else weights) + b"s"
    return b"\x80\x02}(" + text("state_dict") + state + text("meta") + meta + b"u."


def as_zip(pickled: bytes, *, compressed: bool = False, data: bytes = bytes(12)) -> bytes:
    stream = io.BytesIO()
    kind = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(stream, "w", kind) as archive:
        archive.writestr("archive/data.pkl", pickled)
        archive.writestr("archive/byteorder", "little")
        archive.writestr("archive/data/0", data)
        archive.writestr("archive/version", "3\n")
    return stream.getvalue()


def as_legacy(pickled: bytes, count: int = 3) -> bytes:
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {}}
    head = [pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, system)]
    pickled = pickled.replace(b"tQ", b"NtQ")  # here a storage has a sixth word, for a view
    return b"".join(head) + pickled + pickle.dumps(["0"], 2) + struct.pack("<q", count) + bytes(12)


LARGE = b"\x8a\x05" + (2**38).to_bytes(5, "little")
RUN = text("touch canary") + b"\x85R"
HOLDER = b"cmmcv.utils.config\nConfigDict\n"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\nK\x00\x85U\x01btR"
FLOAT64 = b"cnumpy\ndtype\n(" + text("f8") + b"\x89\x88tR"
HOSTILE: dict[str, tuple[bytes, str]] = {
    "os": (content(b"cos\nsystem\n" + RUN), "M07"),
    "posix": (content(b"cposix\nsystem\n" + RUN), "M07"),
    "subprocess": (content(b"csubprocess\ncall\n" + RUN), "M07"),
    "eval": (content(b"c__builtin__\neval\n" + text("open('canary','w')") + b"\x85R"), "M07"),
    "exec": (content(b"cbuiltins\nexec\n" + text("open('canary','w')") + b"\x85R"), "M07"),
    "stacked": (content(text("os") + text("system") + b"\x93" + RUN), "M07"),
    "inst": (content(b"(" + text("touch canary") + b"ios\nsystem\n"), "M07"),
    "obj": (content(b"(cos\nsystem\n" + text("touch canary") + b"o"), "M07"),
    "partial": (content(b"cfunctools\npartial\n)R"), "M07"),
    "torch function": (content(b"ctorch.hub\nload\n)R"), "M07"),
    "getattr": (content(b"c__builtin__\ngetattr\n(cbuiltins\nobject\n" + text("x") + b"tR"), "M07"),
    "method": (content(b"cbuiltins\ngetattr\n(" + HOLDER + text("pop") + b"tR)R"), "M02"),
    "build": (content(HOLDER + b"}" + text("make") + b"cbuiltins\nobject\nsb"), "M02"),
    "new": (content(b"cio\nFileIO\n" + text("canary") + text("w") + b"\x86\x81"), "M07"),
    "bytearray": (content(b"cbuiltins\nbytearray\n" + LARGE + b"\x85R"), "M07"),
    "large tensor": (content(b"ctorch\nTensor\n(" + LARGE + b"tR"), "M07"),
    "module": (content(b"(" + text("module") + b"NNNNtQ"), "M07"),
    "extension": (content(b"\x82\x07"), "M07"),
    "objects": (content(b"cnumpy\ndtype\n(" + text("O8") + b"\x89\x88tR"), "M07"),
    "array": (content(ARRAY + b"(K\x01" + LARGE + b"\x85" + FLOAT64 + b"\x89U\x00tb"), "M02"),
    "nested key": (content(b"})" + b"\x85" * 100_000 + b"K\x01s"), "M02"),
    "memo": (content(b"Nr\xff\xff\xff\x7f"), ""),
    "long text": (content(b"X\xff\xff\xff\x7f"), "M02"),
    "long bytes": (content(b"\x8e" + struct.pack("<Q", 2**40)), "M02"),
    "doubling": (content(b"]" + b"q\x00(" + b"2e0]q\x00(h\x00h\x00e" * 9 + b"h\x00"), "M02"),
    "deep": (content(b"]" * 50_000 + b"a" * 49_999), ""),
    "large storage": (content(b"N", tensor(count=LARGE)), "M02"),
    "large shape": (content(b"N", tensor(b"K\x00" + LARGE + b"\x85K\x01\x85")), "M02"),
    "no stride": (content(b"N", tensor(b"K\x00" + LARGE + b"\x85K\x00\x85")), "M02"),
    "large stride": (content(b"N", tensor(b"K\x00K\x03\x85" + LARGE + b"\x85")), "M02"),
    "large offset": (content(b"N", tensor(LARGE + b"K\x03\x85K\x01\x85")), "M02"),
    "negative": (content(b"N", tensor(b"K\x00J\xff\xff\xff\xff\x85K\x01\x85")), "M02"),
}
CHILD = """
import json, resource, sys, torch, relook.interop.checkpoint.reading as reading
from relook.errors import RelookError
from pathlib import Path
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 400 * 2**20,) * 2)
def peak():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024
before = peak()
for path in sorted(Path("files").iterdir()):
    print(json.dumps(path.name), flush=True, end=" ")
    try:
        reading.read_checkpoint(path)
        code = ""
    except RelookError as error:
        code = error.code
    print(json.dumps(code), flush=True)
print(peak() - before)
"""


@functools.cache
def hostile_files() -> dict[str, tuple[bytes, str]]:
    files = {
        f"{name}.{kind}": (write(pickled), code)
        for name, (pickled, code) in HOSTILE.items()
        for kind, write in (("zip", as_zip), ("legacy", as_legacy))
    }
    files["many dicts"] = (as_zip(content(b"(" + b"}" * 1_000_000 + b"t")), "M02")
    bomb = as_zip(content(b"N"), compressed=True, data=bytes(300 * 2**20))
    files["compressed bomb"] = (bomb, "M02")
    declared = as_legacy(content(b"N", tensor(count=LARGE)), 2**38)
    files["declared twice"] = (declared, "M02")
    files["harmless.zip"] = (as_zip(content(b"N")), "")
    files["harmless.legacy"] = (as_legacy(content(b"N")), "")
    return files


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="needs a limit of memory")
def test_hostile_files_run_nothing_and_take_little_memory(tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    files = hostile_files()
    for name, (data, _) in files.items():
        (tmp_path / "files" / name).write_bytes(data)
    result = subprocess.run(
        [sys.executable, "-c", CHILD], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    *lines, grown = result.stdout.splitlines()
    assert result.returncode == 0, result.stdout[-500:] + result.stderr[-2000:]
    assert dict(map(_pair, lines)) == {name: code for name, (_, code) in files.items()}
    assert [path.name for path in tmp_path.iterdir()] == ["files"]  # no canary
    assert int(grown) < 200, "MiB; mostly a million empty dicts, the most that are counted"


def _pair(line: str) -> tuple[str, str]:
    name, code = line.rsplit(" ", 1)
    return json.loads(name), json.loads(code)


def test_the_canary_sings_where_code_is_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The files above would do what they try if something let them."""
    monkeypatch.chdir(tmp_path)
    pickled, _ = HOSTILE["os"]
    with pytest.raises(pickle.UnpicklingError, match="persistent"):
        pickle.loads(pickled)
    pickle.loads(b"cos\nsystem\n" + RUN + b".")
    assert Path("canary").exists()


def test_the_message_names_the_object(tmp_path: Path) -> None:
    path = tmp_path / "a.pth"
    path.write_bytes(as_zip(HOSTILE["os"][0]))
    with pytest.raises(ModelError, match=r"M07: .*a\.pth names os\.system,"):
        read_checkpoint(path)


# Fuzzing: no change of bytes leads to anything but a result or a refusal.


@functools.cache
def seeds() -> list[bytes]:
    """Small valid files of every format, plain and not, with and without checksums."""
    result = [safetensors.torch.save({"a": torch.ones(2, 2)}, {"format": "pt"})]
    for meta in ({"epoch": 1}, {"score": np.float64(1), "ap": np.ones(2), "n": Namespace(a=1)}):
        for zipped in (True, False):
            for checksums in (True, False)[: 1 + zipped]:
                set_crc32_options(checksums)
                stream = io.BytesIO()
                torch.save(
                    {"state_dict": {"a": torch.ones(2, 2)}, "meta": meta},
                    stream,
                    _use_new_zipfile_serialization=zipped,
                )
                set_crc32_options(True)
                result.append(stream.getvalue())
    return result


@strategies.composite
def mutated(draw: strategies.DrawFn) -> bytes:
    data = bytearray(draw(strategies.sampled_from(seeds())))
    for _ in range(draw(strategies.integers(1, 4))):
        position = draw(strategies.integers(0, len(data) - 1))
        kind = draw(strategies.sampled_from(["set", "set", "set", "insert", "delete", "copy"]))
        if kind == "set":
            data[position] = draw(strategies.integers(0, 255))
        elif kind == "insert":
            data[position:position] = draw(strategies.binary(min_size=1, max_size=8))
        elif kind == "delete":
            del data[position : position + draw(strategies.integers(1, 40))]
            data = data or bytearray(b"\x80")
        else:
            source = draw(strategies.integers(0, len(data) - 1))
            part = data[source : source + 8]
            data[position : position + len(part)] = part
    return bytes(data)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzz") / "a.pth"


@hypothesis.settings(deadline=None, max_examples=500, derandomize=True, database=None)
@hypothesis.given(data=mutated())
def test_mutated_files_are_read_or_refused(scratch: Path, data: bytes) -> None:
    scratch.unlink(missing_ok=True)  # tensors of the example before may still be mapped
    scratch.write_bytes(data)
    try:
        checkpoint = read_checkpoint(scratch)
    except ModelError:
        return
    assert all(torch.is_tensor(value.sum()) for value in checkpoint.state.values())
    json.dumps(checkpoint.meta)
