"""Finding of images: in files, folders, patterns, archives, videos, addresses, cameras."""

from __future__ import annotations

import glob
import os
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Final

from ...errors import DataError, UsageError, counted, did_you_mean
from .addresses import Download, check_address, fetch, looks_like_address, path_of
from .archives import Archive
from .cameras import Camera, camera_number
from .found import Found, by_ending
from .listing import SAME, listed
from .signatures import HEAD, Kind, recognise
from .stored import AnyImage, ImageBytes, StoredImage
from .videos import Video

SUFFIXES: Final = frozenset(
    f".{kind}"
    for kind in (
        "avif",
        "bmp",
        "gif",
        "jfif",
        "jp2",
        "jpe",
        "jpeg",
        "jpg",
        "lsm",
        "mpo",
        "npy",
        "pbm",
        "pgm",
        "png",
        "pnm",
        "ppm",
        "svs",
        "tif",
        "tiff",
        "webp",
    )
)
"""Endings of image files, which are taken from folders without a look at their content."""
_FETCHED: Final = frozenset(
    {".zip", ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".ts", ".wmv"}
)
"""Endings of addresses that have several images."""
STDIN: Final = "-"
MOST_BYTES: Final = 1 << 30
"""Bytes of standard input, and of an archive or video at an address."""

Source = str | Path | StoredImage


def find_sources(
    sources: Sequence[Source],
    leave_out: Path | None = None,
    *,
    every: int = 1,
    frames: int | None = None,
) -> Found:
    """The images that `sources` mean, in their order, each once; nothing is decoded.

    A file is taken whatever its name: the images of a ZIP archive in their order, the frames of a
    video, else the file as an image. A pattern such as ``"scans/**/*.png"`` gives the files it
    matches in the same way. A folder gives its images, those of folders inside included, sorted,
    without hidden ones: files with an ending of `SUFFIXES`, and those that start as an image does.
    All others are counted, archives, videos, links to folders and broken links too. Nothing inside
    `leave_out`, where results go, is taken from a folder or pattern.

    ``https://...`` is an image, archive or video at an address, ``camera:0`` the first camera, and
    ``-`` standard input. Of videos and cameras every `every`-th frame is taken, and at most
    `frames` of each; a camera needs that number.

    Raises:
        DataError: D01 for a source that is not there, D02 for an archive or video that cannot be
            read, D11 for a folder or archive without images.
        UsageError: U03 for an address that is not opened, U04 for a camera without `frames`, for
            `every` or `frames` without a video, and where nothing comes through standard input.
        RelookError: R04 for a video without PyAV, and for a camera that is not there.
    """
    if every < 1 or (frames is not None and frames < 1):
        raise UsageError("U03", f"every {every}, frames {frames}: both must be at least 1.")
    finding = _Finding(None if leave_out is None else leave_out.resolve(), every, frames)
    try:
        for source in sources:
            finding.add(source)
        if (every > 1 or frames) and not finding.has_frames:
            raise UsageError(
                "U04", "--every and --frames are about videos and cameras, and no source is one."
            )
    except BaseException:
        finding.found().close()
        raise
    return finding.found()


