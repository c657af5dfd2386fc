"""The table "images" of an annotation file, and the image files it names."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ...errors import DataError
from ...structures.detection import Size
from ...structures.rules.reading import DEFAULT_READING, Reading
from ..images import stored_size
from ..images.headers import Header, read_headers
from ..images.orientation import upright_size
from .file_names import AS_WRITTEN, BY_BASE_NAME, ImageFolder, safe_relative
from .frames import Frame, turn_of
from .json_form import Entry, entries, side_of, text_of
from .ledger import ImageHeader
from .leniency import NameMatch
from .refusals import Refusals

_LARGEST = 400_000_000  # pixels; code lengths of larger images overflow in pycocotools


@dataclass(frozen=True, slots=True)
class WrongSize:
    """An image whose file has another size than the annotation file says."""

    id: int
    file_name: str
    said: Size  # (height, width) in the annotation file
    stored: Size  # of the image as it is stored
    orientation: int

    @property
    def is_swapped(self) -> bool:
        """Return whether height and width are the other way round."""
        return self.said == self.stored[::-1]

    def __str__(self) -> str:
        (height, width), (h, w) = self.stored, self.said
        sizes = f"is {width}x{height} (width x height), the file says {w}x{h}"
        return f'image {self.id} ("{self.file_name}") {sizes}'


@dataclass(slots=True)
class ImageTable:
    """Images of an annotation file by id, in the order of the file."""

    names: dict[int, str] = field(default_factory=dict)  # as the file has them
    paths: dict[int, Path] = field(default_factory=dict)
    headers: dict[int, ImageHeader] = field(default_factory=dict)
    stored: dict[int, Header] = field(default_factory=dict)  # of the image files
    missing: list[int] = field(default_factory=list)  # without a file
    near: dict[int, Path] = field(default_factory=dict)  # files of the base names of `missing`
    endings: dict[int, str] = field(default_factory=dict)  # files of `missing` but for the ending
    outside: list[int] = field(default_factory=list)  # whose name leads out of the folder
    wrong_sizes: list[WrongSize] = field(default_factory=list)
    twice: list[tuple[int, int]] = field(default_factory=list)  # two ids of one file
    matched: Counter[str] = field(default_factory=Counter)  # how files were found -> images
    how: dict[int, str] = field(default_factory=dict)  # how the file of each was found
    example: dict[str, str] = field(default_factory=dict)  # how -> the first name and its file

    @property
    def remarks(self) -> list[str]:
        """Lines for people on names that are not written as those of the files."""
        total = len(self.names)
        return [
            f"images: {count} of {total} found {how}, first: {self.example[how]}"
            for how, count in self.matched.items()
            if how != AS_WRITTEN
        ]


def read_images(
    path: Path,
    top: Entry,
    folder: Path,
    *,
    frame: Frame | None = None,
    reading: Reading = DEFAULT_READING,
    match: NameMatch = "exact",
    look: bool = True,
    refusals: Refusals | None = None,
) -> ImageTable:
    """Read the path, name and size of each image, and look at the headers of the files.

    Sizes are those of the frame of its annotations: `frame`, or what the sizes tell. With `look`,
    a name that is not there as written is looked for in the folder. What is missing, or of
    another size, is listed: see `require_images`.

    Raises:
        DataError: D01 for a name that leads out of `folder`, D04 and D05 for entries that are
            malformed or doubled, D02 for an image whose size neither the file nor it can tell,
            D10 for an image stored turned whose annotations may be for either frame.
    """
    refusals = refusals or Refusals()
    rows = _rows(path, top, refusals)
    table = ImageTable()
    locations = _located(path, rows, folder, match, look, refusals, table, reading)
    annotated, missing = _annotated(top), set(table.missing)
    for identity, entry in rows.items():
        location = locations.get(identity)
        if location is None:
            continue
        name, where = entry["file_name"], f"image {identity}"
        table.names[identity] = name
        try:
            said = _said(path, entry, where)
            if said is None and identity in missing:
                continue
            needed = frame if identity in annotated else frame or "upright"
            stored = table.stored[identity]
            label = f'{path.name}: {where} ("{name}")'
            header = _header(label, name, location, stored, said, needed, reading)
            if header.height * header.width > _LARGEST:
                raise DataError(
                    "D04",
                    f"{label} has {header.height * header.width:,} pixels, more than "
                    f"{_LARGEST:,}. Correct its size, or cut it into tiles.",
                )
        except DataError as error:
            refusals.refuse(error)
            continue
        table.paths[identity], table.headers[identity] = location, header
        size, turn = stored.size, stored.orientation
        if said is not None and size is not None and said not in (size, upright_size(size, turn)):
            table.wrong_sizes.append(WrongSize(identity, name, said, size, turn))
    _find_twice(table)
    return table


def inside(path: Path, name: str, where: str) -> PurePosixPath:
    """`name` as a relative path that cannot leave the folder of images; D01 if it would."""
    relative = safe_relative(name)
    if relative is None:
        raise DataError("D01", leads_out(path, name, where) + ".")
    return relative


def is_file(path: Path) -> bool:
    """Return whether there is such a file; also for names that no file can have."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name longer than the system allows
        return False


