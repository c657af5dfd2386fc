"""ZIP archives: the images in one, read from it without writing a file."""

from __future__ import annotations

import io
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ...errors import DataError
from .signatures import HEAD, recognise
from .stored import Stamp, StoredImage, printable, safe_folder

MOST_BYTES: Final = 1 << 30
"""Bytes of one member, unpacked."""
MOST_IN_ALL: Final = 1 << 37
"""Bytes of all images of an archive, unpacked."""
MOST_RATIO: Final = 200
"""Unpacked bytes for each packed one, of members that have more than `FREE` bytes."""
FREE: Final = 1 << 26
_MOST_FOLDERS: Final = 8  # inside each other, that results are mirrored in
_MIB: Final = 1 << 20
_ENCRYPTED: Final = 1  # bit of the flags of a member


class Archive:
    """A ZIP archive: a file, or the bytes of one under a name."""

    def __init__(self, name: str, content: Path | bytes) -> None:
        self.name = name
        self._content = content
        self._lock = threading.Lock()
        self._open: zipfile.ZipFile | None = None
        self._infos: list[zipfile.ZipInfo] = []

    def __getstate__(self) -> dict[str, Any]:
        return {"name": self.name, "_content": self._content}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["name"], state["_content"])  # type: ignore[misc]

    def images(self, suffixes: frozenset[str]) -> tuple[list[Member], Counter[str]]:
        """Its images, in their order in the archive, and the endings of all other members.

        Members that end in one of `suffixes` count as images, others where their first bytes are
        those of an image. Hidden ones are not looked at.

        Raises:
            DataError: D02 for a damaged archive, or one that would unpack to too much.
        """
        found: list[Member] = []
        left_out: Counter[str] = Counter()
        seen: set[str] = set()
        with self._lock:
            self._opened()
            for row, info in enumerate(self._infos):
                if info.filename.endswith("/") or _is_hidden(info.filename):
                    continue
                suffix = PurePosixPath(info.filename).suffix.lower()
                if suffix not in suffixes and not self._starts_as_image(info):
                    left_out[suffix or "without ending"] += 1
                    continue
                plain = name = f"{self.name}/{printable(info.filename)}"
                number = 1
                while name in seen:  # an archive may hold one name several times
                    number += 1
                    name = f"{plain} ({number})"
                seen.add(name)
                found.append(Member(self, row, name, info.file_size, info.CRC))
        total = sum(member.size for member in found)
        packed = sum(self._infos[member.row].compress_size for member in found)
        if total > MOST_IN_ALL or (total > FREE and total > MOST_RATIO * packed):
            raise DataError(
                "D02",
                f"{self.name}: its images would grow from {packed / _MIB:,.1f} to "
                f"{total / _MIB:,.0f} MiB, as a file made to fill memory would. If you trust it, "
                "unpack it and give the folder.",
            )
        return found, left_out

    def read(self, row: int, checksum: int) -> bytes:
        """The bytes of member number `row`, whose CRC-32 is `checksum`.

        Raises:
            DataError: D02 when it is encrypted, damaged or too large.
        """
        with self._lock:
            archive = self._opened()
            if row >= len(self._infos) or checksum != self._infos[row].CRC:
                raise self._damaged("it has changed since it was listed")
            info = self._infos[row]
            self._check(info)
            try:
                return archive.read(info)
            except Exception as error:  # noqa: BLE001 - on hostile bytes it raises anything
                raise DataError(
                    "D02",
                    f"{self._name_of(info)} cannot be unpacked: {error}. The archive is damaged, "
                    "or written in a way that Python cannot read: copy it again, or unpack it and "
                    "give the folder.",
                ) from None

    def close(self) -> None:
        """Close the file; it is opened again when it is needed."""
        with self._lock:
            if self._open is not None:
                self._open.close()
            self._open = None

    def _opened(self) -> zipfile.ZipFile:
        if self._open is None:
            content = self._content
            try:
                self._open = zipfile.ZipFile(
                    io.BytesIO(content) if isinstance(content, bytes) else content
                )
            except Exception as error:  # noqa: BLE001 - on hostile bytes it raises anything
                raise self._damaged(str(error)) from None
            self._infos = self._open.infolist()
        return self._open

    def _damaged(self, reason: str) -> DataError:
        return DataError(
            "D02",
            f"{self.name} is a ZIP archive that cannot be read: {reason}. Copy or download it "
            "again.",
        )

    def _name_of(self, info: zipfile.ZipInfo) -> str:
        return f"{self.name}/{printable(info.filename)}"

    def _check(self, info: zipfile.ZipInfo) -> None:
        name = self._name_of(info)
        if info.flag_bits & _ENCRYPTED:
            raise DataError(
                "D02",
                f"{name} is encrypted. Unpack the archive with its password, give the folder.",
            )
        if info.file_size > MOST_BYTES:
            raise DataError(
                "D02",
                f"{name} has {info.file_size / _MIB:,.0f} MiB, and {MOST_BYTES / _MIB:,.0f} MiB is "
                "what is unpacked in memory. Unpack the archive and give the folder.",
            )
        if info.file_size > FREE and info.file_size > MOST_RATIO * max(info.compress_size, 1):
            raise DataError(
                "D02",
                f"{name} would grow from {info.compress_size:,} to {info.file_size:,} bytes, as a "
                "file made to fill memory would. If you trust it, unpack it and give the folder.",
            )

    def _starts_as_image(self, info: zipfile.ZipInfo) -> bool:
        if info.flag_bits & _ENCRYPTED or self._open is None:
            return False
        try:
            with self._open.open(info) as file:
                kind = recognise(file.read(HEAD))
        except Exception:  # noqa: BLE001 - on hostile bytes it raises anything
            return False
        return kind is not None and kind.use == "image"


@dataclass(frozen=True, slots=True)
class Member(StoredImage):
    """An image in an archive, ``scans.zip/a.png``."""

    archive: Archive = field(repr=False)
    row: int  # in the archive's directory
    name: str
    size: int  # bytes, unpacked
    checksum: int  # CRC-32

    @property
    def folders(self) -> tuple[str, ...]:
        """As `StoredImage.folders`: those inside of the archive."""
        inside = self.name.removeprefix(f"{self.archive.name}/").replace("\\", "/")
        parts = [*_parts(inside)][:-1][:_MOST_FOLDERS]
        return tuple(safe_folder(part) for part in parts if part != "/")

    def load(self) -> bytes:
        """As `StoredImage.load`."""
        return self.archive.read(self.row, self.checksum)

    def stamp(self) -> Stamp:
        """Size and checksum, as the archive says."""
        return [self.size, self.checksum]


def _is_hidden(name: str) -> bool:
    return any(part.startswith(".") or part == "__MACOSX" for part in _parts(name))


def _parts(name: str) -> Iterator[str]:
    return (part for part in PurePosixPath(name).parts if part not in {".", ".."})
