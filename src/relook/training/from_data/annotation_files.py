"""The annotation files of a data set that is named by its folder or by one file, by a rule.

A file that another tool wrote is converted. A folder is searched, with the folders in it, for
COCO files (json with images, annotations and categories). Their part is told by the words of
their name, or by that of their folder: train or training; val, valid, validation or dev; test or
testing. A file of the training part is learned from and one of the validation part validates; a
single file without a part is learned from. Files of objects come before panoptic ones, those
called ``instances...`` before others; test files are left alone. What relook found itself is left
out of a folder: a model that learns from its own results looks better than it is. A folder without
a COCO file may be one of another format.
"""

from __future__ import annotations

import codecs
import mmap
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ...data import formats
from ...data.coco.records import FOUND_BY_RELOOK
from ...data.image_folders import images_beside
from ...data.sources.signatures import HEAD, recognise
from ...errors import DataError, UsageError, counted, first_few

_PARTS: Final = {
    **dict.fromkeys(("train", "training"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "dev"), "val"),
    **dict.fromkeys(("test", "testing"), "test"),
}
_FOUND: Final = (FOUND_BY_RELOOK.encode(),)
_TABLES: Final = (b'"images"', b'"annotations"', b'"categories"')
_SHOWN: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class AnnotationFiles:
    """COCO files of a data set, the folders of their images, and sentences about them."""

    train: Path
    images: Path
    val: Path | None = None
    val_images: Path | None = None
    lines: tuple[str, ...] = ()
    is_converted: bool = False  # `train` stands in the folder of the conversion


def find_annotations(
    data: Path, scratch: Path, images: Path | None = None, class_name: str | None = None
) -> AnnotationFiles:
    """The annotation files at `data`, a file or folder; what is converted is written to `scratch`.

    `images` is the folder of the images, where it is said, `class_name` the class of all objects of
    a format that does not name classes.

    Raises:
        DataError: D01 when `data` or the images are missing, D11 for a folder without annotations,
            D04 for a file that is none, else as `formats.convert`.
        UsageError: U04 for a folder with several files that could be meant, and for a `class_name`
            beside COCO files, which name their classes.
    """
    if not data.exists():
        raise DataError("D01", f"{data}: there is no such file or folder of annotated images.")
    found = _found(data, scratch, images, class_name)
    if class_name is not None and not found.is_converted:
        raise UsageError(
            "U04",
            f"--class {class_name}: {found.train} is a COCO file and names its classes. Leave it "
            "out, or take all objects as of one class: --one-class.",
        )
    return found


def _found(
    data: Path, scratch: Path, images: Path | None, class_name: str | None
) -> AnnotationFiles:
    predicted: list[Path] = []
    if data.is_dir():
        files, predicted = _coco_files(data)
        if files:
            return _of_folder(data, files, images, predicted)
    name = formats.recognised(data)
    if name is not None or (data.is_dir() and images is not None):
        return _converted(data, name, scratch, images, class_name)
    if data.is_dir():
        raise _nothing_in(data, predicted)
    _check_text(data)
    line = f"Annotations: {data}, the file that was named."
    if _has(data, _FOUND):
        line += " It is what relook found, which is learned and measured as if it were true."
    return _with_images([line], data, None, images)


def _converted(
    data: Path, name: str | None, scratch: Path, images: Path | None, class_name: str | None
) -> AnnotationFiles:
    out = scratch / "annotations.json"
    found = formats.convert(data, out, format=name, images=images, class_name=class_name)
    kind = f"is of the format {name} and" if name else "is no COCO file and"
    first = (
        f"Annotations: {data} {kind} was converted, as by `relook data convert`, which has the "
        "options that the next lines name."
    )
    return AnnotationFiles(
        train=found.json, images=found.images, lines=(first, *found.lines), is_converted=True
    )


def _of_folder(
    data: Path, files: Sequence[Path], images: Path | None, predicted: Sequence[Path]
) -> AnnotationFiles:
    parts: dict[str | None, list[Path]] = {}
    for file in files:
        parts.setdefault(_part_of(file, data), []).append(file)
    train = _only(data, parts.get("train") or parts.get(None) or [])
    val = _only(data, parts.get("val") or []) if parts.get("train") else None
    if train is None:
        raise UsageError(
            "U04",
            f"{data}: of its annotation files ({first_few(files, _SHOWN)}) none is for training "
            "by its name. Name the one to learn from in place of the folder.",
        )
    lines = [f"Annotations: {train} is the COCO file to learn from."]
    others = [file for file in files if file not in (train, val)]
    if others:
        lines.append(f"Not read: {first_few(others, _SHOWN)}.")
    if predicted:
        lines.append(f"Not read: {first_few(predicted, _SHOWN)}, which is what relook found.")
    return _with_images(lines, train, val, images)


