"""The folder of the images of an annotation file, where nobody names it."""

from __future__ import annotations

from pathlib import Path

from ..errors import DataError
from .coco.images_table import inside, is_file
from .coco.json_form import entries, load_tables, text_of


def images_beside(json: Path, *, required: bool = True) -> Path:
    """The folder near the file `json` that has its first image.

    Tried are ``images`` beside it and beside its folder, its own folder and the one above, and
    folders of its own name. Where none has it and it is not `required`, the folder of `json`.

    Raises:
        DataError: D01 where no such folder has the image, D03 to D05 for a file that is no COCO.
    """
    top = load_tables(json, keys=("images",))
    here = json.parent
    folders = [here / "images", here.parent / "images", here, here.parent]
    folders += [here / json.stem, here.parent / json.stem]
    for identity, entry in entries(json, top, "images"):
        where = f"image {identity}"
        name = text_of(json, entry, "file_name", where)
        location = inside(json, name, where)
        for folder in folders:
            if is_file(folder / location):
                return folder
        if not required:
            return here
        tried = ", ".join(str(folder) for folder in folders[:4])
        raise DataError(
            "D01",
            f'{json}: its first image "{name}" is in none of {tried}. Name the folder of images.',
        )
    return here
