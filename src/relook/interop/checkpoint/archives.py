"""Structure of a file of `torch.save`: the zip format, and the one before PyTorch 1.6.

Only the pickle is read here, a few hundred kilobytes. Every storage that it describes must be in
the file, with the declared size. So no declaration takes more memory than the file has bytes.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import IO, Any, Final, cast

from .stand_ins import StorageOutline
from .unpickling import Unpickled, unpickle

ZIP_MAGIC: Final = b"PK\x03\x04"
MAX_PICKLE: Final = 32 * 2**20  # bytes; some hundred kilobytes are usual
_MAX_DIRECTORY: Final = 8 * 2**20  # bytes; about 100 for a tensor
_LEGACY_MAGIC: Final = 0x1950A86A20F9469CFC6C
_LEGACY_PROTOCOL: Final = 1001
_LOCAL_HEADER: Final = struct.Struct("<4s22xHH")


class DamagedFile(Exception):
    """A file that is damaged or of another format; the argument is the reason."""


@dataclass(frozen=True, slots=True)
class Record:
    """A run of bytes in the file."""

    start: int
    size: int
    crc: int = 0  # CRC-32 of the bytes; 0 where the file has none


@dataclass(frozen=True, slots=True)
class Archive:
    """Content of a file of `torch.save`, before any tensor is read."""

    zipped: bool
    content: Any  # with outlines where it has tensors
    storages: Mapping[str, Record]
    records: tuple[Record, ...]  # all records with a checksum


def open_zip(file: IO[bytes], size: int) -> Archive:
    """Read directory and pickle of a file in the zip format, which has `size` bytes.

    Raises:
        DamagedFile, DamagedPickle, ForbiddenObject: it is not one, or a hostile one.
    """
    try:
        with zipfile.ZipFile(_Reader(file, _MAX_DIRECTORY)) as archive:
            entries = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise DamagedFile(f"its directory of records cannot be read: {error}") from error
    if not entries:
        raise DamagedFile("it has no records")
    records = _records(file, entries, size)
    folder = entries[0].filename.partition("/")[0]
    if f"{folder}/constants.pkl" in records:
        raise DamagedFile("it is a program of TorchScript, not a checkpoint of torch.save")
    if f"{folder}/data.pkl" not in records:
        raise DamagedFile("it is a zip file, but torch.save did not write it: data.pkl is missing")
    order = records.get(f"{folder}/byteorder")
    if order is not None and _bytes(file, order, 16) != b"little":
        raise DamagedFile("it was written on a machine with another order of bytes")
    content = unpickle(io.BytesIO(_bytes(file, records[f"{folder}/data.pkl"], MAX_PICKLE)))
    storages = {key: records.get(f"{folder}/data/{key}") for key in content.storages}
    return _archive(content, storages, tuple(records.values()), zipped=True)


def open_legacy(file: IO[bytes], size: int) -> Archive:
    """Read the pickles of a file in the format before PyTorch 1.6, which has `size` bytes.

    Raises:
        DamagedFile, DamagedPickle, ForbiddenObject: it is not one, or a hostile one.
    """
    file.seek(0)
    reader = cast(IO[bytes], _Reader(file, MAX_PICKLE))
    if unpickle(reader).value != _LEGACY_MAGIC:
        raise DamagedFile("it is a pickle, but torch.save did not write it")
    if unpickle(reader).value != _LEGACY_PROTOCOL:
        raise DamagedFile("it was written by an unknown version of torch.save")
    system = unpickle(reader).value
    if not isinstance(system, dict) or system.get("little_endian") is not True:
        raise DamagedFile("it was written on a machine with another order of bytes")
    content = unpickle(reader)
    keys = unpickle(reader).value
    if not isinstance(keys, list) or len(keys) > len(content.storages):
        raise DamagedFile("its list of storages does not fit its pickle")
    storages: dict[str, Record | None] = dict.fromkeys(content.storages)
    for key in keys:
        if not isinstance(key, str) or key not in storages or storages[key]:
            raise DamagedFile("its list of storages does not fit its pickle")
        storages[key] = _legacy_record(file, content.storages[key], size)
    return _archive(content, storages, (), zipped=False)


class _Reader(io.RawIOBase):
    """A file whose reads are limited to `limit` bytes."""

    def __init__(self, file: IO[bytes], limit: int) -> None:
        super().__init__()
        self.file = file
        self.limit = limit
        self.total = 0

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:  # to the end
            size = self.limit + 1
        elif size > self.limit:
            raise ValueError("it declares a part that is too large")
        return self._counted(self.file.read(size))

    def readline(self, size: int | None = -1, /) -> bytes:
        return self._counted(self.file.readline(self.limit))

    def _counted(self, data: bytes) -> bytes:
        self.total += len(data)
        if len(data) > self.limit or self.total > 2 * self.limit:
            raise ValueError("its description is too large")
        return data

    def seek(self, offset: int, whence: int = 0, /) -> int:
        return self.file.seek(offset, whence)

    def tell(self) -> int:
        return self.file.tell()

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _records(file: IO[bytes], entries: list[zipfile.ZipInfo], size: int) -> dict[str, Record]:
    records: dict[str, Record] = {}
    spelled: set[str] = set()  # PyTorch's reader of zip files ignores upper and lower case
    for entry in entries:
        name = entry.filename
        if entry.compress_type != zipfile.ZIP_STORED or entry.compress_size != entry.file_size:
            raise DamagedFile("its records are compressed, which torch.save never does")
        if entry.flag_bits & 1:
            raise DamagedFile("its records are encrypted, which torch.save never does")
        if name.lower() in spelled:
            raise DamagedFile("a record is in it twice")
        spelled.add(name.lower())
        file.seek(min(max(entry.header_offset, 0), size))
        header = file.read(_LOCAL_HEADER.size)
        if len(header) < _LOCAL_HEADER.size or not header.startswith(ZIP_MAGIC):
            raise DamagedFile("a record is not at the place in its directory")
        _, name_size, extra_size = _LOCAL_HEADER.unpack(header)
        start = entry.header_offset + _LOCAL_HEADER.size + name_size + extra_size
        if start + entry.file_size > size:
            raise DamagedFile("a record ends behind the end of the file")
        records[name] = Record(start, entry.file_size, entry.CRC)
    end = 0
    for record in sorted(records.values(), key=lambda record: (record.start, record.size)):
        if record.start < end:
            raise DamagedFile("two records share bytes")
        end = record.start + record.size
    return records


def _bytes(file: IO[bytes], record: Record, limit: int) -> bytes:
    if record.size > limit:
        raise DamagedFile("its description is too large")
    file.seek(record.start)
    return file.read(record.size)


def _legacy_record(file: IO[bytes], outline: StorageOutline, size: int) -> Record:
    header = file.read(8)
    if len(header) < 8 or int.from_bytes(header, "little", signed=True) != outline.count:
        raise DamagedFile("it is cut off, or a storage has another size than declared")
    start = file.tell()
    if start + outline.size > size:
        raise DamagedFile("it is cut off: a storage ends behind the end of the file")
    file.seek(start + outline.size)
    return Record(start, outline.size)


def _archive(
    content: Unpickled,
    storages: Mapping[str, Record | None],
    records: tuple[Record, ...],
    *,
    zipped: bool,
) -> Archive:
    by_key: dict[str, Record] = {}
    for key, record in storages.items():
        if record is None or record.size != content.storages[key].size:
            raise DamagedFile("a storage is missing, or has another size than declared")
        by_key[key] = record
    return Archive(zipped, content.value, by_key, records)