def _with_images(
    lines: list[str], train: Path, val: Path | None, images: Path | None
) -> AnnotationFiles:
    val_images = folder = images
    if folder is None:
        folder, line = images_beside(train, "train")
        lines.append(line)
    if val is not None:
        lines.append(f"Validation: {val}, by its name.")
        if val_images is None:
            val_images, line = images_beside(val, "val")
            if val_images != folder:
                lines.append(f"Validation: {line[0].lower()}{line[1:]}")
    return AnnotationFiles(
        train=train, images=folder, val=val, val_images=val_images, lines=tuple(lines)
    )


def _coco_files(folder: Path) -> tuple[list[Path], list[Path]]:
    """COCO files in `folder` and the folders in it, and those of predictions among them.

    Panoptic ones count only where there is no other.
    """
    found = [*sorted(folder.glob("*.json")), *sorted(folder.glob("*/*.json"))]
    coco = [path for path in found if path.is_file() and _has(path, _TABLES)]
    predicted = [path for path in coco if _has(path, _FOUND)]
    coco = [path for path in coco if path not in predicted]
    return [path for path in coco if not _has(path, (b'"segments_info"',))] or coco, predicted


def _has(path: Path, keys: Sequence[bytes]) -> bool:
    """Return whether all `keys` stand in a file, which is not parsed."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
            return all(text.find(key) >= 0 for key in keys)
    except (OSError, ValueError):  # an empty file cannot be mapped
        return False


def _part_of(file: Path, root: Path) -> str | None:
    """The part of the data that a file is for, by its name or else that of its folder."""
    words = re.findall(r"[a-z]+", file.stem.lower())
    if file.parent != root:
        words += re.findall(r"[a-z]+", file.parent.name.lower())
    return next((_PARTS[word] for word in words if word in _PARTS), None)


def _only(data: Path, files: Sequence[Path]) -> Path | None:
    """The one of `files` of a part of the data.

    Raises:
        UsageError: U04 for several.
    """
    instances = [file for file in files if "instances" in file.stem.lower()]
    chosen = instances if len(instances) == 1 else files
    if len(chosen) > 1:
        raise UsageError(
            "U04",
            f"{data}: {counted(len(chosen), 'annotation file')} could be meant: "
            f"{first_few(chosen, _SHOWN)}. Name one of them in place of the folder, or all by "
            "--train-json and --val-json.",
        )
    return chosen[0] if chosen else None


def _check_text(file: Path) -> None:
    """Refuse a file that does not start as json.

    Raises:
        DataError: D03 for a file that cannot be read, D04 for one of another kind, which is named.
    """
    try:
        with file.open("rb") as opened:
            head = opened.read(HEAD)
    except OSError as error:
        raise DataError("D03", f"{file} cannot be read: {error.strerror or error}.") from None
    if head.removeprefix(codecs.BOM_UTF8).lstrip().startswith((b"{", b"[")):
        return
    kind = recognise(head)
    name = kind.name if kind is not None else "no kind of file that relook knows"
    advice = "Give the json of the annotations, or the folder of the data set."
    if kind is not None and "pointer" in kind.name:
        advice = kind.advice
    raise DataError("D04", f"{file} is {name}; annotations are needed. {advice}")


def _nothing_in(folder: Path, predicted: Sequence[Path]) -> DataError:
    endings = Counter(
        path.suffix.lower() or "without ending" for path in folder.rglob("*") if path.is_file()
    )
    there = first_few((f"{count} {ending}" for ending, count in endings.most_common()), _SHOWN)
    found = f" {first_few(predicted, _SHOWN)} is what relook found." if predicted else ""
    return DataError(
        "D11",
        f"{folder}: no annotations were found in it ({there or 'it is empty'}). relook reads COCO "
        "json, and LabelMe, VIA, YOLO, Pascal VOC, CVAT, Label Studio, ImageJ, QuPath, label "
        f"images, cellpose and Supervisely.{found} Name the file of the annotations and, with "
        "--images, the folder of the images.",
    )