class _Finding:
    """Collects the images of one source after the other."""

    def __init__(self, leave_out: Path | None, every: int, frames: int | None) -> None:
        self._leave_out, self._every, self._frames = leave_out, every, frames
        self._images: dict[object, AnyImage] = {}
        self._containers: dict[object, Archive | Video | Camera] = {}
        self._left_out: Counter[str] = Counter()
        self._unopened = 0
        self._folders: list[str] = []  # of files, folders and patterns, absolute

    @property
    def has_frames(self) -> bool:
        return any(isinstance(one, Video | Camera) for one in self._containers.values())

    def found(self) -> Found:
        images, left_out = list(self._images.values()), dict(self._left_out.most_common())
        containers = tuple(self._containers.values())
        return Found(images, left_out, self._unopened, containers, _common(self._folders))

    def add(self, source: Source) -> None:
        if isinstance(source, StoredImage):
            self._images.setdefault(source.name, source)
        elif source == STDIN:
            if "stdin" not in self._images and "stdin" not in self._containers:
                self._add_content("stdin", _standard_input())
        elif isinstance(source, str) and (number := camera_number(source)) is not None:
            self._add_camera(number)
        elif isinstance(source, str) and looks_like_address(source):
            self._add_address(source)
        else:
            self._add_path(source, Path(source).expanduser())

    def _add_address(self, address: str) -> None:
        check_address(address)
        if path_of(address).suffix.lower() not in _FETCHED:
            self._images.setdefault(address, Download(address))
        elif address not in self._containers:
            self._add_content(address, fetch(address, MOST_BYTES)[0])

    def _add_camera(self, number: int) -> None:
        name = f"camera:{number}"
        if self._frames is None:
            raise UsageError("U04", f"{name} has no end. Say how many frames: --frames N.")
        if name not in self._containers:
            camera = Camera(number)
            self._containers[name] = camera
            self._take(camera.frames(self._frames, self._every))

    def _add_path(self, source: str | Path, path: Path) -> None:
        try:
            is_file, is_folder = path.is_file(), path.is_dir()
        except OSError:  # a name that is too long, a folder that may not be looked into
            raise _missing(source, path) from None
        if not str(source):
            raise _missing(source, path)
        if is_file:
            self._add_file(path, path.parent)
        elif is_folder:
            self._add_folder(source, path)
        elif glob.has_magic(str(source)):
            matches = sorted(Path(m) for m in glob.glob(str(path), recursive=True))  # noqa: PTH207
            files = [m for m in matches if m.is_file() and not self._is_result(m)]
            if not files:
                raise DataError("D01", f"{source}: no file matches this pattern.")
            for file in files:
                self._add_file(file, _before_pattern(path))
        else:
            raise _missing(source, path)

    def _add_file(self, path: Path, folder: Path) -> None:
        kind = _kind_of(path)
        if kind is not None and kind.use in {"archive", "video"}:
            self._add_container(path.resolve(), str(path), path, kind)
        else:
            self._images.setdefault(path.resolve(), path)
            self._note(folder)

    def _note(self, folder: Path) -> None:
        """Note a folder that images are from; results mirror the folders below all of them."""
        path = os.path.abspath(folder)  # noqa: PTH100 - symlinks are kept
        if path not in self._folders[-1:]:
            self._folders.append(path)

    def _add_content(self, name: str, content: bytes) -> None:
        kind = recognise(content)
        if kind is not None and kind.use in {"archive", "video"}:
            self._add_container(name, name, content, kind)
        else:
            self._images[name] = ImageBytes(name, content)

    def _add_container(self, key: object, name: str, content: Path | bytes, kind: Kind) -> None:
        if key in self._containers:
            return
        if kind.use == "video":
            video = Video(name, content, kind.demuxer)
            self._containers[key] = video
            self._take(video.frames(self._every, self._frames))
            return
        archive = Archive(name, content)
        self._containers[key] = archive
        members, left_out = archive.images(SUFFIXES)
        if not members:
            raise DataError("D11", f"{name}: the archive has no images{_but(left_out)}.")
        self._take(members)
        self._left_out += left_out

    def _take(self, images: Sequence[StoredImage]) -> None:
        for image in images:
            self._images.setdefault(image.name, image)

    def _add_folder(self, source: str | Path, folder: Path) -> None:
        left_out: Counter[str] = Counter()
        is_empty = True
        for path, reason in listed(folder):
            if self._is_result(path):
                continue
            if not reason and path.is_symlink() and path.resolve() in self._images:
                reason = SAME
            if reason:
                left_out[reason] += 1
                continue
            suffix = path.suffix.lower()
            kind = None if suffix in SUFFIXES else _kind_of(path)
            if suffix in SUFFIXES or (kind is not None and kind.use == "image"):
                self._images.setdefault(path.resolve(), path)
                is_empty = False
            else:
                left_out[suffix or "without ending"] += 1
                self._unopened += kind is not None and kind.use in {"archive", "video"}
        if is_empty:
            raise DataError(
                "D11", f"{source}: the folder has no images that relook can open{_but(left_out)}."
            )
        self._left_out += left_out
        self._note(folder)

    def _is_result(self, path: Path) -> bool:
        return self._leave_out is not None and path.resolve().is_relative_to(self._leave_out)


def _common(folders: Sequence[str]) -> Path | None:
    """The deepest folder that holds all `folders`; None where there is none, as of two drives."""
    try:
        return Path(os.path.commonpath(folders)) if folders else None
    except ValueError:
        return None


def _before_pattern(pattern: Path) -> Path:
    """The folder of a pattern, up to its first part with a wildcard."""
    while glob.has_magic(str(pattern)):
        pattern = pattern.parent
    return pattern


def _kind_of(path: Path) -> Kind | None:
    """The kind of a file; None where it is not known or cannot be read, which is told later."""
    try:
        with path.open("rb") as file:
            return recognise(file.read(HEAD))
    except OSError:
        return None


def _missing(source: str | Path, path: Path) -> DataError:
    if not str(source):
        return DataError(
            "D01", "an empty text is no file or folder. Give . for the one you are in."
        )
    try:
        if path.is_symlink():
            target = path.readlink()
            return DataError(
                "D01", f"{source} is a link to {target}, which is not there. Fetch or copy it."
            )
        siblings = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
    except OSError:  # a name that no file can have
        siblings = []
    close = did_you_mean(path.name, siblings) if siblings else ""
    hint = f"; {close}" if close.startswith("did") else "."
    return DataError("D01", f"{source}: there is no such file or folder{hint}")


def _but(left_out: Counter[str]) -> str:
    if not left_out:
        return ""
    total = counted(left_out.total(), "other file")
    return f", but {total} ({by_ending(dict(left_out.most_common()))})"


def _standard_input() -> bytes:
    """The image or list of paths that comes through standard input.

    Raises:
        UsageError: U04 where nobody sends anything.
        DataError: D02 for nothing, or for more than `MOST_BYTES`.
    """
    if sys.stdin is None or sys.stdin.isatty():
        raise UsageError("U04", "- is standard input, but nothing is sent there: cat a.png | ... -")
    stream: BinaryIO = sys.stdin.buffer
    content = stream.read(MOST_BYTES + 1)
    if not content:
        raise DataError("D02", "standard input is empty (0 bytes). Send an image.")
    if len(content) > MOST_BYTES:
        raise DataError(
            "D02", f"standard input has more than {MOST_BYTES >> 20:,} MiB. Save it as a file."
        )
    return content
