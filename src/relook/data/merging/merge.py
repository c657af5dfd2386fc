"""Several annotation files as one: categories by name, ids of their own, images of one folder."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ...errors import UsageError, counted, first_few
from ...runtime.files import write_text
from ..coco.json_form import Entry
from ..image_folders import likely_folder
from ..near_duplicates import Progress, find_near_duplicates
from ..splits.parts import refuse_existing
from .joined_tables import Joined, Numbers, annotation_key, licences_of, other_tables
from .source import Source, Table, content_keys, read_table

Same = Literal["refuse", "join"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """Result of a merge."""

    json: Path
    images: Path
    """The folder to which the names of all images are relative."""
    lines: tuple[str, ...]
    """For people: what came from which file, and what did not agree."""


@dataclass(frozen=True, slots=True)
class _Place:
    """An image of one of the files."""

    table: int
    id: int


def merge_files(
    sources: Sequence[Path | str | tuple[Path | str, Path | str]],
    out: Path | str,
    *,
    same: Same = "refuse",
    near_duplicates: bool = True,
    progress: Progress | None = None,
) -> Merge:
    """Join COCO files to the file `out`.

    Each of `sources` is a file with its folder of images, or a file alone, whose folder is looked
    for near it.

    Categories of one name become one. Ids stay where they are free, and the others are numbered
    after all that any file has. Names of images become relative to the innermost folder that has
    them all, where they stay. An image file that two of the files list, or two image files of
    equal content, are the same image: such files are refused, or with ``same="join"`` one entry
    has the annotations of both, and an annotation that both have is kept once. Where fields of
    joined entries differ, the first file's are kept and counted. `near_duplicates` looks for
    near-identical images of different files, which are only counted; `progress` is told how many
    images have been read for it.

    Raises:
        UsageError: U04 for fewer than two files, an `out` that exists, images in several files
            that are to be refused, or no folder that has all images.
        DataError: D01 and D03 to D07 for files that are no COCO or whose images are missing, D10
            for two sizes of the same image.
        RelookError: R02 when `out` cannot be written.
    """
    if len(sources) < 2:
        raise UsageError("U04", "one file is nothing to merge. Name at least two.")
    path = Path(out)
    refuse_existing([path])
    tables = [read_table(_source(source)) for source in sources]
    root = _common_folder([table.source.images for table in tables])
    twins = _same_images(tables)
    if twins and same == "refuse":
        raise _refused(tables, twins)
    joined, ids = _joined(tables, root, twins)
    rest, lines = other_tables(tables)
    content: dict[str, Any] = {
        **rest,
        **({"licenses": joined.licences} if joined.licences else {}),
        "categories": list(joined.categories.values()),
        "images": list(joined.images.values()),
        "annotations": joined.annotations,
    }
    lines = [*_account(tables, joined, twins), *lines]
    if near_duplicates:
        lines += _near_identical(tables, ids, progress)
    write_text(path, json.dumps(content, ensure_ascii=False) + "\n")
    return Merge(json=path, images=root, lines=tuple(lines))


def _source(source: Path | str | tuple[Path | str, Path | str]) -> Source:
    if isinstance(source, tuple):
        return Source(Path(source[0]), Path(source[1]))
    return Source(Path(source), likely_folder(Path(source)))


def _common_folder(folders: Sequence[Path]) -> Path:
    try:
        return Path(os.path.commonpath([os.path.abspath(folder) for folder in folders]))  # noqa: PTH100
    except ValueError:
        raise UsageError(
            "U04",
            "the folders of images are on several drives, and no folder has them all. Copy them "
            "to one drive first.",
        ) from None


def _same_images(tables: Sequence[Table]) -> dict[_Place, _Place]:
    """Image -> the first image of an earlier file with the same content."""
    places = [_Place(number, key) for number, table in enumerate(tables) for key in table.paths]
    keys = content_keys([tables[place.table].paths[place.id] for place in places])
    first: defaultdict[object, list[_Place]] = defaultdict(list)
    twins = {}
    for place, key in zip(places, keys, strict=True):
        earlier = next((other for other in first[key] if other.table < place.table), None)
        if earlier is not None:
            twins[place] = earlier
        first[key].append(place)
    return twins


def _refused(tables: Sequence[Table], twins: Mapping[_Place, _Place]) -> UsageError:
    place, earlier = next(iter(twins.items()))
    names = first_few((tables[one.table].images[one.id]["file_name"] for one in twins), 3)
    return UsageError(
        "U04",
        f"{counted(len(twins), 'image')} {'is' if len(twins) == 1 else 'are'} in several of the "
        f"files: {names} (the first in {tables[earlier.table].name} and {tables[place.table].name}"
        '). Leave them out of one, or give --same join (in Python same="join"): one entry then '
        "has the annotations of both.",
    )


def _joined(
    tables: Sequence[Table], root: Path, twins: Mapping[_Place, _Place]
) -> tuple[Joined, dict[_Place, int]]:
    """All rows with their new ids, and the id of each image that is no twin."""
    joined = Joined()
    image_numbers = Numbers(key for table in tables for key in table.images)
    annotation_numbers = Numbers(key for table in tables for key in table.annotations)
    category_numbers = Numbers(key for table in tables for key in table.categories)
    licence_numbers = Numbers(
        row["id"] for table in tables for row in licences_of(table) if type(row.get("id")) is int
    )
    ids: dict[_Place, int] = {}
    known: defaultdict[int, set[str]] = defaultdict(set)  # of images that are joined
    shared = {*twins.values()}
    for number, table in enumerate(tables):
        categories = joined.add_categories(table, category_numbers)
        licences = joined.add_licences(table, licence_numbers)
        here: dict[int, int] = {}
        for key, entry in table.images.items():
            place = _Place(number, key)
            row = _image_row(entry, table.paths[key], root, licences)
            if place in twins:
                here[key] = ids[twins[place]]
                joined.join_image(joined.images[here[key]], row, table)
                continue
            here[key] = ids[place] = row["id"] = image_numbers.of(key)
            joined.images[row["id"]] = row
        for key, entry in table.annotations.items():
            annotation = {
                **entry,
                "image_id": here[entry["image_id"]],
                "category_id": categories[entry["category_id"]],
            }
            place = _Place(number, entry["image_id"])
            if place in twins or place in shared:
                text = annotation_key(annotation)
                if place in twins and text in known[annotation["image_id"]]:
                    joined.repeated += 1
                    continue
                known[annotation["image_id"]].add(text)
            annotation["id"] = annotation_numbers.of(key)
            joined.annotations.append(annotation)
    return joined, ids


def _image_row(entry: Entry, path: Path, root: Path, licences: Mapping[int, int]) -> Entry:
    name = Path(os.path.abspath(path)).relative_to(root).as_posix()  # noqa: PTH100
    row = {**entry, "file_name": name}
    if type(entry.get("license")) is int:
        row["license"] = licences.get(entry["license"], entry["license"])
    return row


def _account(tables: Sequence[Table], joined: Joined, twins: Mapping[_Place, _Place]) -> list[str]:
    lines = [
        f"{table.name}: {counted(len(table.images), 'image')}, "
        f"{counted(len(table.annotations), 'annotation')}, "
        f"{counted(len(table.categories), 'class', 'classes')}"
        for table in tables
    ]
    lines.append(
        f"together: {counted(len(joined.images), 'image')}, "
        f"{counted(len(joined.annotations), 'annotation')}, "
        f"{counted(len(joined.categories), 'class', 'classes')}: {first_few(joined.categories, 8)}"
    )
    if twins:
        lines.append(
            f"joined: {counted(len(twins), 'image')} that several files have; "
            f"{counted(joined.repeated, 'annotation')} of them there already, kept once"
        )
    spelled: defaultdict[str, list[str]] = defaultdict(list)
    for name in joined.categories:
        spelled["".join(name.casefold().split())].append(name)
    lines += [
        f"kept as different classes: {' and '.join(map(repr, names))} differ by case or blanks only"
        for names in spelled.values()
        if len(names) > 1
    ]
    lines += [
        f"differs: {key}, {count} times; that of the first file is kept"
        for key, count in joined.conflicts.items()
    ]
    return lines


def _near_identical(
    tables: Sequence[Table], ids: Mapping[_Place, int], progress: Progress | None
) -> list[str]:
    places = list(ids)
    paths = [tables[place.table].paths[place.id] for place in places]
    found = find_near_duplicates(paths, progress=progress)
    across = [(a, b) for a, b in found.pairs if places[a].table != places[b].table]
    if not across:
        return []
    a, b = across[0]
    return [
        f"near-identical: {counted(len(across), 'pair')} of images of different files (first: "
        f"{paths[a]} and {paths[b]}); `relook data split` keeps them in one part"
    ]
