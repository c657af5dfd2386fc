"""The folder of the images of an annotation file, where nobody names it."""

from __future__ import annotations

from pathlib import Path, PureWindowsPath

from .coco.images_table import is_file
from .coco.json_form import load_tables


def images_beside(json: Path) -> Path:
    """The folder near the file `json` that has its first image.

    Tried are ``images`` beside it and beside its folder, its own folder and the one above, and
    folders of its own name. Where none has that image it is the first of them that exists: what is
    read from there says what is missing.

    Raises:
        DataError: D01, D03 and D04 for a file that is no COCO.
    """
    here = json.parent
    folders = [here / "images", here.parent / "images", here, here.parent]
    folders += [here / json.stem, here.parent / json.stem]
    rows = load_tables(json, keys=("images",))["images"]
    name = rows[0].get("file_name") if rows and isinstance(rows[0], dict) else None
    if isinstance(name, str):
        parts = PureWindowsPath(name).parts  # knows both kinds of slashes
        for folder in folders:
            if ".." not in parts and is_file(folder.joinpath(*parts)):
                return folder
    return next(folder for folder in folders if folder.is_dir())
