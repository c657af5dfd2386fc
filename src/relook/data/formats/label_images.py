"""Label images: a folder of images, and a folder of PNG, TIFF or npy files with their objects.

A label image is called as its image, also with ``_mask``, ``_masks``, ``_label``, ``_labels`` or
``_seg`` at the end; or there is a folder for each class with such files, or a folder for each image
with one file for each object. Values number the objects. Where all files have one value besides 0,
they are masks, and each connected part (8 neighbours) is an object.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from .image_files import SIBLINGS
from .label_values import components, label_values, numbered_pixels
from .recognition import MASK_FOLDERS, is_label_file
from .records import AnnotatedImage, AnnotatedObject
from .source import Source

_ENDING: Final = re.compile(r"[_\-. ]?(cp_)?(gt_?)?(masks?|labels?|seg|instances?)$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Labels:
    """A label image: its image, the class of its objects, and whether it holds one object."""

    path: Path
    image: Path
    name: str
    is_one: bool = False


def read_label_images(source: Source) -> Iterator[AnnotatedImage]:
    """Images that have a label image.

    Raises:
        DataError: D01 where names do not pair files, D02 for what is no label image, D10 for one of
            another size than its image.
    """
    folders = _folders(source)
    source.finder.leave_out(lambda path: any(path.is_relative_to(folder) for folder in folders))
    found = [item for folder in folders for item in _paired(source, folder)]
    if not found:
        raise DataError("D01", f"{source.path} has no label images (PNG, TIFF or npy).")
    without = len({*source.finder.all()} - {item.image for item in found})
    if without:
        source.account.note(f"{without} images have no label image, and are not converted")
    by_parts = _by_parts(source, found)
    grouped: dict[Path, list[_Labels]] = {}
    for item in found:
        grouped.setdefault(item.image, []).append(item)
    for image, items in grouped.items():
        objects: list[AnnotatedObject] = []
        size = source.finder.size(image, image.name)
        for item in items:
            values = label_values(item.path)
            size = source.finder.size(image, item.path.name, (values.shape[0], values.shape[1]))
            objects += _objects(item, values, by_parts=by_parts)
        yield AnnotatedImage(path=image, size=size, objects=tuple(objects))


def _folders(source: Source) -> list[Path]:
    """The folders of label images: the source itself, or those in it that are called so."""
    if source.path.is_file():
        return [source.path]
    if source.finder.given is not None:
        return [source.path]
    known = [path for path in sorted(source.path.iterdir()) if path.is_dir()]
    masks = [path for path in known if path.name.lower() in MASK_FOLDERS]
    siblings = {name.lower() for name in SIBLINGS}
    if masks and any(path.name.lower() in siblings for path in known):
        return masks[:1]
    return [source.path]


def _paired(source: Source, folder: Path) -> Iterator[_Labels]:
    """Label images of a folder with their images and classes."""
    if folder.is_file():
        image = source.finder.only()
        image = image or source.finder.of_stem(_stem(source, folder), folder.parent, folder.name)
        yield _Labels(folder, image, source.one_class())
        return
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        inner = path.relative_to(folder).parts[:-1]
        if path.name.startswith(".") or any(part.startswith(".") for part in inner):
            continue
        if not is_label_file(path):
            source.account.leave_out("file that is no image", path.name)
            continue
        of_folder = next((part for part in inner if source.finder.has_stem(part)), None)
        stem = _stem(source, path)
        if of_folder is not None and not source.finder.has_stem(stem):
            image = source.finder.of_stem(of_folder, path.parent, str(path))
            yield _Labels(path, image, source.one_class(), is_one=True)
            continue
        image = source.finder.of_stem(stem, path.parent, path.name)
        if inner and source.options.class_name is None:
            source.account.note("classes are the names of the folders of label images")
            yield _Labels(path, image, inner[0])
        else:
            yield _Labels(path, image, source.one_class())


def _stem(source: Source, path: Path) -> str:
    """The name of the image of a label image: its own, or without what marks it as labels."""
    if source.finder.has_stem(path.stem):
        return path.stem
    return _ENDING.sub("", path.stem) or path.stem


def _by_parts(source: Source, found: list[_Labels]) -> bool:
    """Whether each connected part is an object: as asked, or where all files have one value."""
    choice = source.options.objects
    if choice != "auto":
        return choice == "components"
    values: set[int] = set()
    for item in found:
        values.update(np.unique(label_values(item.path)).tolist())
        if len(values - {0}) > 1:
            return False
    if all(item.is_one for item in found):
        return False
    source.account.note(
        "the label images have one value besides 0: each connected part is an object; "
        "--objects ids takes each file for one object"
    )
    return True


def _objects(
    item: _Labels, values: NDArray[np.int64], *, by_parts: bool
) -> Iterator[AnnotatedObject]:
    numbers: NDArray[Any] = values
    if item.is_one and len(np.unique(values[values > 0])) <= 1 and not by_parts:
        numbers = (values > 0).astype(np.int64)
    elif by_parts:
        numbers = components(values)
    for number, shape in numbered_pixels(numbers):
        where = f"{item.path.name}: object {number}"
        yield AnnotatedObject(name=item.name, shapes=(shape,), where=where)
