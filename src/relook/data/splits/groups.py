"""Groups of images that stay together: of one slide, patient, site or video."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ...errors import DataError, UsageError, counted, first_few
from ...runtime.csv_files import read_csv
from ..coco.json_form import load_tables
from ..coco.records import CocoIndex, ImageRecord

FORMS: Final = (
    "folder (the folder of an image), name:EXPRESSION (a regular expression on its file name), "
    "field:NAME (a field of its entry in the json) or csv:FILE (a table with columns image and "
    "group)"
)


def group_names(index: CocoIndex, images: Path, spelled: str) -> list[str]:
    """The group of each image of `index` by a rule: `FORMS` lists its forms.

    Of a regular expression, the text of its groups is the name, else all that it matches.

    Raises:
        UsageError: U03 for another rule, and for one that leaves images without a group.
        DataError: D01 and D03 for a table or json file that cannot be read.
    """
    kind, _, value = spelled.partition(":")
    if kind == "folder" and not value:
        return [_folder(image, images) for image in index.images]
    readers: Mapping[str, Callable[[CocoIndex, str], Sequence[str | None]]] = {
        "name": _by_name,
        "field": _by_field,
        "csv": _by_table,
    }
    if kind not in readers or not value:
        raise UsageError("U03", f"the group {spelled!r} is no rule. Give {FORMS}.")
    names = readers[kind](index, value)
    without = [image.file_name for image, name in zip(index.images, names, strict=True) if not name]
    if without:
        raise UsageError(
            "U03",
            f"{spelled!r} gives {len(without)} of {counted(len(names), 'image')} no group: "
            f"{first_few(without, 3)}. An image without a group could be a neighbour of any other: "
            "give a rule that covers all images.",
        )
    return [name for name in names if name]


def _folder(image: ImageRecord, images: Path) -> str:
    try:
        return image.path.parent.relative_to(images).as_posix()
    except ValueError:
        return image.path.parent.as_posix()


def _by_name(index: CocoIndex, expression: str) -> list[str | None]:
    try:
        pattern = re.compile(expression)
    except re.error as error:
        raise UsageError(
            "U03", f"{expression!r} is no regular expression: {error}. Correct it."
        ) from None
    return [_matched(pattern, image.file_name) for image in index.images]


def _matched(pattern: re.Pattern[str], name: str) -> str | None:
    match = pattern.search(name)
    if match is None:
        return None
    parts = [part for part in match.groups() if part is not None]
    return "/".join(parts) if parts else match.group()


def _by_field(index: CocoIndex, field: str) -> list[str | None]:
    top = load_tables(index.path, keys=("images",))
    values = {
        entry.get("id"): _text(entry.get(field))
        for entry in top["images"]
        if isinstance(entry, dict)
    }
    if not any(values.values()):
        keys = Counter(key for entry in top["images"] if isinstance(entry, dict) for key in entry)
        raise UsageError(
            "U03",
            f"no image of {index.path.name} has a field {field!r} with a value. "
            f"Its fields: {', '.join(keys) or 'none'}.",
        )
    return [values.get(image.id) for image in index.images]


def _text(value: Any) -> str | None:
    """A value as text; None for what is missing or empty."""
    if isinstance(value, str):
        return value.strip() or None
    return None if value is None else json.dumps(value, ensure_ascii=False)


def _by_table(index: CocoIndex, file: str) -> list[str | None]:
    path = Path(file)
    try:
        columns, rows = read_csv(path)
    except FileNotFoundError:
        raise DataError("D01", f"{path}: there is no such table of groups.") from None
    except OSError as error:
        raise DataError("D01", f"{path} cannot be read: {error.strerror or error}.") from None
    except ValueError as error:
        raise UsageError("U03", f"{path} is no csv table: {error}. Write it again.") from None
    missing = [name for name in ("image", "group") if name not in columns]
    if missing:
        raise UsageError(
            "U03",
            f"{path} has no column {missing[0]!r}; it has {', '.join(columns)}. Its first line "
            "must name the columns image and group.",
        )
    groups: dict[str, str] = {}
    for row in rows:
        name, group = _posix(row["image"]), row["group"].strip()
        if groups.setdefault(name, group) != group:
            raise UsageError(
                "U03",
                f"{path} puts {row['image']!r} into two groups, {groups[name]!r} and {group!r}. "
                "Keep one of the rows.",
            )
    bases = Counter(PurePosixPath(_posix(image.file_name)).name for image in index.images)
    found: list[str | None] = []
    for image in index.images:
        name = _posix(image.file_name)
        base = PurePosixPath(name).name
        found.append(groups.get(name) or (groups.get(base) if bases[base] == 1 else None))
    return found


def _posix(name: str) -> str:
    return name.strip().replace("\\", "/").removeprefix("./")
