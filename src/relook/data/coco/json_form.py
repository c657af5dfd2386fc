"""The outer form of an annotation file: is it json, is it COCO, are its tables what they say?"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from shlex import quote
from typing import Any, NoReturn

import msgspec

from ...errors import DataError
from ...runtime.json_files import REFUSED, without_mark
from .foreign import advice_for
from .packed_tables import packed_tables
from .refusals import Refusals

Entry = dict[str, Any]

_NO_JSON = "The file is not json, or was cut off; write or copy it again."
_AGAIN = "Write it again by the program that it is from."
_LONGEST = 2**24  # pixels; no image file has a longer side
_PIECE = 2**22  # bytes of a file that are read at a time
_TABLES = ("images", "annotations", "categories")


def load_tables(
    path: Path, *, keys: Sequence[str] = _TABLES, panoptic: bool = False, pack: bool = False
) -> Entry:
    """The top level of a COCO instance file, or of a panoptic one; under `keys` it has lists.

    With `pack`, polygons of annotations are `PackedPolygons` wherever they are ordinary.

    Raises:
        DataError: D01 for a missing file, D03 for one that is not json, D04 for one that is not
            such a COCO file, naming what it looks like instead.
    """
    top = (packed_tables(path) if pack else None) or parsed(path)
    return checked_tables(path, top, keys=keys, panoptic=panoptic)


def checked_tables(
    path: Path, top: object, *, keys: Sequence[str] = _TABLES, panoptic: bool = False
) -> Entry:
    """`top`, the content of the json in `path`, once it is known to have the tables `keys`.

    Raises:
        DataError: D04 as `load_tables`.
    """
    if not isinstance(top, dict):
        refuse(path, f"its top level is {_kind(top)}, not an object{_looks_like(top)}", top)
    _require_once(path, keys)
    for key in keys:
        if key not in top:
            refuse(path, f'there is no "{key}" in it', top)
        if not isinstance(top[key], list):
            refuse(path, f'"{key}" is {_kind(top[key])}, not a list', top)
    first = next(iter(top["annotations"]), None) if "annotations" in keys else None
    other = _other_kind(first, panoptic) if isinstance(first, dict) else ""
    if other:
        refuse(path, other)
    return top


def entries(
    path: Path, top: Entry, key: str, refusals: Refusals | None = None
) -> Iterator[tuple[int, Entry]]:
    """(id, entry) of each row of the table `key`; see `placed_entries`."""
    for _, identity, entry in placed_entries(path, top, key, refusals):
        yield identity, entry


def placed_entries(
    path: Path, top: Entry, key: str, refusals: Refusals | None = None
) -> Iterator[tuple[int, int, Entry]]:
    """(position, id, entry) of each row of the table `key`; wrong rows go to `refusals`.

    Raises:
        DataError: D04 for a row without an integer id, D05 for an id that came before.
    """
    refusals = refusals or Refusals()
    seen: set[int] = set()
    for position, entry in enumerate(top[key]):
        if not isinstance(entry, dict):
            why = f'"{key}"[{position}] is {_kind(entry)}, not an object'
            refusals.refuse(_no_coco(path, why))
            continue
        identity = entry.get("id")
        if type(identity) is not int:
            why = f'"{key}"[{position}] has id {shown(identity)}, an integer is needed'
            refusals.refuse(_no_coco(path, why))
        elif identity in seen:
            command = f"`relook data check {quote(str(path))} --fix OUT`"
            advice = f"{command} renumbers them."
            if key != "annotations":
                advice = (
                    f"After joining files, renumber one of them; {command} removes those that are "
                    "equal."
                )
            text = f'{path.name}: "{key}" has id {identity} twice. Give every entry its own id. '
            refusals.refuse(DataError("D05", text + advice))
        else:
            seen.add(identity)
            yield position, identity, entry


def text_of(path: Path, entry: Entry, key: str, where: str) -> str:
    """The non-empty text under `key`; D04 if there is none."""
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        refuse(path, f"{where} has {key} {shown(value)}, a text is needed")
    if any("\ud800" <= character <= "\udfff" for character in value):
        refuse(
            path,
            f"{where} has {key} {shown(value)}, and half of a surrogate pair is no character. "
            "Write that name anew",
        )
    return value


def side_of(path: Path, entry: Entry, key: str, where: str) -> int | None:
    """The positive number of pixels under `key`, None if it is missing; else D04."""
    value = entry.get(key)
    if value is None:
        return None
    whole = isinstance(value, float) and value.is_integer()
    if isinstance(value, bool) or not (isinstance(value, int) or whole):
        refuse(path, f"{where} has {key} {shown(value)}, a number of pixels is needed")
    if not 0 < value <= _LONGEST:
        refuse(path, f"{where} has {key} {shown(value)}, which no image has")
    return int(value)


def flag_of(path: Path, entry: Entry, key: str, where: str) -> bool:
    """The 0 or 1 under `key`; D04 if it is missing or something else."""
    value = entry.get(key)
    if not isinstance(value, int) or value not in (0, 1):
        refuse(path, f"{where} has {key} {shown(value)}, 0 or 1 is needed")
    return bool(value)


def finite_of(value: object) -> float | None:
    """A json number as float; None for anything else, infinities and NaN."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def parsed(path: Path) -> object:
    """The json in a file; D01 or D03 if there is none."""
    try:
        try:
            return msgspec.json.decode(without_mark(path.read_bytes()))
        except REFUSED:
            return json.loads(_text(path.read_bytes()))
    except (FileNotFoundError, NotADirectoryError):
        raise DataError("D01", f"{path}: there is no such annotation file.") from None
    except IsADirectoryError:
        advice = advice_for(path) or "Give the json file in it."
        raise DataError("D01", f"{path} is a folder. {advice}") from None
    except OSError as error:
        raise DataError("D03", f"{path} cannot be read: {error.strerror or error}.") from None
    except json.JSONDecodeError as error:
        raise DataError(
            "D03",
            f"{path.name}: line {error.lineno}, column {error.colno}: {error.msg}. "
            f"{advice_for(path) or _NO_JSON}",
        ) from None
    except UnicodeDecodeError as error:
        coding = error.encoding.upper().removesuffix("-SIG")
        advice = advice_for(path) or "Save it as UTF-8, or write or copy it again."
        text = f"{path.name} is not {coding} text (byte {error.start}). {advice}"
        raise DataError("D03", text) from None
    except RecursionError:
        raise DataError("D03", f"{path.name} is nested too deeply to be read. {_AGAIN}") from None
    except ValueError:  # `json` has a limit of digits
        text = f"{path.name} has a number of thousands of digits. {_AGAIN}"
        raise DataError("D03", text) from None


