"""The two formats of torch.save: where things lie, and what cannot be true of a file."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import Any

import pytest
import torch

from relook.interop.checkpoint import archives
from relook.interop.checkpoint.archives import Archive, DamagedFile, open_legacy, open_zip
from relook.interop.checkpoint.stand_ins import TensorOutline
from relook.interop.checkpoint.unpickling import DamagedPickle

STATE = {"a": torch.arange(6.0).reshape(2, 3), "b": torch.tensor([1, 2])}


def saved(*, zipped: bool) -> bytes:
    stream = io.BytesIO()
    torch.save(STATE, stream, _use_new_zipfile_serialization=zipped)
    return stream.getvalue()


def opened(content: bytes) -> Archive:
    opener = open_zip if content.startswith(b"PK") else open_legacy
    return opener(io.BytesIO(content), len(content))


def rewritten(change: Any) -> bytes:
    """A saved file with its records written anew: `change` gets and gives name and content."""
    stream = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(saved(zipped=True))) as old,
        zipfile.ZipFile(stream, "w") as new,
    ):
        for name in old.namelist():
            for changed in change(name, old.read(name)):
                new.writestr(*changed)
    return stream.getvalue()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_tensors_are_found_where_they_lie(zipped: bool) -> None:
    content = saved(zipped=zipped)
    archive = opened(content)
    assert archive.zipped is zipped
    for name, tensor in STATE.items():
        outline = archive.content[name]
        assert isinstance(outline, TensorOutline)
        record = archive.storages[outline.storage.key]
        assert content[record.start : record.start + record.size] == tensor.numpy().tobytes()
        assert (outline.shape, outline.storage.dtype) == (tuple(tensor.shape), tensor.dtype)


def test_a_rewritten_file_is_read_too() -> None:
    assert opened(rewritten(lambda name, data: [(name, data)])).content.keys() == STATE.keys()


@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "legacy"])
def test_a_cut_off_file_is_refused(zipped: bool) -> None:
    content = saved(zipped=zipped)
    for size in (3, 40, len(content) // 3, len(content) // 2, len(content) - 1):
        with pytest.raises((DamagedFile, DamagedPickle)):
            opened(content[:size])


def _compressed(name: str, data: bytes) -> Any:
    info = zipfile.ZipInfo(name)
    info.compress_type = zipfile.ZIP_DEFLATED
    return [(info, data)]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (_compressed, "compressed"),
        (lambda name, data: [(name, data)] * 2, "twice"),
        (lambda name, data: [(n, data) for n in {name, name.replace(".pkl", ".PKL")}], "twice"),
        (lambda name, data: [(name.replace("data.pkl", "x"), data)], "data.pkl is missing"),
        (lambda name, data: [(name.replace("/data/1", "/data/2"), data)], "storage is missing"),
        (lambda name, data: [(name, data + b" " * ("/data/" in name))], "another size"),
        (lambda name, data: [(name, b"big" if "byteorder" in name else data)], "order of bytes"),
        (lambda name, data: [(name, data), (name + "/../constants.pkl", data)], ""),
        (lambda name, data: [], "no records"),
    ],
)
def test_zip_files_that_torch_does_not_write_are_refused(change: Any, reason: str) -> None:
    content = rewritten(change)
    if not reason:  # paths mean nothing here: nothing is ever unpacked
        assert opened(content).content.keys() == STATE.keys()
        return
    with pytest.raises(DamagedFile, match=reason):
        opened(content)


def test_a_program_is_not_a_checkpoint() -> None:
    def change(name: str, data: bytes) -> Any:
        return [(name, data), (name.replace("data.pkl", "constants.pkl") + "x", data)]

    content = rewritten(lambda n, d: [(n, d), *[(n[:-8] + "constants.pkl", d)] * ("data.pkl" in n)])
    with pytest.raises(DamagedFile, match="TorchScript"):
        opened(content)
    assert opened(rewritten(change)).content.keys() == STATE.keys()


def _directory(content: bytes, position: int, kind: str, value: int) -> bytes:
    """`content` with a number of its first directory entry changed."""
    changed = bytearray(content)
    struct.pack_into(kind, changed, content.index(b"PK\x01\x02") + position, value)
    return bytes(changed)


@pytest.mark.parametrize(
    ("position", "kind", "value", "reason"),
    [
        (8, "<H", 1, "encrypted"),
        (10, "<H", 99, "compressed"),
        (20, "<I", 7, "compressed"),
        (42, "<I", 1, "not at the place"),
        (28, "<H", 9999, "directory of records"),
    ],
)
def test_directories_that_lie_are_refused(
    position: int, kind: str, value: int, reason: str
) -> None:
    with pytest.raises(DamagedFile, match=reason):
        opened(_directory(saved(zipped=True), position, kind, value))


def test_a_record_at_an_impossible_place_is_refused() -> None:
    content = bytearray(rewritten(lambda name, data: [(name, data)]))
    end = content.index(b"PK\x05\x06")
    entry = content.index(b"PK\x01\x02")
    name_size = struct.unpack_from("<H", content, entry + 28)[0]
    extra = struct.pack("<HHQ", 1, 8, 2**64 - 1)  # a place of 64 bits
    struct.pack_into("<H", content, entry + 30, len(extra))
    struct.pack_into("<I", content, entry + 42, 2**32 - 1)
    struct.pack_into("<I", content, end + 12, end - entry + len(extra))
    content[entry + 46 + name_size : entry + 46 + name_size] = extra
    with pytest.raises(DamagedFile, match="not at the place"):
        opened(bytes(content))


def test_records_that_declare_more_than_the_file_are_refused() -> None:
    content = saved(zipped=True)
    larger = _directory(_directory(content, 20, "<I", 2**31), 24, "<I", 2**31)
    with pytest.raises(DamagedFile, match="behind the end"):
        opened(larger)


def test_records_that_share_bytes_are_refused() -> None:
    """How a small file of stored records could still unpack to a large one."""
    content = bytearray(rewritten(lambda name, data: [(name, data)]))
    first = content.index(b"PK\x01\x02")
    second = content.index(b"PK\x01\x02", first + 4)
    content[second + 20 : second + 28] = content[first + 20 : first + 28]  # its sizes
    content[second + 42 : second + 46] = content[first + 42 : first + 46]  # its place
    with pytest.raises(DamagedFile, match="share bytes"):
        opened(bytes(content))


def test_large_descriptions_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_PICKLE", 50)
    with pytest.raises(DamagedFile, match="too large"):
        opened(saved(zipped=True))
    with pytest.raises(DamagedPickle, match="too large"):
        opened(saved(zipped=False))
    monkeypatch.setattr(archives, "_MAX_DIRECTORY", 50)
    with pytest.raises(DamagedFile, match="too large"):
        opened(saved(zipped=True))


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (b"\x8a\nl\xfc", b"\x8a\nl\xfd", "did not write it"),
        (b"M\xe9\x03", b"M\xe8\x03", "unknown version"),
        (b"little_endianq\x02\x88", b"little_endianq\x02\x89", "order of bytes"),
        (struct.pack("<q", 6), struct.pack("<q", 7), "another size"),
        (struct.pack("<q", 6), struct.pack("<q", 2**62), "another size"),
    ],
)
def test_legacy_files_that_lie_are_refused(old: bytes, new: bytes, reason: str) -> None:
    content = saved(zipped=False)
    assert old in content
    with pytest.raises(DamagedFile, match=reason):
        opened(content.replace(old, new, 1))


def test_a_pickle_of_something_else_is_refused() -> None:
    with pytest.raises(DamagedFile, match="did not write it"):
        opened(b"\x80\x02]q\x00.")
