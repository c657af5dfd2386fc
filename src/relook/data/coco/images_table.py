"""The table "images" of an annotation file, and the image files it names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath

from ...errors import DataError, first_few
from ...structures.detection import Size
from ...structures.rules.reading import DEFAULT_READING, Reading
from ..images import stored_orientation, stored_size
from ..images.orientation import upright_size
from .annotations import ImageHeader
from .frames import Frame, turn_of
from .json_form import Entry, entries, side_of, text_of

_LARGEST = 400_000_000  # pixels; code lengths of larger images overflow in pycocotools


def read_images(
    path: Path,
    top: Entry,
    folder: Path,
    *,
    frame: Frame | None = None,
    reading: Reading = DEFAULT_READING,
) -> tuple[dict[int, Path], dict[int, ImageHeader]]:
    """Read the path, name and size of each image; by image id, in the order of the file.

    Sizes are those of the frame of its annotations: `frame`, or what the sizes tell.

    Raises:
        DataError: D01 for a name that leads out of `folder`, D04 and D05 for entries that are
            malformed or doubled, D02 for an image whose size neither the file nor it can tell,
            D10 for an image stored turned whose annotations may be for either frame.
    """
    paths: dict[int, Path] = {}
    headers: dict[int, ImageHeader] = {}
    annotated = _annotated(top)
    for identity, entry in entries(path, top, "images"):
        where = f"image {identity}"
        name = text_of(path, entry, "file_name", where)
        location = folder / inside(path, name, where)
        height = side_of(path, entry, "height", where)
        width = side_of(path, entry, "width", where)
        said = None if height is None or width is None else (height, width)
        needed = frame if identity in annotated else frame or "upright"
        header = _header(f'{path.name}: {where} ("{name}")', name, location, said, needed, reading)
        height, width = header.height, header.width
        if height * width > _LARGEST:
            raise DataError(
                "D04",
                f'{path.name}: {where} ("{name}") has {height * width:,} pixels, more than '
                f"{_LARGEST:,}. Correct its size, or cut it into tiles.",
            )
        paths[identity] = location
        headers[identity] = header
    return paths, headers


def _header(
    where: str,
    name: str,
    location: Path,
    said: Size | None,
    frame: Frame | None,
    reading: Reading,
) -> ImageHeader:
    """The header of an image of which the annotation file says the size `said`."""
    if said is not None and (orientation := stored_orientation(location, reading)) == 1:
        return ImageHeader(name, said[1], said[0])
    stored, orientation = stored_size(location, reading)
    turn = turn_of(where, stored, orientation, said, frame)
    height, width = said or upright_size(stored, orientation if turn == 1 else 1)
    return ImageHeader(name, width, height, turn, orientation)


def _annotated(top: Entry) -> set[object]:
    """Ids of the images that have annotations."""
    rows = top.get("annotations")
    found = [row.get("image_id") for row in rows or () if isinstance(row, dict)]
    return {key for key in found if isinstance(key, int)}


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
