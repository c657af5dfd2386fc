"""One of the annotation files that are joined, read and checked."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from ...errors import DataError
from ..coco.json_form import Entry, entries, load_tables, shown, text_of
from ..coco.reader import read_coco


class Source(NamedTuple):
    """An annotation file, and the folder to which the names of its images are relative."""

    json: Path
    images: Path


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The rows of one file by their ids, in its order; nothing in them is changed."""

    source: Source
    top: Entry
    images: Mapping[int, Entry]
    paths: Mapping[int, Path]  # of each image
    annotations: Mapping[int, Entry]
    categories: Mapping[int, Entry]

    @property
    def name(self) -> str:
        """The file, for messages."""
        return str(self.source.json)


def read_table(source: Source) -> Table:
    """Read a file whose annotations all have an image and a category, and whose images exist.

    Raises:
        DataError: D01 and D03 to D07, naming file and entry.
    """
    path, folder = Path(source.json), Path(source.images)
    top = load_tables(path)
    images = dict(entries(path, top, "images"))
    categories = dict(entries(path, top, "categories"))
    for key, entry in categories.items():
        text_of(path, entry, "name", f"category {key}")
    index = read_coco(path, folder, annotated=False, masks="ignored")
    paths = {image.id: image.path for image in index.images}
    annotations = dict(entries(path, top, "annotations"))
    for key, entry in annotations.items():
        for code, field, known in (("D06", "image_id", images), ("D07", "category_id", categories)):
            value = entry.get(field)
            if type(value) is not int or value not in known:
                raise DataError(
                    code,
                    f"{path}: annotation {key} has {field} {shown(value)}, which the file does "
                    "not have. Correct or remove it.",
                )
    return Table(source, top, images, paths, annotations, categories)


def content_keys(paths: Sequence[Path]) -> list[tuple[int, str]]:
    """The size of each file, and a hash of its content where another file has this size.

    Raises:
        DataError: D02 for a file that cannot be read.
    """
    try:
        sizes = [path.stat().st_size for path in paths]
        files = Counter(sizes)
        return [
            (size, _digest(path) if files[size] > 1 else "")
            for path, size in zip(paths, sizes, strict=True)
        ]
    except OSError as error:
        raise DataError("D02", f"{error.filename} cannot be read: {error.strerror}.") from None


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
