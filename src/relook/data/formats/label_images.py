"""Label images: a folder of images, and a folder of PNG, TIFF or npy files with their objects.

Values number the objects. Where all files have one value besides 0, they are masks, and each
connected part (8 neighbours) is an object. `label_pairs` says which file belongs to which image.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import numpy as np

from ...errors import DataError
from .label_pairs import LabelFile, is_beside_images, label_files, label_folders
from .label_values import Values, components, label_values, numbered_pixels
from .records import AnnotatedImage, AnnotatedObject
from .source import Source

_MOSTLY: Final = 0.8  # of all pixels


def read_label_images(source: Source) -> Iterator[AnnotatedImage]:
    """Images that have a label image.

    Raises:
        DataError: D01 where names do not pair files, D02 for what is no label image, D10 for one of
            another size than its image.
    """
    folders = label_folders(source)
    source.finder.leave_out(is_beside_images(folders))
    found = [item for folder in folders for item in label_files(source, folder)]
    if not found:
        raise DataError("D01", f"{source.path} has no label images (PNG, TIFF or npy).")
    by_parts = _by_parts(source, found)
    grouped: dict[Path, list[LabelFile]] = {}
    for item in found:
        if source.options.split in (None, item.split):
            grouped.setdefault(item.image, []).append(item)
    excess = covered = pixels = 0
    for image, items in grouped.items():
        objects: list[AnnotatedObject] = []
        size = source.finder.size(image, image.name)
        for item in items:
            values = label_values(item.path)
            size = source.finder.size(image, item.path.name, (values.shape[0], values.shape[1]))
            covered, pixels = covered + int(np.count_nonzero(values)), pixels + values.size
            made = list(_objects(item, values, by_parts=by_parts))
            excess += 0 if item.is_one else excess_parts(values, len(made))
            objects += made
        yield AnnotatedImage(path=image, size=size, objects=tuple(objects), split=items[0].split)
    note_parts(source, excess, "say --objects components")
    if not any(item.is_one for item in found) and covered > _MOSTLY * pixels:
        source.account.note(
            f"objects cover {covered / pixels:.0%} of the pixels: if what is around them has a "
            "number too, or black and white are the other way round, set the ground to 0 there"
        )


def excess_parts(values: Values, objects: int) -> int:
    """Connected parts of a label image beyond its number of objects."""
    return max(int(components(values).max(initial=0)) - objects, 0)


def note_parts(source: Source, excess: int, advice: str) -> None:
    """Keep a sentence for people where objects have more parts than there are objects."""
    if excess:
        source.account.note(
            f"more connected parts than numbers of objects, by {excess}: if the values of the "
            f"label images are classes, or one for all, {advice}"
        )


def _by_parts(source: Source, found: list[LabelFile]) -> bool:
    """Decide if each connected part is an object: as asked, or where all files have one value."""
    choice = source.options.objects
    if choice != "auto":
        return choice == "components"
    if all(item.is_one for item in found):
        return False
    values: set[int] = set()
    for item in found:
        values.update(np.unique(label_values(item.path)).tolist())
        if len(values - {0}) > 1:
            return False
    if not values - {0}:
        return False  # nothing is in any of them, which is said
    source.account.note(
        "the label images have one value besides 0: each connected part is an object; "
        "--objects ids takes each file for one object"
    )
    return True


def _objects(item: LabelFile, values: Values, *, by_parts: bool) -> Iterator[AnnotatedObject]:
    numbers = values
    if item.is_one and len(np.unique(values[values > 0])) == 1:
        numbers = (values > 0).astype(np.int32)
    elif by_parts:
        numbers = components(values)
    for number, shape in numbered_pixels(numbers):
        where = f"{item.path.name}: object {number}"
        yield AnnotatedObject(name=item.name, shapes=(shape,), where=where)
