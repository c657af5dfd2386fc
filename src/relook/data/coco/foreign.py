"""Annotation files of other formats, told where a COCO file is needed."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import Any, Final

from ..sources.signatures import HEAD, recognise

FORMATS: Final[dict[str, str]] = {
    "labelme": "a LabelMe file",
    "via": "a project or an export of VIA",
    "yolo": "labels of YOLO",
    "voc": "an annotation of Pascal VOC",
    "cvat": "an export of CVAT (XML)",
    "label-studio": "an export of Label Studio",
    "imagej": "regions of ImageJ",
    "qupath": "GeoJSON, as QuPath writes it",
    "label-images": "images of labels",
    "cellpose": "masks of Cellpose",
    "supervisely": "an annotation of Supervisely",
}
"""Formats that `relook data convert` reads, in words."""


def advice_for(path: Path, content: object = None) -> str:
    """Sentences on a file or folder that is no COCO file: its kind and what to do; "" if unknown.

    `content` is the json in it, where it is one.
    """
    name = format_of(path, content)
    if name is not None:
        return (
            f"It is {FORMATS.get(name, name)}: `relook data convert {quote(str(path))} OUT.json` "
            "makes a COCO file of it."
        )
    kind = None if path.is_dir() else recognise(_head(path))
    if kind is not None and not kind.name.startswith("a text file"):
        return f"It is {kind.name}. {kind.advice}".strip()
    return ""


def format_of(path: Path, content: object = None) -> str | None:
    """Name of the annotation format of a file or folder; None for COCO and for what is unknown."""
    from ..formats import recognised  # it reads COCO's tables itself

    return recognised(path) or _by_content(path, content)


def _by_content(path: Path, content: object) -> str | None:
    """The format by all of the content, where names and first bytes do not tell it."""
    if isinstance(content, dict):
        return _of_mapping(content)
    if isinstance(content, list):
        first = next((row for row in content if isinstance(row, dict)), {})
        if "data" in first and ("annotations" in first or "completions" in first):
            return "label-studio"
        return "qupath" if first.get("type") == "Feature" else None
    if path.is_dir():
        return None
    from ..formats.recognition import is_yolo

    return "yolo" if is_yolo(_head(path)) else None


def _of_mapping(content: dict[str, Any]) -> str | None:
    """The format of a json whose top level is an object."""
    if "shapes" in content and ("imagePath" in content or "imageData" in content):
        return "labelme"
    if any(str(key).startswith("_via") for key in content):
        return "via"
    rows = [row for row in list(content.values())[:3] if isinstance(row, dict)]
    if rows and all("regions" in row and "filename" in row for row in rows):
        return "via"
    if content.get("type") == "FeatureCollection":
        return "qupath"
    if "objects" in content and isinstance(content.get("size"), dict):
        return "supervisely"
    return None


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""
