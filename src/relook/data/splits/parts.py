"""Annotation files for the parts of a data set, with every field of the file they come from."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...errors import DataError, UsageError, counted
from ...runtime.csv_files import write_csv
from ...runtime.files import write_text
from ..coco.json_form import load_tables
from ..coco.records import CocoIndex
from .split import Split

TABLE = "split.csv"


def write_parts(json: Path, out: Path, split: Split) -> dict[str, Path]:
    """Write train.json, val.json and test.json into the folder `out`; return the paths by part.

    A part without images has no file. Everything in the file `json` is kept as it is: of the tables
    of images and annotations the rows of the part, in their order and with all of their fields, and
    all other tables in full. Annotations of an image that is in no part are left out with it.

    Raises:
        UsageError: U04 when a file is there already; then nothing is written.
        DataError: D01, D03 and D04 for a file that cannot be read.
        RelookError: R02 when a file cannot be written.
    """
    return _written(json, {name: out / f"{name}.json" for name in split.parts()}, split)


def write_split(
    json: Path, out: Path, index: CocoIndex, splits: Mapping[str, Split]
) -> dict[str, dict[str, Path]]:
    """Write the parts of each of `splits` into the folder of its name below `out`, and a table.

    The table has the part of each image in each split, and its group.

    Raises:
        UsageError: U04 when one of the files is there already; then nothing is written.
        DataError: as `write_parts`.
        RelookError: R02 when a file cannot be written.
    """
    files = {
        name: {part: out / name / f"{part}.json" for part in split.parts()}
        for name, split in splits.items()
    }
    refuse_existing([out / TABLE, *(path for paths in files.values() for path in paths.values())])
    for name, split in splits.items():
        _written(json, files[name], split)
    part_of = [
        {image: part for part, ids in split.parts().items() for image in ids}
        for split in splits.values()
    ]
    groups = next(iter(splits.values())).groups
    columns = ["image", *([name or "part" for name in splits]), *(["group"] if groups else [])]
    rows = (
        [
            image.file_name,
            *(parts[image.id] for parts in part_of),
            *([groups[image.id]] if groups else []),
        ]
        for image in index.images
    )
    write_csv(out / TABLE, columns, rows)
    return files


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise `UsageError` U04 if one of the files is there: nothing is ever overwritten."""
    for path in paths:
        if path.exists() or path.is_symlink():
            raise UsageError(
                "U04", f"{path} exists, and is not written over. Name another place, or remove it."
            )


def _written(source: Path, files: Mapping[str, Path], split: Split) -> dict[str, Path]:
    refuse_existing(files.values())
    top = load_tables(source)
    for name, path in files.items():
        ids = set(split.parts()[name])
        images = [row for row in top["images"] if row.get("id") in ids]
        if len(images) != len(ids):
            raise DataError(
                "D04",
                f"{source} has {len(images)} of the {counted(len(ids), 'image')} of {name}: the "
                "split is of another file, or of one whose ids are no integers.",
            )
        content: dict[str, Any] = {
            **top,
            "images": images,
            "annotations": [row for row in top["annotations"] if row.get("image_id") in ids],
        }
        write_text(path, json.dumps(content, ensure_ascii=False) + "\n")
    return dict(files)
