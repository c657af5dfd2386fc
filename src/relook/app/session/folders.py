"""The images of a project: those of a folder, and those that came by the page."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Final, Literal

from ...data.images import image_size
from ...data.images.limits import most_pixels
from ...data.sources.finding import find_sources
from ...data.sources.stored import printable, safe_folder
from ...errors import DataError, UsageError, counted
from ...runtime.files import replacing
from ...structures.detection import Size
from ...structures.rules.reading import Reading

Status = Literal["new", "predicted", "corrected", "done", "unreadable"]
MOST_IMAGES: Final = 20_000  # of a project
_LOOK: Final = 0.5  # seconds of reading headers for one list


@dataclass(slots=True, eq=False)
class Entry:
    """One image of the project."""

    id: int
    path: Path
    root: Path
    """Folder beside whose images the corrections are."""
    size: Size | None = None  # (height, width) upright, once it is known
    message: str | None = None  # why it cannot be used

    @property
    def name(self) -> str:
        """Name relative to its folder, with slashes."""
        return self.path.relative_to(self.root).as_posix()

    def record(self) -> dict[str, Any]:
        """The entry as json values."""
        height, width = self.size or (None, None)
        return {
            "id": self.id,
            "name": printable(self.name),
            "width": width,
            "height": height,
            "message": self.message,
        }


class UnknownImage(UsageError):
    """There is no image of that id."""

    def __init__(self, number: int) -> None:
        super().__init__("U01", f"there is no image {number} in this project. Reload the list.")


class Images:
    """The images of a project, numbered from 1; ids do not change. Threads may share it.

    Args:
        source: A folder or an image; None for a project of images that come by the page.
        uploads: Folder of images that come by the page.
        reading: How pixels are read.
        leave_out: Folder inside of the source in which are no images of the person.
    """

    def __init__(
        self,
        source: Path | None,
        uploads: Path,
        reading: Reading,
        *,
        leave_out: Path | None = None,
    ) -> None:
        self.uploads, self.reading = uploads, reading
        self.left_out: str | None = None
        self._entries: dict[int, Entry] = {}
        self._lock = threading.Lock()
        if source is not None:
            root = source if source.is_dir() else source.parent
            with find_sources([source], leave_out=leave_out or uploads) as found:
                self.left_out = found.left_out_line()
                self._check_number(len(found.files))
                for path in found.files:
                    self._add(path, root)
        if uploads.is_dir():
            known = {entry.path.absolute() for entry in self}
            for path in sorted(uploads.iterdir()):
                if path.is_file() and not _is_ours(path) and path.absolute() not in known:
                    self._add(path, uploads)

    def __iter__(self) -> Iterator[Entry]:
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, number: int) -> Entry:
        """The image of an id.

        Raises:
            UnknownImage: there is none.
        """
        entry = self._entries.get(number)
        if entry is None:
            raise UnknownImage(number)
        return entry

    def size(self, entry: Entry) -> Size:
        """(height, width) of an image in pixels, upright.

        Raises:
            DataError: D01, D02 for an image that cannot be read; the entry then says so.
        """
        if entry.size is None:
            try:
                entry.size = image_size(entry.path, self.reading)
            except DataError as error:
                entry.message = str(error)
                raise
        return entry.size

    def look(self, seconds: float = _LOOK) -> None:
        """Read the sizes of images that are not known yet, for at most so many seconds."""
        end = monotonic() + seconds
        for entry in self:
            if monotonic() > end:
                return
            if entry.size is None and entry.message is None:
                try:
                    self.size(entry)
                except DataError:
                    continue

    def add(self, name: str, content: bytes) -> Entry:
        """Keep an image that came by the page, under a safe name of its own.

        Raises:
            DataError: D02 for what is no image; it is not kept.
            UsageError: U04 for more images than a project may have.
            RelookError: R02 when it cannot be written.
        """
        self._check_number(len(self) + 1)
        shown = printable(Path(name.replace("\\", "/")).name)[:120] or "image"
        size = _checked_size(content, self.reading, shown)
        with self._lock:
            path = self._free(safe_folder(shown))
            with replacing(path) as draft:
                draft.write_bytes(content)
            entry = self._add(path, self.uploads)
        entry.size = size
        return entry

    def _add(self, path: Path, root: Path) -> Entry:
        entry = Entry(len(self._entries) + 1, path, root)
        self._entries[entry.id] = entry
        return entry

    def _free(self, name: str) -> Path:
        """A path for an image in the folder of uploads that no file has."""
        stem, suffix = os.path.splitext(name)  # noqa: PTH122 - of a name, not a path
        taken = {path.name.casefold() for path in self.uploads.glob("*")}
        stem = stem.lstrip(".") or "image"
        name, number = f"{stem}{suffix}", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem}-{number}{suffix}"
        return self.uploads / name

    def _check_number(self, number: int) -> None:
        if number > MOST_IMAGES:
            raise UsageError(
                "U04",
                f"a project takes {counted(MOST_IMAGES, 'image')}, and these are {number}. Open a "
                "part of them.",
            )


def _is_ours(path: Path) -> bool:
    return path.name.startswith(".") or path.suffix == ".json"


def _checked_size(content: bytes, reading: Reading, name: str) -> Size:
    """(height, width) of an image in memory, which is opened but not decoded."""
    from ...data.images import open_image

    with open_image(content, reading, name) as image:
        height, width = image.size
        if height * width > most_pixels():
            raise DataError(
                "D02",
                f"{name} is too large: {width} x {height} pixels. Open its folder with `relook app "
                "FOLDER`, which reads large TIFF files by windows.",
            )
        return image.size