def leads_out(path: Path, name: str, where: str) -> str:
    """Half a message about a name that leads out of the folder of images."""
    return (
        f'{path.name}: {where} has file_name "{name}", which leads out of the folder of images. '
        "Make it relative to that folder"
    )


def _rows(path: Path, top: Entry, refusals: Refusals) -> dict[int, Entry]:
    """The entries of images with a name, by id."""
    rows = {}
    for identity, entry in entries(path, top, "images", refusals):
        try:
            text_of(path, entry, "file_name", f"image {identity}")
        except DataError as error:
            refusals.refuse(error)
        else:
            rows[identity] = entry
    return rows


def _located(
    path: Path,
    rows: dict[int, Entry],
    folder: Path,
    match: NameMatch,
    look: bool,
    refusals: Refusals,
    table: ImageTable,
    reading: Reading,
) -> dict[int, Path]:
    """The place of each image: its file, or where it should be; fills `table`."""
    relative = {identity: safe_relative(row["file_name"]) for identity, row in rows.items()}
    places = {key: folder / name for key, name in relative.items() if name is not None}
    table.stored.update(zip(places, read_headers([*places.values()], reading), strict=True))
    files = ImageFolder(folder)
    again: list[int] = []
    for identity, row in rows.items():
        name = row["file_name"]
        if identity in places and (not look or table.stored[identity].exists):
            table.matched[AS_WRITTEN] += 1
            continue
        found = files.find(name) if look else None
        if found is not None and (found.how != BY_BASE_NAME or match == "basename"):
            places[identity] = found.path
            again.append(identity)
            table.matched[found.how] += 1
            table.how[identity] = found.how
            table.example.setdefault(found.how, f'"{name}" is {found.path.relative_to(folder)}')
            continue
        if found is not None:
            table.near[identity] = found.path
        elif look and (other := files.near(name)) is not None:
            table.endings[identity] = other
        if identity not in places:
            table.outside.append(identity)
            if not look:
                refusals.refuse(DataError("D01", leads_out(path, name, f"image {identity}") + "."))
                continue
            places[identity] = folder / "_"  # never read: it is missing
            table.stored[identity] = Header(False)
        table.missing.append(identity)
    table.stored.update(
        zip(again, read_headers([places[key] for key in again], reading), strict=True)
    )
    return places


def _said(path: Path, entry: Entry, where: str) -> Size | None:
    """(height, width) as the annotation file has it."""
    height = side_of(path, entry, "height", where)
    width = side_of(path, entry, "width", where)
    return None if height is None or width is None else (height, width)


def _header(
    where: str,
    name: str,
    location: Path,
    stored: Header,
    said: Size | None,
    frame: Frame | None,
    reading: Reading,
) -> ImageHeader:
    """The header of an image of which the annotation file says the size `said`."""
    if said is not None and stored.orientation == 1:
        return ImageHeader(name, said[1], said[0])
    if stored.size is None:
        size, orientation = stored_size(location, reading)  # raises what is wrong
    else:
        size, orientation = stored.size, stored.orientation
    turn = turn_of(where, size, orientation, said, frame)
    height, width = said or upright_size(size, orientation if turn == 1 else 1)
    return ImageHeader(name, width, height, turn, orientation)


def _annotated(top: Entry) -> set[object]:
    """Ids of the images that have annotations."""
    rows = top.get("annotations")
    found = [row.get("image_id") for row in rows or () if isinstance(row, dict)]
    return {key for key in found if isinstance(key, int)}


def _find_twice(table: ImageTable) -> None:
    missing = set(table.missing)
    first: dict[Path, int] = {}
    for identity, location in table.paths.items():
        if identity not in missing and first.setdefault(location, identity) != identity:
            table.twice.append((first[location], identity))
