"""Refusals of annotation files whose images are missing, of another size, or listed twice."""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from ...errors import DataError, counted, first_few
from .file_names import safe_relative
from .images_table import ImageTable, is_file, leads_out


def require_images(path: Path, folder: Path, table: ImageTable) -> None:
    """Refuse a table of images whose files are missing or of another size, or listed twice.

    Raises:
        DataError: D01 for missing files, saying where they may be; D05 for a file under two ids;
            D10 for sizes that are not those of the files.
    """
    _require_files(path, folder, table)
    require_once(path, table)
    if table.wrong_sizes:
        wrong = table.wrong_sizes
        swapped = sum(size.is_swapped for size in wrong)
        cause = " The sides are swapped." if swapped == len(wrong) == 1 else ""
        if swapped > 1:
            cause = f" The sides of {swapped} are swapped."
        command = f"relook data check {quote(str(path))} --images {quote(str(folder))}"
        raise DataError(
            "D10",
            f"{path.name}: {len(wrong)} of its {len(table.names)} images have another size than "
            f"the file says: {first_few(wrong, 2)}.{cause} Boxes and masks would not fit: use the "
            f"images it was made for, or correct the file: `{command} --fix OUT` corrects swapped "
            "sides.",
        )


def require_once(path: Path, table: ImageTable) -> None:
    """Raise `DataError` D05 if one file is listed under two ids."""
    if not table.twice:
        return
    first, second = table.twice[0]
    names = [f'"{table.names[key]}"' for key in (first, second)]
    several = counted(len(table.twice), "image file is", "image files are")
    raise DataError(
        "D05",
        f"{path.name}: {several} listed twice: images {first} and {second} are both "
        f"{' and '.join(dict.fromkeys(names))}. The objects of one would be missing in the other. "
        f"`relook data check {quote(str(path))} --fix OUT` joins them.",
    )


def _require_files(path: Path, folder: Path, table: ImageTable) -> None:
    missing = table.missing
    if not missing:
        return
    advice = _advice(folder, table)
    if table.outside:
        key = table.outside[0]
        text = leads_out(path, table.names[key], f"image {key}")
        more = f" ({len(table.outside)} such names)" if len(table.outside) > 1 else ""
        raise DataError("D01", f"{text}{more}. {advice}")
    names = (table.names[key] for key in missing)
    raise DataError(
        "D01",
        f"{path.name}: {len(missing)} of its {len(table.names)} images are not in {folder}: "
        f"{first_few(names, 3)}. {advice}",
    )


def _advice(folder: Path, table: ImageTable) -> str:
    """Advice on missing files, as sentences."""
    skip = "--skip-missing leaves out what is not there."
    first = safe_relative(table.names[table.missing[0]])
    for other in (folder.parent, folder / "images"):
        if first is not None and is_file(other / first):
            return f"The first of them is in {other}: give that folder."
    if table.near:
        near = f"{len(table.near)} of {len(table.missing)} are there by the last part of the name"
        return f"{near}: --match basename takes them so. {skip}"
    if table.endings:
        key, file = next(iter(table.endings.items()))
        return (
            f'{len(table.endings)} of them have another ending there: "{table.names[key]}" may be '
            f"{file}. Correct the names in the file. {skip}"
        )
    return f"Is this the right folder? {skip}"