def _text(data: bytes) -> str:
    """The text of json; UTF-16 and UTF-32, as Windows programs write them, are told by zeros."""
    coding = json.detect_encoding(data)
    return data.decode("utf-8-sig" if coding.startswith("utf-8") else coding)


def _require_once(path: Path, keys: Sequence[str]) -> None:
    """Refuse a file whose top level has one of `keys` twice: readers take one table and drop one.

    Raises:
        DataError: D04 for such a file.
    """
    try:
        if _is_once(path, [json.dumps(key).encode() for key in keys]):
            return
        data = path.read_bytes()
    except OSError:
        return
    tables: list[str] = []

    def noted(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        tables[:] = [key for key, _ in pairs]  # the top level comes last
        return dict(pairs)

    json.loads(_text(data), object_pairs_hook=noted)
    twice = next((key for key in keys if tables.count(key) > 1), None)
    if twice is not None:
        refuse(path, f'it has "{twice}" twice, and only one would be read. Join them to one list')


def _is_once(path: Path, words: Sequence[bytes]) -> bool:
    """Return whether a file is UTF-8 and has none of the words twice. It is read in pieces."""
    counts, ends = [0] * len(words), [b""] * len(words)
    with path.open("rb") as file:
        if not json.detect_encoding(file.read(4)).startswith("utf-8"):
            return False
        file.seek(0)
        while piece := file.read(_PIECE):
            for place, word in enumerate(words):
                data = ends[place] + piece
                counts[place] += data.count(word)
                ends[place] = data[1 - len(word) :]
    return max(counts) <= 1


def _looks_like(top: object) -> str:
    """The end of a message: what this json seems to be, and what to do about it."""
    if isinstance(top, list):
        first = top[0] if top else None
        if isinstance(first, dict) and "image_id" in first and "score" in first:
            return "; these look like COCO results (predictions), not annotations"
        return ""
    return ""


def _other_kind(first: Entry, panoptic: bool) -> str:
    """Name the kind of COCO file of the `first` annotation, if it is not the kind needed."""
    if "segments_info" in first and not panoptic:
        return "it is a COCO panoptic file; relook needs the instances file beside it"
    if "segments_info" not in first and panoptic and ("segmentation" in first or "bbox" in first):
        return "it is a COCO instance file; relook needs the panoptic file beside it"
    if "caption" in first and "category_id" not in first:
        needed = "panoptic" if panoptic else "instances"
        return f"it is a COCO captions file; relook needs the {needed} file beside it"
    return ""


def _kind(value: object) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "a text",
        type(None): "null",
        bool: "a truth value",
    }
    return names.get(type(value), "a number")


def shown(value: object) -> str:
    """A value as it stands in the file, cut to 40 characters."""
    try:
        text = json.dumps(value)
    except ValueError:  # an integer of thousands of digits
        text = "a huge number"
    return text if len(text) <= 40 else f"{text[:37]}..."


def refuse(path: Path, why: str, content: object = None) -> NoReturn:
    """Raise D04: the file is not what is needed, and `why`; `content` may tell what it is."""
    raise _no_coco(path, why, content)


def _no_coco(path: Path, why: str, content: object = None) -> DataError:
    advice = "" if content is None else f" {advice_for(path, content)}".rstrip()
    return DataError("D04", f"{path.name} is not a COCO file that can be used: {why}.{advice}")
