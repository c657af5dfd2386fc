"""The table "images" of an annotation file, and the image files it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from ...errors import DataError, first_few
from ..images import image_size
from .annotations import ImageHeader
from .json_form import Entry, entries, side_of, text_of

_LARGEST = 400_000_000  # pixels; code lengths of larger images overflow in pycocotools


def read_images(
    path: Path, top: Entry, folder: Path
) -> tuple[dict[int, Path], dict[int, ImageHeader]]:
    """Read the path, name and size of each image; by image id, in the order of the file.

    Raises:
        DataError: D01 for a name that leads out of `folder`, D04 and D05 for entries that are
            malformed or doubled, D02 for an image whose size neither the file nor it can tell.
    """
    paths: dict[int, Path] = {}
    headers: dict[int, ImageHeader] = {}
    for identity, entry in entries(path, top, "images"):
        where = f"image {identity}"
        name = text_of(path, entry, "file_name", where)
        location = folder / inside(path, name, where)
        height = side_of(path, entry, "height", where)
        width = side_of(path, entry, "width", where)
        if height is None or width is None:
            height, width = image_size(location)
        if height * width > _LARGEST:
            raise DataError(
                "D04",
                f'{path.name}: {where} ("{name}") has {height * width:,} pixels, more than '
                f"{_LARGEST:,}. Correct its size, or cut it into tiles.",
            )
        paths[identity] = location
        headers[identity] = ImageHeader(name, width, height)
    return paths, headers


def inside(path: Path, name: str, where: str) -> PurePosixPath:
    """`name` as a relative path that cannot leave the folder of images; D01 if it would."""
    windows = PureWindowsPath(name)  # knows both kinds of slashes, and drives
    if windows.anchor or windows.drive or ".." in windows.parts or "\0" in name:
        raise DataError(
            "D01",
            f'{path.name}: {where} has file_name "{name}", which leads out of the folder of '
            "images. Make it relative to that folder.",
        )
    return PurePosixPath(*windows.parts)


def require_images(
    path: Path, folder: Path, headers: Mapping[int, ImageHeader], paths: Mapping[int, Path]
) -> None:
    """Raise `DataError` D01 if an image of the file is not in `folder`, saying where it may be."""
    missing = [key for key, location in paths.items() if not is_file(location)]
    if not missing:
        return
    named = first_few((headers[key].file_name for key in missing), 3)
    advice = "Is this the right folder?"
    for other in (folder.parent, folder / "images"):
        if is_file(other / paths[missing[0]].relative_to(folder)):
            advice = f"The first of them is in {other}: give that folder."
            break
    raise DataError(
        "D01",
        f"{path.name}: {len(missing)} of its {len(paths)} images are not in {folder}: "
        f"{named}. {advice}",
    )


def is_file(path: Path) -> bool:
    """Return whether there is such a file; also for names that no file can have."""
    try:
        return path.is_file()
    except OSError:  # a name longer than the system allows
        return False
