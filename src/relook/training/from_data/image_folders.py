"""The folder of the images of a COCO file, found by a rule.

Folders are tried in this order: that of the file, ``images`` in it, ``images`` beside it, the
folder above, those called as the file (``train2017`` for ``instances_train2017.json``) or as its
part (``train``) in it and beside it, then all other folders in it and, where its own is called
``annotations`` or the like, beside it, by name. The one that has the most of the files that the
json names is taken; of equal ones the first.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final, NamedTuple

from ...data.coco.json_form import load_tables
from ...errors import DataError, counted, first_few

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
    rows: Sequence[Any] = load_tables(json, keys=("images",))["images"]
    names = [row["file_name"] for row in rows if isinstance(row, dict) and _is_text(row)]
    names = names[:_NAMES]
    folders = list(_candidates(json, part))[:_FOLDERS]
    for names_of in (_relative, _base):
        wanted = [names_of(name) for name in names]
        found = [sum((folder / name).is_file() for name in wanted) for folder in folders]
        most = max(found, default=0)
        if most:
            folder = folders[found.index(most)]
            return ImageFolder(folder, f"Images: {folder} has {_of(most, len(names))} named there.")
    if not names:
        return ImageFolder(json.parent, f"Images: {json.name} names none.")
    raise DataError(
        "D01",
        f"{json}: of the images that it names ({first_few(names, 3)}) none is in "
        f"{first_few(folders, 6)}. Say where they are: --images DIR.",
    )


def _of(found: int, total: int) -> str:
    files = counted(total, "file")
    first = "" if total < _NAMES else "first "
    return f"all of the {first}{files}" if found == total else f"{found} of the {first}{files}"


def _is_text(row: dict[str, Any]) -> bool:
    name = row.get("file_name")
    return isinstance(name, str) and bool(name.strip()) and "\0" not in name


def _relative(name: str) -> str:
    return name.replace("\\", "/")


def _base(name: str) -> str:
    return PurePosixPath(_relative(name)).name


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
