"""Files of annotation tools, read with limits: bytes, json, YAML, archives.

Whatever a file contains, reading it ends in a value or in a `DataError`. Nothing in a file is run,
and no file is unpacked to more than these limits.
"""

from __future__ import annotations

import base64
import binascii
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import yaml
from numpy.typing import NDArray

from ...errors import DataError
from ..images.files import opened_header
from ..images.limits import check_pixels
from ..sources.signatures import HEAD, recognise

MOST_BYTES: Final = 1 << 30
"""Bytes of an annotation file."""
MOST_MEMBER: Final = 1 << 26
"""Bytes of one member of an archive, unpacked."""
MOST_MEMBERS: Final = 1_000_000
"""Members of an archive."""
_MOST_YAML: Final = 1 << 22
_PLAIN: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # others can ask for gigabytes to start


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The bytes of an annotation file.

    Raises:
        DataError: D01 if there is none, D03 if it is empty, too large, or a pointer of Git LFS.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except (FileNotFoundError, NotADirectoryError, ValueError):
        raise DataError("D01", f"{path}: there is no such annotation file.") from None
    except IsADirectoryError:
        raise DataError("D01", f"{path} is a folder, where an annotation file is needed.") from None
    except OSError as error:
        raise DataError("D03", f"{path} cannot be read: {error.strerror or error}.") from None
    if not data:
        raise DataError("D03", f"{path.name} is empty (0 bytes). Copy or export it again.")
    if len(data) > most:
        raise DataError(
            "D03",
            f"{path.name} has more than {most >> 20:,} MiB, which no annotation file needs. Export "
            "it in parts.",
        )
    kind = recognise(data[:HEAD])
    if kind is not None and "pointer" in kind.name:
        raise DataError("D03", f"{path.name} is {kind.name}. {kind.advice}")
    return data


def read_json(path: Path) -> Any:
    """The json in a file; raises as `read_bytes`, and D03 for what is not json."""
    return json_of(read_bytes(path), path.name)


def json_of(data: bytes, label: str) -> Any:
    """The json in `data`, UTF-8 or UTF-16.

    Raises:
        DataError: D03 for what is not json.
    """
    try:
        return json.loads(data.decode("utf-8-sig") if data[:1] not in b"\xff\xfe" else data)
    except json.JSONDecodeError as error:
        raise DataError(
            "D03",
            f"{label}: line {error.lineno}, column {error.colno}: {error.msg}. The file is not "
            "json, or was cut off; export or copy it again.",
        ) from None
    except UnicodeDecodeError as error:
        raise DataError("D03", f"{label} is not UTF-8 text (byte {error.start}).") from None
    except RecursionError:
        raise DataError("D03", f"{label} is nested too deeply to be read.") from None
    except ValueError as error:  # a number of thousands of digits
        raise DataError("D03", f"{label} cannot be read: {error}.") from None


def read_text(path: Path) -> str:
    """The text of a file; raises as `read_bytes`, and D03 for what is not UTF-8."""
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError("D03", f"{path.name} is not UTF-8 text (byte {error.start}).") from None


def read_yaml(path: Path) -> Any:
    """The plain values of a YAML file; raises as `read_bytes`, and D03 for what is not YAML."""
    data = read_bytes(path, _MOST_YAML)
    try:
        return yaml.safe_load(data)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise DataError("D03", f"{path.name} is not YAML that can be read: {reason}.") from None


def zip_members(path: Path, suffix: str) -> Iterator[tuple[str, bytes]]:
    """(name, bytes) of each member of an archive whose name ends with `suffix`.

    Raises:
        DataError: D01 if there is no such file, D03 for an archive that is damaged, encrypted, or
            unpacks to more than any annotations.
    """
    data = read_bytes(path)
    total = 0
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = archive.infolist()
            if len(infos) > MOST_MEMBERS:
                _refuse(path, f"it has more than {MOST_MEMBERS:,} members")
            for info in infos:
                hidden = info.filename.startswith("__MACOSX/")
                if hidden or not info.filename.lower().endswith(suffix):
                    continue
                if info.flag_bits & 1:
                    _refuse(path, f"{info.filename!r:.80} is encrypted")
                if info.compress_type not in _PLAIN:
                    _refuse(path, f"{info.filename!r:.80} is packed in an unusual way")
                with archive.open(info) as file:
                    content = file.read(MOST_MEMBER + 1)
                total += len(content)
                if len(content) > MOST_MEMBER or total > MOST_BYTES:
                    _refuse(path, "it unpacks to more than any annotations, as a bomb would")
                yield info.filename, content
    except DataError:
        raise
    except Exception as error:  # noqa: BLE001 - on hostile bytes it raises anything
        _refuse(path, str(error)[:200] or type(error).__name__)


def inflated(data: bytes, most: int = MOST_MEMBER) -> bytes:
    """Bytes that zlib packed; ValueError for what is damaged or unpacks to more than `most`."""
    unpacker = zlib.decompressobj()
    try:
        content = unpacker.decompress(data, most)
    except zlib.error as error:
        raise ValueError(str(error)) from None
    if unpacker.unconsumed_tail:
        raise ValueError("it unpacks to more than any mask")
    return content


def base64_of(value: object) -> bytes:
    """The bytes of a base64 text, also one with a ``data:`` head; ValueError for anything else."""
    if not isinstance(value, str):
        raise ValueError("it is no text")
    if value.startswith("data:"):
        value = value.partition(",")[2]
    try:
        return base64.b64decode(value.strip().encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("it is not base64") from None


def coded_mask(data: bytes, label: str) -> NDArray[np.bool_]:
    """The mask (h, w) of a PNG inside an annotation file: by its alpha, else its values above 0.

    Raises:
        DataError: D02 for what is no image, or too large.
    """
    image = opened_header(data, label)
    check_pixels(label, (image.height, image.width))
    try:
        if "A" in image.getbands() or "transparency" in image.info:
            values = np.asarray(image.convert("RGBA"))[:, :, 3]
        else:
            values = np.asarray(image)
    except Exception as error:  # noqa: BLE001 - on hostile bytes, decoders raise anything
        raise DataError("D02", f"{label} cannot be decoded: {error}. Export it again.") from None
    mask = values != 0
    return np.asarray(mask if mask.ndim == 2 else mask.any(axis=2))


def _refuse(path: Path, why: str) -> NoReturn:
    raise DataError(
        "D03",
        f"{path.name} is a ZIP archive that cannot be read: {why}. Export it again, or unpack it "
        "and give the folder.",
    )
