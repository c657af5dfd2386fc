"""The folder of the images of a COCO file, found by a rule.

Folders are tried in this order: that of the file, ``images`` in it, ``images`` beside it, the
folder above, those called as the file (``train2017`` for ``instances_train2017.json``) or as its
part (``train``) in it and beside it, then all other folders in it and, where its own is called
``annotations`` or the like, beside it, by name. The one that has the most of the files that the
json names is taken; of equal ones the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from ..errors import DataError, counted, first_few
from .coco.file_names import base_names, safe_relative
from .coco.images_table import is_file
from .coco.json_form import load_tables

_NAMES: Final = 200  # file names of the json that are looked for
_FOLDERS: Final = 100  # that are tried
_IMAGES: Final = ("images", "image", "imgs", "img", "JPEGImages")
_ANNOTATIONS: Final = {"annotations", "annotation", "anno", "ann", "labels", "json", "coco"}
_PREFIX: Final = "instances_"


class ImageFolder(NamedTuple):
    """The folder that was found, and a sentence about it."""

    path: Path
    line: str


def images_beside(json: Path, part: str | None = None) -> ImageFolder:
    """The folder to which the file names in `json` are relative; `part` is that of the data.

    Raises:
        DataError: D01 when no folder has any of the images; D03 or D04 for a file that is no COCO.
    """
    names = image_names(load_tables(json, keys=("images",))["images"])
    found = folder_with(json, names, part)
    if found is not None:
        return found
    if not names:
        return ImageFolder(json.parent, f"Images: {json.name} names none.")
    folders = list(_candidates(json, part))[:_FOLDERS]
    raise DataError(
        "D01",
        f"{json}: of the images that it names ({first_few(names, 3)}) none is in "
        f"{first_few(folders, 6)}. Say where they are: --images DIR.",
    )


def likely_folder(json: Path, rows: Sequence[Any] | None = None) -> Path:
    """The folder as `images_beside` finds it, or else ``images`` beside `json`, or its own.

    What is read from there says what is missing. `rows` is the table of images, where it is known.

    Raises:
        DataError: D01, D03 or D04 for a file that is no COCO.
    """
    table = load_tables(json, keys=("images",))["images"] if rows is None else rows
    found = folder_with(json, image_names(table))
    if found is not None:
        return found.path
    images = json.parent / "images"
    return images if images.is_dir() else json.parent


def image_names(rows: Sequence[Any]) -> list[str]:
    """The first file names of a table of images; what is no name is left to the reader."""
    found = (row.get("file_name") for row in rows if isinstance(row, dict))
    return list(islice((name for name in found if isinstance(name, str)), _NAMES))


def folder_with(json: Path, names: Sequence[str], part: str | None = None) -> ImageFolder | None:
    """The folder near `json` that has the most of the files `names`; None where none has any."""
    folders = list(_candidates(json, part))[:_FOLDERS]
    for paths_of in (_as_written, base_names):
        wanted = [paths_of(name) for name in names]
        found = [
            sum(any(is_file(folder / path) for path in paths) for paths in wanted)
            for folder in folders
        ]
        most = max(found, default=0)
        if most:
            folder = folders[found.index(most)]
            return ImageFolder(folder, f"Images: {folder} has {_of(most, len(names))} named there.")
    return None


def _as_written(name: str) -> list[str]:
    path = safe_relative(name)
    return [] if path is None else [str(path)]


def _of(found: int, total: int) -> str:
    files = counted(total, "file")
    first = "" if total < _NAMES else "first "
    return f"all of the {first}{files}" if found == total else f"{found} of the {first}{files}"


def _candidates(json: Path, part: str | None) -> Iterator[Path]:
    here = json.absolute().parent
    roots = (here, here.parent) if here.parent != here else (here,)
    stems = [json.stem.removeprefix(_PREFIX), json.stem, *([part] if part else [])]
    tried = [here]
    tried += [root / name for root in roots for name in _IMAGES]
    tried += [here.parent]
    tried += [root / stem for root in roots for stem in stems]
    tried += [root / name / stem for root in roots for name in _IMAGES for stem in stems]
    searched = roots if here.name.lower() in _ANNOTATIONS else (here,)
    tried += [folder for root in searched for folder in _folders_in(root)]
    shown = json.parent
    for folder in dict.fromkeys(tried):
        if folder.is_dir():
            yield _as_typed(folder, here, shown)


def _as_typed(folder: Path, here: Path, shown: Path) -> Path:
    """`folder` relative to where the json was said to be, so that paths stay as people type."""
    if folder == here:
        return shown
    if folder.is_relative_to(here):
        return shown / folder.relative_to(here)
    if shown.is_absolute() or len(shown.parts) < 1 or shown.name in ("", ".."):
        return folder
    return shown.parent / folder.relative_to(here.parent)


def _folders_in(root: Path) -> Iterable[Path]:
    try:
        found = [path for path in root.iterdir() if path.is_dir()]
    except OSError:
        return ()
    return sorted(path for path in found if not path.name.startswith("."))
