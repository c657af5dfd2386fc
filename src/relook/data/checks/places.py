"""Annotation files of a folder, and the folders of their images."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final

from ...errors import DataError
from ..coco.file_names import base_names, safe_relative
from ..coco.images_table import is_file
from ..coco.json_form import parsed

_NAMES: Final = ("", "images", "img", "JPEGImages", "train", "val", "data")
_SAMPLE: Final = 20  # images by which a folder is chosen
_LARGEST: Final = 200  # json files of a folder that are looked into
_HEAD: Final = 1 << 16


def annotation_files(path: Path) -> list[Path]:
    """The COCO files that `path` is or has in it: json with images, annotations and categories.

    Raises:
        DataError: D01 where there is none.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise DataError("D01", f"{path}: there is no such file or folder.")
    found = [file for file in islice(sorted(path.rglob("*.json")), _LARGEST) if _is_coco(file)]
    if not found:
        raise DataError(
            "D01",
            f"{path}: there is no COCO file in this folder: a .json with images, annotations and "
            f"categories. `relook data convert {path} OUT.json` makes one of other formats.",
        )
    return found


def images_folder(path: Path, top: dict[str, Any], chosen: Path | None = None) -> Path:
    """The folder of the images of a file: `chosen`, or that near it with most of them."""
    if chosen is not None:
        return chosen
    names = [
        row["file_name"]
        for row in islice(top.get("images") or (), _SAMPLE)
        if isinstance(row, dict) and isinstance(row.get("file_name"), str)
    ]
    parents = [path.parent, path.parent.parent]
    folders = [parent / name for parent in parents for name in _NAMES]
    folders += [parent / path.stem.split("_")[-1] for parent in parents]
    folders = [folder for folder in dict.fromkeys(folders) if folder.is_dir()]
    scores = [_score(folder, names) for folder in folders]
    best = max(range(len(folders)), key=lambda k: scores[k], default=0)
    if folders and max(scores) > 0:
        return folders[best]
    images = path.parent / "images"
    return images if images.is_dir() else path.parent


def _score(folder: Path, names: Sequence[str]) -> float:
    """How many of `names` are in a folder; by their last part counts less."""
    score = 0.0
    for name in names:
        relative = safe_relative(name)
        if relative is not None and is_file(folder / relative):
            score += 1
        elif any(is_file(folder / base) for base in base_names(name)):
            score += 0.5
    return score


def _is_coco(path: Path) -> bool:
    """Return whether a file has the tables of COCO instances."""
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
        if head.lstrip()[:1] != b"{":
            return False
        top = parsed(path)
    except (OSError, DataError):
        return False
    if not isinstance(top, dict):
        return False
    tables = [top.get(key) for key in ("images", "annotations", "categories")]
    if not all(isinstance(table, list) for table in tables):
        return False
    first = next(iter(top["annotations"]), None)
    return not (isinstance(first, dict) and ("segments_info" in first or "caption" in first))
