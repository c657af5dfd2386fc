"""Reading of foreign checkpoints: their tensors and plain data, without running their code.

`unpickling` interprets the pickle with a list of allowed objects, and every size is checked against
the file. Tensors are then views of the bytes whose places were checked. PyTorch never reads the
file: its reader of zip files finds other records in some files than Python's does, and what was
checked would not be what is loaded.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ...errors import DataError, ModelError
from .archives import ZIP_MAGIC, Archive, DamagedFile, Record, open_legacy, open_zip
from .plain_data import plain_data
from .stand_ins import ForbiddenObject, TensorOutline
from .unpickling import DamagedPickle

_CHUNK: Final = 2**20
_WEIGHTS: Final = ("state_dict", "model")  # where the tensors are, if not at the top
_AVERAGED: Final = ("state_dict_ema", "ema_state_dict", "model_ema")
_RAW: Final = "ema_state_dict"  # of MMEngine's EMA hook, which exchanges it with state_dict
_STEPS: Final = "steps"
_SWAPPED: Final = (
    "MMEngine's EMA: state_dict holds the moving averages, which were taken; the weights that were "
    f"averaged are in {_RAW} (--no-ema)",
    f"MMEngine's EMA: the weights in {_RAW} were taken, not their moving averages in state_dict",
)
_COMPILED: Final = "_orig_mod."  # of torch.compile
_NAMED: Final = 5  # names that a note lists
_TAR: Final = (257, b"ustar")  # of the format before PyTorch 0.2


@dataclass(frozen=True)
class Checkpoint:
    """Content of a checkpoint file."""

    path: Path
    state: dict[str, Tensor]  # on the CPU, under the file's own names; views of the file where
    # it could be mapped, so it must not be shortened while they live
    meta: dict[str, Any]  # plain data only: dicts, lists, text, numbers
    sha256: str
    size: int  # bytes
    notes: list[str] = field(default_factory=list)  # what was left out or changed, one line each


def read_checkpoint(path: Path | str, *, ema: bool | None = None) -> Checkpoint:
    """The tensors and the plain data of a checkpoint: a `.pth` of any age, or safetensors.

    `module.` before names and `_orig_mod.` in them are removed. With `ema`, averaged weights are
    taken where the file has them beside the others; with False, the others. None takes what the
    file has as its state_dict, which in files of MMEngine's EMA hook are the averages. The file is
    read once from front to back, for its SHA-256 and the checksums of its records; its tensors are
    then read from the system's cache.

    Raises:
        DataError: D01 when there is no such file.
        ModelError: M02 for a file that is no checkpoint, is damaged, or declares more data than it
            holds; M07 when it has objects that are not allowed; M01 for `ema` when it has no
            averaged weights.
    """
    path = Path(path)
    if not path.is_file():
        kind = "is a folder, a file is needed" if path.is_dir() else "there is no such file"
        raise DataError("D01", f"{path}: {kind}. Check the path.")
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            checkpoint = _read(path, file, before.st_size, ema)
            after = os.fstat(file.fileno())
    except ForbiddenObject as error:
        raise ModelError(
            "M07",
            f"{path} names {error}, which is not among the objects that a checkpoint may hold. "
            "It was not loaded, and nothing in it was run. If you trust its source, load it where "
            "it was made and save only its state_dict.",
        ) from None
    except (DamagedFile, DamagedPickle, SafetensorError, OSError) as error:
        raise ModelError("M02", f"{path} is no checkpoint, or is damaged: {error}.") from error
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise ModelError("M02", f"{path} was changed while it was read. Try again.")
    return checkpoint


def _read(path: Path, file: IO[bytes], size: int, ema: bool | None) -> Checkpoint:
    start = file.read(512)
    notes: list[str] = []
    if start[8:9] == b"{" and not start.startswith(ZIP_MAGIC):
        sha256 = _checked(file, ())
        with safe_open(path, framework="pt", device="cpu") as tensors:
            content: Any = {name: tensors.get_tensor(name) for name in tensors.keys()}  # noqa: SIM118
            meta: dict[str, Any] = dict(tensors.metadata() or {})
        chosen = _select(path, content, ema, notes)
        return Checkpoint(path, chosen, meta, sha256, size, notes)
    archive = _open(file, start, size)
    sha256 = _checked(file, archive.records)
    meta = _meta(archive.content, notes)
    outlines = _select(path, archive.content, ema, notes)
    state = _assembled(file, archive, outlines)
    return Checkpoint(path, state, meta, sha256, size, notes)


def _open(file: IO[bytes], start: bytes, size: int) -> Archive:
    if start.startswith(ZIP_MAGIC):
        return open_zip(file, size)
    if start.startswith(b"\x80"):
        return open_legacy(file, size)
    if start[_TAR[0] :].startswith(_TAR[1]):
        raise DamagedFile("it is a tar file, a format that PyTorch left in 2017")
    raise DamagedFile("it starts like no file of torch.save and like no safetensors file")


def _checked(file: IO[bytes], records: tuple[Record, ...]) -> str:
    """Compare the records with their checksums; return the SHA-256 of the whole file."""
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_CHUNK))

    def pass_over(count: int) -> int:
        crc = 0
        while count:
            got = file.readinto(buffer[: min(count, _CHUNK)])  # type: ignore[attr-defined]
            if not got:
                raise DamagedFile("it is shorter than it was")
            digest.update(buffer[:got])
            crc = zlib.crc32(buffer[:got], crc)
            count -= got
        return crc

    file.seek(0)
    for record in sorted(records, key=lambda record: (record.start, record.size)):
        pass_over(record.start - file.tell())
        if pass_over(record.size) != record.crc and record.crc:
            raise DamagedFile("a record does not have its checksum. Download or copy it again")
    pass_over(os.fstat(file.fileno()).st_size - file.tell())
    return digest.hexdigest()


def _assembled(
    file: IO[bytes], archive: Archive, outlines: Mapping[str, TensorOutline]
) -> dict[str, Tensor]:
    storages: dict[str, Tensor] = {}
    mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) if archive.zipped else None
    for outline in outlines.values():
        key, dtype = outline.storage.key, outline.storage.dtype
        if key not in storages:
            record = archive.storages[key]
            aligned = record.size and record.start % dtype.itemsize == 0
            if mapped is not None and aligned:
                content = torch.frombuffer(
                    mapped, dtype=torch.uint8, offset=record.start, count=record.size
                )
            else:
                content = _content(file, record)
            storages[key] = content.view(dtype)
    return {
        name: storages[o.storage.key].as_strided(o.shape, o.stride, o.offset)
        for name, o in outlines.items()
    }


def _content(file: IO[bytes], record: Record) -> Tensor:
    content = torch.empty(record.size, dtype=torch.uint8)
    remaining = content.numpy().data
    file.seek(record.start)
    while remaining:
        count = file.readinto(remaining)  # type: ignore[attr-defined]
        if not count:
            raise DamagedFile("it is shorter than it was")
        remaining = remaining[count:]
    return content


def _meta(content: Any, notes: list[str]) -> dict[str, Any]:
    raw = content.get("meta") if isinstance(content, Mapping) else None
    if not isinstance(raw, Mapping):
        return {}
    meta, dropped = plain_data(raw)
    if dropped:
        kinds = "; ".join(f"{count} of {kind}" for kind, count in sorted(dropped.items()))
        notes.append(f"meta: {sum(dropped.values())} values are no plain data: {kinds}")
    return dict(meta)


def _select(path: Path, content: Any, ema: bool | None, notes: list[str]) -> dict[str, Any]:
    """The tensors of a file's content under their names; adds notes on values not taken."""
    if not isinstance(content, Mapping):
        raise DamagedFile(f"it holds a {type(content).__name__}, not tensors by name")
    place = next((key for key in _WEIGHTS if isinstance(content.get(key), Mapping)), None)
    averaged = next((key for key in _AVERAGED if isinstance(content.get(key), Mapping)), None)
    swapped = _are_swapped(content)
    beside = swapped or (bool(ema) and averaged is not None)
    if swapped:
        place = _RAW if ema is False else _WEIGHTS[0]
        notes.append(_SWAPPED[ema is False])
    elif beside:
        place = averaged
    values: Mapping[Any, Any] = content if place is None else content[place]
    if place is not None:
        known = {place, "meta", *((_WEIGHTS[0], _RAW) if swapped else ())}
        skipped = [str(key)[:40] for key in content if key not in known]
        _note(notes, "beside the weights, not read", skipped)
    state = {
        name: value
        for name, value in values.items()
        if isinstance(name, str) and isinstance(value, Tensor | TensorOutline)
        if not (swapped and name == _STEPS)
    }
    _note(notes, "among the weights, no tensors", [str(n)[:80] for n in values if n not in state])
    state = _without_module(state, notes)
    if not beside:
        state = _averaged(path, state, notes) if ema else _not_averaged(state, notes)
    if not state:
        raise DamagedFile("it holds no tensors by name")
    return state


