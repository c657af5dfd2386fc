"""Pairs of label images and images, and what the folders around them say.

A label image is called as its image, also with ``_mask``, ``_masks``, ``_label``, ``_labels`` or
``_seg`` at the end, with which it may stand beside its image. Else the folder that it is in is
called as the image, or stands beside a folder with one image only: such a folder has a file for
each object.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .image_files import SIBLINGS, plain_absolute
from .recognition import MASK_FOLDERS, is_label_file, label_stem, marked_labels, plain_stem
from .source import Source, split_name


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelFile:
    """A label image: its image, the class of its objects, its part of the data set."""

    path: Path
    image: Path
    name: str
    split: str | None
    is_one: bool  # one of the files of an image that has one for each object


def label_folders(source: Source) -> list[Path]:
    """The folders of label images: the source itself, or those in it beside folders of images.

    Where there are none, the label images that stand beside their images, each by itself.
    """
    given = source.finder.given
    is_elsewhere = given is not None and plain_absolute(given) != plain_absolute(source.path)
    if source.path.is_file() or is_elsewhere:
        return [source.path]
    known = {name.lower() for name in SIBLINGS}
    found = []
    for place, folders, _ in os.walk(source.path):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        lower = {name.lower(): name for name in folders}
        masks = [lower[name] for name in MASK_FOLDERS if name in lower]
        if masks and known & set(lower):
            found.append(Path(place) / masks[0])
            folders[:] = [name for name in folders if name.lower() not in (*MASK_FOLDERS, *known)]
            for name in masks[1:]:
                source.account.note(f"the folder {name} is not read: {masks[0]} stands beside it")
    return found or marked_labels(sorted(source.path.rglob("*"))) or [source.path]


def is_beside_images(folders: list[Path]) -> Callable[[Path], bool]:
    """A test of whether a file is in one of `folders`, or in other label images beside them."""
    known = {plain_absolute(folder) for folder in folders}
    beside = {folder.parent for folder in known if folder.name.lower() in MASK_FOLDERS}

    def is_label(path: Path) -> bool:
        path = plain_absolute(path)
        return any(
            place in known or (place.parent in beside and place.name.lower() in MASK_FOLDERS)
            for place in (path, *path.parents)
        )

    return is_label


def label_files(source: Source, folder: Path) -> Iterator[LabelFile]:
    """The label images of a folder, or of the one file that is given.

    Raises:
        DataError: D01 for one whose image is not there.
    """
    if folder.is_file():
        image = source.finder.only() if source.path == folder else None
        image = image or source.finder.of_stem(_stem(source, folder), folder.parent, folder.name)
        yield _labels(source, folder, folder.parent, image, is_one=False)
        return
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    only = _only_beside(source, folder)
    if any(is_label_file(path) and source.finder.has_stem(_stem(source, path)) for path in paths):
        only = None  # a file called as the image has all of its objects
    for path in paths:
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") for part in parts):
            continue
        if not is_label_file(path):
            source.account.leave_out("file that is no image", path.name)
            continue
        stem = _stem(source, path)
        around = next((part for part in parts[:-1] if source.finder.has_stem(part)), None)
        is_one = not source.finder.has_stem(stem) and (around is not None or only is not None)
        if is_one and around is None and only is not None:
            image = only
        else:
            name = around if is_one and around is not None else stem
            image = source.finder.of_stem(name, path.parent, path.name)
        yield _labels(source, path, folder, image, is_one=is_one)


def _labels(source: Source, path: Path, folder: Path, image: Path, *, is_one: bool) -> LabelFile:
    """A label image with what its folders say: they are classes, unless the image has them too."""
    inner = path.relative_to(folder).parts[:-1]
    shared = {*image.parts, image.stem}
    classes = [part for part in inner if part not in shared and split_name(part) is None]
    if classes and source.options.class_name is None:
        source.account.note("classes are the names of the folders of label images")
        name = classes[0]
    else:
        name = source.one_class()
    around = (*reversed(inner), folder.parent.name, *reversed(image.parent.parts[-2:]))
    split = next((found for part in around if (found := split_name(part))), None)
    return LabelFile(path=path, image=image, name=name, split=split, is_one=is_one)


def _stem(source: Source, path: Path) -> str:
    """The name of the image of a label image: its own, or without what marks it as labels."""
    if source.finder.has_stem(path.stem):
        return path.stem
    return label_stem(path) or plain_stem(path)


def _only_beside(source: Source, folder: Path) -> Path | None:
    """The image, where a folder of images beside `folder` has exactly one."""
    known = {name.lower() for name in SIBLINGS}
    beside = [
        image
        for image in source.finder.all()
        if image.parent.parent == folder.parent and image.parent.name.lower() in known
    ]
    return beside[0] if len(beside) == 1 else None
