"""The tables of several annotation files as they are joined row by row."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

from ...errors import DataError
from ..coco.json_form import Entry
from .source import Table

_TABLES = ("info", "licenses", "images", "annotations", "categories")


class Numbers:
    """Ids that are kept where they are free, and else follow all ids that any file has."""

    def __init__(self, ids: Iterable[int]) -> None:
        self._next = max(ids, default=0) + 1
        self._taken: set[int] = set()

    def of(self, identity: int) -> int:
        """An id that no other row has."""
        if identity in self._taken:
            identity, self._next = self._next, self._next + 1
        self._taken.add(identity)
        return identity


@dataclass(slots=True, eq=False)
class Joined:
    """Rows so far, and counts of what did not agree."""

    images: dict[int, Entry] = field(default_factory=dict)
    annotations: list[Entry] = field(default_factory=list)
    categories: dict[str, Entry] = field(default_factory=dict)  # by name
    licences: list[Entry] = field(default_factory=list)
    conflicts: Counter[str] = field(default_factory=Counter)  # field -> rows of which it differed
    repeated: int = 0  # annotations that were there already

    def merge_fields(self, kept: Entry, other: Mapping[str, Any], kind: str) -> None:
        """Add to `kept` what it lacks; what differs stays as it is, and is counted."""
        for key, value in other.items():
            if key in ("id", "file_name"):
                continue
            if key not in kept:
                kept[key] = value
            elif kept[key] != value:
                self.conflicts[f"{key} of {kind}"] += 1

    def add_categories(self, table: Table, numbers: Numbers) -> dict[int, int]:
        """Join the categories of `table` by name; category id there -> id here."""
        ids = {}
        for identity, entry in table.categories.items():
            kept = self.categories.get(entry["name"])
            if kept is None:
                kept = {**entry, "id": numbers.of(identity)}
                self.categories[entry["name"]] = kept
            else:
                self.merge_fields(kept, entry, "categories")
            ids[identity] = int(kept["id"])
        return ids

    def add_licences(self, table: Table, numbers: Numbers) -> dict[int, int]:
        """Join licences that say the same; id there -> id here, for those that have an id."""
        ids = {}
        for entry in licences_of(table):
            content = _without_id(entry)
            kept = next((row for row in self.licences if _without_id(row) == content), None)
            identity = entry.get("id")
            if kept is None:
                kept = dict(entry)
                if type(identity) is int:
                    kept["id"] = numbers.of(identity)
                self.licences.append(kept)
            if type(identity) is int and type(kept.get("id")) is int:
                ids[identity] = int(kept["id"])
        return ids

    def join_image(self, kept: Entry, other: Mapping[str, Any], table: Table) -> None:
        """Make one image of two entries of the same image.

        Raises:
            DataError: D10 where they say different sizes, so that their annotations do not fit.
        """
        for side in ("width", "height"):
            if None not in (kept.get(side), other.get(side)) and kept[side] != other[side]:
                raise DataError(
                    "D10",
                    f'{table.name}: the {side} of "{other["file_name"]}" is {other[side]}, and in '
                    f"another file {kept[side]} for the same image. Correct one of them.",
                )
        self.merge_fields(kept, other, "images")


def licences_of(table: Table) -> list[Entry]:
    """The licences of a file that are rows."""
    rows = table.top.get("licenses")
    return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []


def annotation_key(entry: Mapping[str, Any]) -> str:
    """Text that is equal for annotations of the same object of the same image."""
    fields = ("image_id", "category_id", "bbox", "segmentation", "iscrowd")
    return json.dumps([entry.get(name) for name in fields], sort_keys=True)


def other_tables(tables: list[Table]) -> tuple[dict[str, Any], list[str]]:
    """Tables of the files beside those of COCO, with `info`; and lines about what differs.

    What all files say alike is kept as it is. Of what differs, that of the first file is kept,
    and all of it stands in ``info["merged_from"]`` by file.
    """
    kept: dict[str, Any] = {}
    differing: dict[str, None] = {}
    for table in tables:
        if len(licences_of(table)) != _length(table.top.get("licenses")):
            differing["licenses"] = None  # some are no rows, and cannot be joined
        for key, value in table.top.items():
            if key in _TABLES:
                continue
            if kept.setdefault(key, value) != value:
                differing[key] = None
    infos = [table.top.get("info") for table in tables]
    if not differing and all(info == infos[0] for info in infos):
        return ({"info": infos[0]} if infos[0] is not None else {}) | kept, []
    origins = []
    for table, info in zip(tables, infos, strict=True):
        origin: dict[str, Any] = {"file": PurePath(table.source.json).name}
        if info is not None:
            origin["info"] = info
        origin |= {key: table.top[key] for key in differing if key in table.top}
        origins.append(origin)
    names = ", ".join(origin["file"] for origin in origins)
    info = {"description": f"Merged by relook of {names}", "merged_from": origins}
    lines = [
        f'"{key}" differs: that of {tables[0].name} is kept, and all of it is in info.merged_from; '
        "ids in it are not renumbered"
        for key in differing
    ]
    return {"info": info, **kept}, lines


def _length(value: Any) -> int:
    """Number of rows of a table; 0 where there is none."""
    return len(value) if isinstance(value, list) else int(value is not None)


def _without_id(entry: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key != "id"}