def _without_module(state: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    plain = {name.replace(_COMPILED, ""): value for name, value in state.items()}
    short = {name.removeprefix("module."): value for name, value in plain.items()}
    if len(short) != len(state):
        raise DamagedFile(f"it names tensors both with and without `module.` or `{_COMPILED}`")
    for prefix, names in ((_COMPILED, state), ("module.", plain)):
        changed = sum(prefix in n if prefix == _COMPILED else n.startswith(prefix) for n in names)
        if changed:
            notes.append(f"`{prefix}` was taken off {changed} names")
    return short


def _are_swapped(content: Mapping[Any, Any]) -> bool:
    """Return whether MMEngine's EMA hook wrote a file, which exchanges the two kinds of weights."""
    raw = content.get(_RAW)
    return (
        isinstance(raw, Mapping) and _STEPS in raw and isinstance(content.get(_WEIGHTS[0]), Mapping)
    )


def _copies(state: Mapping[str, Any]) -> dict[str, str]:
    """Name of a tensor -> name of its averaged copy in `state` (MMCV's names have no dots)."""
    names = {name: "ema_" + name.replace(".", "_") for name in state}
    return {name: copy for name, copy in names.items() if copy in state}


def _not_averaged(state: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    copies = set(_copies(state).values())
    if copies:
        notes.append(f"{len(copies)} averaged copies (ema_) were left out")
    return {name: value for name, value in state.items() if name not in copies}


def _averaged(path: Path, state: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    copies = _copies(state)
    if not copies:
        raise ModelError(
            "M01",
            f"{path} has no averaged weights (names that begin with ema_, or one of "
            f"{', '.join(_AVERAGED)} at the top). Read it without `ema`.",
        )
    notes.append(f"{len(copies)} tensors were replaced by their averaged copies (ema_)")
    copy_names = set(copies.values())
    return {name: state[copies.get(name, name)] for name in state if name not in copy_names}


def _note(notes: list[str], title: str, names: list[str]) -> None:
    if names:
        suffix = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        notes.append(f"{title}: {', '.join(sorted(names)[:_NAMED])}{suffix}")
