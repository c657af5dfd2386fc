"""From annotations of another tool to one COCO json."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from ...errors import DataError, UsageError, counted, did_you_mean
from ...runtime.files import write_text
from ..sources.stored import printable
from .coco_file import check_not_empty, coco_content
from .image_files import ImageFinder, common_folder, plain_absolute
from .recognition import is_coco, pointer_in, recognised, recognised_with
from .records import Account, AnnotatedImage, ConvertOptions, Objects, Outlines, Rectangles
from .safe_files import read_bytes
from .source import Reader, Source

FORMATS: Final[Mapping[str, tuple[str, str]]] = {
    "labelme": ("LabelMe", "labelme.read_labelme"),
    "via": ("VGG Image Annotator", "via.read_via"),
    "yolo": ("YOLO", "yolo.read_yolo"),
    "voc": ("Pascal VOC", "voc.read_voc"),
    "cvat": ("CVAT", "cvat.read_cvat"),
    "label-studio": ("Label Studio", "label_studio.read_label_studio"),
    "imagej": ("ImageJ", "imagej.read_imagej"),
    "qupath": ("QuPath", "qupath.read_qupath"),
    "label-images": ("label images", "label_images.read_label_images"),
    "cellpose": ("Cellpose", "cellpose.read_cellpose"),
    "supervisely": ("Supervisely", "supervisely.read_supervisely"),
}
"""Formats by name: the tool, and the function that reads it."""
_WITH_PARTS: Final = frozenset({"yolo", "voc", "cvat", "label-images", "supervisely"})
_OF_PIXELS: Final = frozenset({"label-images", "cellpose"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """Result of a conversion."""

    json: Path
    """The COCO file."""
    images: Path
    """The folder to which its file names are relative."""
    lines: tuple[str, ...]
    """Sentences for people on all that was read, left out and assumed."""


def convert_labels(
    path: str | Path,
    out: str | Path,
    *,
    format: str | None = None,
    images: str | Path | None = None,
    class_name: str | None = None,
    attribute: str | None = None,
    split: str | None = None,
    rectangles: Rectangles = "boxes",
    outlines: Outlines = "edges",
    objects: Objects = "auto",
) -> Conversion:
    """Write what is annotated at `path`, a file or folder of another tool, as one COCO json `out`.

    `format` is one of `FORMATS`; without it, names and first bytes tell it. `images` is the folder
    of the images, where they are not beside the annotations. `class_name` is the class of all
    objects of a format that does not name classes. `attribute` is the attribute of VIA's regions
    that is the class, `split` the part that is read of a data set that has parts. `rectangles` are
    ``"boxes"`` around objects or their ``"masks"``. `outlines` says whether corners of polygons lie
    on ``"edges"`` of pixels, or are the numbers of border pixels, ``"centres"``. `objects` says of
    label images whether values number them (``"ids"``) or each connected part is one
    (``"components"``).

    Polygons stay polygons; what they cannot say (holes, brushes, ellipses) is written as run
    lengths. The file appears whole or not at all.

    Raises:
        DataError: D01 for missing files, D02 and D03 for unreadable ones, D04 for what is no such
            format, D07 and D09 for objects that cannot be understood, D10 for images of another
            size, D11 where there is no object.
        UsageError: U01 and U03 for unknown formats and values, U04 for options that do not fit.
        RelookError: R02 when `out` cannot be written.
    """
    path, out = Path(path), Path(out)
    path = plain_absolute(path) if path.name in ("", "..") else path  # a folder with a name
    options = ConvertOptions(
        class_name=class_name,
        attribute=attribute,
        split=split,
        rectangles=rectangles,
        outlines=outlines,
        objects=objects,
    )
    folder = None if images is None else Path(images)
    name = _checked_format(path, out, format, folder)
    tool, home = FORMATS[name]
    if attribute is not None and name != "via":
        raise UsageError("U04", f"--attribute goes with VIA, and {path.name} is of {tool}.")
    if objects != "auto" and name != "label-images":
        raise UsageError("U04", f"--objects goes with label images, and {path.name} is of {tool}.")
    if split is not None and name not in _WITH_PARTS:
        raise UsageError("U04", f"--split: annotations of {tool} have no parts. Leave --split out.")
    if name in _OF_PIXELS and (rectangles != "boxes" or outlines != "edges"):
        option = "--outlines" if outlines != "edges" else "--rectangles"
        raise UsageError(
            "U04", f"{option} is about shapes, and annotations of {tool} are pixels. Leave it out."
        )
    account, finder = Account(), ImageFinder(path, folder)
    source = Source(path=path, finder=finder, options=options, account=account)
    read = _joined(_reader(home)(source), account)
    if split is not None and not read:
        raise DataError("D11", f"{path.name}: it has no part {split!r} (--split).")
    base = common_folder([image.path for image in read]) if folder is None and read else folder
    base = path.parent if base is None else base
    base = plain_absolute(base.parent if base.is_file() else base)
    content, counts = coco_content(base, read, account, options)
    check_not_empty(counts, path, account)
    write_text(out, json.dumps(content, allow_nan=False) + "\n")
    lines = _lines(path, tool, read, content, counts, finder, split)
    return Conversion(
        json=out, images=base, lines=tuple(map(printable, (*lines, *account.lines())))
    )


convert = convert_labels


def _checked_format(path: Path, out: Path, name: str | None, images: Path | None) -> str:
    if not path.exists():
        raise DataError("D01", f"{path}: there is no such file or folder.")
    if out.is_dir() or out.absolute() == path.absolute():
        raise UsageError("U04", f"{out} is there already, and is no json to write. Name another.")
    if name is not None and name not in FORMATS:
        raise UsageError("U01", f"format: {name!r} is not known; {did_you_mean(name, FORMATS)}")
    found = name or (recognised(path) if images is None else recognised_with(path, images))
    if found is None:
        if (pointer := pointer_in(path)) is not None:
            read_bytes(pointer)
        if is_coco(path):
            raise DataError("D04", f"{path.name} is a COCO file, which needs no conversion.")
        raise DataError(
            "D04",
            f"{path.name} is of no annotation format that is recognised. Say which it is: --from "
            f"FORMAT, in Python format=, one of {', '.join(FORMATS)}.",
        )
    return found


def _reader(home: str) -> Reader:
    module, _, function = home.partition(".")
    reader: Reader = getattr(import_module(f".{module}", __package__), function)
    return reader


def _joined(images: Iterator[AnnotatedImage], account: Account) -> list[AnnotatedImage]:
    """`images`, each file once: objects of one that comes several times are joined."""
    found: dict[Path, AnnotatedImage] = {}
    for image in images:
        before = found.setdefault(image.path, image)
        if before is image:
            continue
        account.change("image annotated in several places, objects joined", image.path.name)
        if before.size != image.size:
            raise DataError(
                "D10", f"{image.path.name} is annotated in two sizes, turned and upright. Keep one."
            )
        found[image.path] = replace(before, objects=(*before.objects, *image.objects))
    return list(found.values())


def _lines(
    path: Path,
    tool: str,
    images: list[AnnotatedImage],
    content: dict[str, Any],
    counts: Counter[str],
    finder: ImageFinder,
    split: str | None,
) -> list[str]:
    """Sentences on what was read."""
    rows = content["annotations"]
    boxes = sum("segmentation" not in row for row in rows)
    kind = "boxes only" if boxes == len(rows) else "masks"
    lines = [
        f"{path.name} ({tool}): {counted(len(images), 'image')}, "
        f"{counted(len(rows), 'object')} with {kind}"
    ]
    empty = len(images) - len({row["image_id"] for row in rows})
    if empty:
        lines[0] += f", {counted(empty, 'image')} without objects"
    lines.append("classes: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    if 0 < boxes < len(rows):
        lines.append(
            f"{counted(boxes, 'object')} with a box only, a rectangle; a training with masks "
            "leaves them out. --rectangles masks makes each rectangle a mask"
        )
    others = 0 if split is not None else len(finder.beside(image.path for image in images))
    if others:
        lines.append(
            f"{counted(others, 'image')} in the same folders without annotations, not in the json"
        )
    parts = Counter(image.split for image in images if image.split)
    if len(parts) > 1:
        listed = ", ".join(f"{name} {count}" for name, count in sorted(parts.items()))
        lines.append(
            f'parts: {listed}. Every image says its part ("split"); --split NAME converts one alone'
        )
    how = [f"{count} {words}" for words, count in finder.matched.items() if words != "exactly"]
    if how:
        lines.append(f"images found: {', '.join(how)}")
    return lines
