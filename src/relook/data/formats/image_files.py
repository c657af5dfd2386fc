"""The image files that annotations belong to, found by the names that tools write."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import unquote

from PIL import Image

from ...errors import DataError, first_few
from ...structures.detection import Size
from ..images import stored_size
from ..images.exif import may_be_turned
from ..images.files import is_npy, is_tiff
from ..images.orientation import UPRIGHT, upright_size
from ..sources.finding import SUFFIXES

IMAGE_SUFFIXES: Final = (SUFFIXES | {".heic", ".heif"}) - {".npy"}
"""Endings of image files that annotations may belong to."""
SIBLINGS: Final = ("images", "imgs", "img", "image", "JPEGImages", "raw")
"""Names of folders of images beside a folder of annotations."""
_MOST_FILES: Final = 1_000_000


class ImageFinder:
    """The image files of `images`, or without it those in and beside the source of annotations.

    Names are matched exactly where that is possible, else by Unicode form and case, else by their
    last part where only one file has it; `matched` counts how.
    """

    def __init__(self, source: Path, images: Path | None) -> None:
        self.given = images
        self.matched: Counter[str] = Counter()
        self._ignored: Callable[[Path], bool] = lambda _: False
        self._by_name: dict[str, list[Path]] | None = None
        self._by_stem: dict[str, list[Path]] = {}
        base = source if source.is_dir() else source.parent
        self.roots = [images] if images else [base, *_beside(base)]
        if images is not None and not images.exists():
            raise DataError("D01", f"{images}: there is no such folder of images.")

    def leave_out(self, ignored: Callable[[Path], bool]) -> None:
        """Take files that `ignored` says yes to for no images, such as masks beside them."""
        self._ignored, self._by_name = ignored, None

    def all(self) -> list[Path]:
        """All image files, sorted by their path."""
        return sorted(path for paths in self._names().values() for path in paths)

    def named(self, name: str, beside: Path, where: str) -> Path:
        """The file that a tool calls `name`, which may be a path, relative to the folder `beside`.

        Raises:
            DataError: D01 if there is none, or several and nothing says which.
        """
        parts = _parts_of(name)
        if not parts:
            raise DataError("D01", f"{where} names no image file.")
        if self.given is None and (near := self._near(name, beside)) is not None:
            self.matched["exactly"] += 1
            return near
        candidates = self._names().get(_key(parts[-1]), [])
        best = self._best(candidates, parts)
        if len(best) == 1:
            self.matched[_how(best[0], parts)] += 1
            return best[0]
        raise self.missing(name, where, best)

    def of_stem(self, stem: str, beside: Path, where: str) -> Path:
        """The image file whose name without ending is `stem`; raises as `named`.

        Of several the one whose folders are most like those of `beside`: by their last names, else
        by their first ones.
        """
        self._names()
        found = self._by_stem.get(_key(stem), [])
        scores = [_closeness(path.parent, beside) for path in found]
        best = [path for path, score in zip(found, scores, strict=True) if score == max(scores)]
        if len(best) == 1:
            return best[0]
        raise self.missing(stem, where, best)

    def has_stem(self, stem: str) -> bool:
        """Return whether an image file has this name, without its ending."""
        self._names()
        return _key(stem) in self._by_stem

    def only(self) -> Path | None:
        """The image, where there is exactly one."""
        files = self.all()
        return files[0] if len(files) == 1 else None

    def beside(self, paths: Iterable[Path]) -> set[Path]:
        """Other image files in the folders of `paths`."""
        known = {plain_absolute(path) for path in paths}
        return {
            path
            for folder in {path.parent for path in known}
            for path in folder.iterdir()
            if path not in known
            and path.suffix.lower() in IMAGE_SUFFIXES
            and not path.name.startswith(".")
            and not self._ignored(path)
        }

    def size(self, path: Path, where: str, said: Size | None = None) -> Size:
        """(height, width) of an image in the frame of its annotations: upright, or as `said`.

        Raises:
            DataError: D10 if the annotations are for another size, D02 for what is no image.
        """
        stored, turn = _header(path)
        if said is None:
            return upright_size(stored, turn)
        if said not in (stored, upright_size(stored, turn)):
            raise DataError(
                "D10",
                f"{where} is for an image of {said[1]} x {said[0]} pixels (width x height), and "
                f"{path} has {stored[1]} x {stored[0]}. Give the images that were annotated.",
            )
        return said

    def _near(self, name: str, beside: Path) -> Path | None:
        """The file at `name` itself, inside of the folder of annotations or the one around it."""
        if "://" in name or "\0" in name:
            return None
        place = plain_absolute(beside / name.replace("\\", "/"))
        around = plain_absolute(self.roots[0]).parent
        try:
            inside = place.is_relative_to(around) and place.is_file()
        except OSError:  # a name longer than the system allows
            return None
        is_image = place.suffix.lower() in IMAGE_SUFFIXES and not self._ignored(place)
        return place if inside and is_image else None

    def _names(self) -> dict[str, list[Path]]:
        if self._by_name is None:
            self._by_name, self._by_stem = {}, {}
            for path in self._walked():
                if path.suffix.lower() in IMAGE_SUFFIXES and not self._ignored(path):
                    self._by_name.setdefault(_key(path.name), []).append(path)
                    for stem in {path.stem, path.stem.removesuffix(".ome")}:
                        self._by_stem.setdefault(_key(stem), []).append(path)
        return self._by_name

    def _walked(self) -> Iterator[Path]:
        seen = 0
        for root in self.roots:
            if root.is_file():
                yield root
            for folder, folders, files in os.walk(root):
                folders[:] = sorted(name for name in folders if not name.startswith("."))
                seen += len(files)
                if seen > _MOST_FILES:
                    raise DataError(
                        "D01",
                        f"{root} has more than {_MOST_FILES:,} files. Name the folder of images: "
                        "--images FOLDER, in Python images=.",
                    )
                yield from (Path(folder) / name for name in files if not name.startswith("."))

    def _best(self, candidates: list[Path], parts: list[str]) -> list[Path]:
        """Candidates that agree with the most of the last `parts` of a name."""
        scores = [_agreement(path, parts) for path in candidates]
        top = max(scores, default=0)
        best = [path for path, score in zip(candidates, scores, strict=True) if score == top]
        exact = [path for path in best if path.name == parts[-1]]
        return exact or best

    def missing(self, name: str, where: str, found: list[Path]) -> DataError:
        """The error for an image that is not there, or for one of several that may be meant."""
        places = first_few((root for root in self.roots if root.exists()), 3) or "no folder"
        if found:
            return DataError(
                "D01",
                f"{where}: {name!r:.200} may be {first_few(sorted(found), 3)}. Give the folder "
                "that has only the right one: --images FOLDER, in Python images=.",
            )
        advice = "Name the folder of images: --images FOLDER, in Python images=."
        if self.given is not None:
            advice = "Give a folder that has it with --images, or take it out of the annotations."
        near = self._by_stem.get(_key(Path((_parts_of(name) or [""])[-1]).stem), [])
        if len(near) == 1:
            advice = f"{near[0].name} is there: if it is meant, give both the same ending."
        return DataError("D01", f"{where}: its image {name!r:.200} is not in {places}. {advice}")


def _beside(base: Path) -> list[Path]:
    """Folders of images beside `base`, which it is not and does not hold."""
    place = plain_absolute(base)
    around = base.parent if base.name not in ("", "..") else place.parent
    beside = [around / name for name in SIBLINGS]
    return [folder for folder in beside if not plain_absolute(folder).is_relative_to(place)]


def _header(path: Path) -> tuple[Size, int]:
    """(height, width) as stored, and the orientation, from as few bytes as say it."""
    try:
        with path.open("rb") as file:
            head = file.read(16)
            file.seek(0)
            if not is_tiff(head) and not is_npy(head) and not may_be_turned(file):
                file.seek(0)
                with Image.open(file) as image:
                    return (image.height, image.width), UPRIGHT
    except Exception:  # noqa: BLE001 - what is wrong with the file is said below
        pass
    return stored_size(path)


def common_folder(paths: list[Path]) -> Path:
    """The folder that all `paths` are in."""
    return Path(os.path.commonpath([plain_absolute(path.parent) for path in paths]))


def plain_absolute(path: Path) -> Path:
    """`path` as an absolute one without ``..``; links are kept as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100 - resolve() would follow links


def _key(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()


def _parts_of(name: str) -> list[str]:
    """Parts of a path or address as a tool writes it, without those that only lead around."""
    text = name.replace("\\", "/")
    if "://" in text or text.startswith("/data/"):
        text = unquote(text)
        text = text.partition("?d=")[2] or text.partition("?")[0]
    return [part for part in text.split("/") if part not in {"", ".", ".."}]


def _agreement(path: Path, parts: list[str]) -> int:
    count = 0
    for ours, theirs in zip(reversed(path.parts), reversed(parts), strict=False):
        if _key(ours) != _key(theirs):
            break
        count += 1
    return count


def _closeness(folder: Path, beside: Path) -> tuple[int, int, int]:
    """Equal last names and equal first names of two folders, and nearness to their top."""
    first, second = plain_absolute(folder), plain_absolute(beside)
    common = len(Path(os.path.commonpath([first, second])).parts)
    return _agreement(first, list(second.parts)), common, -len(first.parts)


def _how(path: Path, parts: list[str]) -> str:
    if list(path.parts[-len(parts) :]) == parts:
        return "exactly"
    if _agreement(path, parts) == len(parts):
        return "by Unicode form or case"
    return "by the last part of the name"
