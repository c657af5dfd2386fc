"""Sources of images: files, folders and patterns."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from ...errors import DataError, did_you_mean

SUFFIXES: Final = frozenset(
    f".{kind}"
    for kind in (
        "bmp",
        "gif",
        "jp2",
        "jpeg",
        "jpg",
        "pbm",
        "pgm",
        "png",
        "ppm",
        "tif",
        "tiff",
        "webp",
    )
)


def find_images(sources: Sequence[str | Path], leave_out: Path | None = None) -> list[Path]:
    """The files that `sources` mean, in their order, each once.

    A file is taken whatever its name; a folder gives its images, those of folders inside
    included, sorted, without hidden ones; a pattern such as ``"scans/**/*.png"`` gives what it
    matches. Nothing inside `leave_out`, where results go, is taken from a folder or pattern.

    Raises:
        DataError: D01 for a source that is not there, D11 for a folder without images.
    """
    found: dict[Path, Path] = {}
    for source in sources:
        for path in _expanded(source, None if leave_out is None else leave_out.resolve()):
            found.setdefault(path.resolve(), path)
    return list(found.values())


def _expanded(source: str | Path, leave_out: Path | None) -> Sequence[Path]:
    path = Path(source).expanduser()
    if path.is_file():
        return [path]
    if path.is_dir():
        images = [file for file in _images_in(path) if not _is_inside(file, leave_out)]
        if not images:
            raise DataError(
                "D11", f"{source}: the folder has no images ({', '.join(sorted(SUFFIXES))})."
            )
        return images
    if glob.has_magic(str(source)):
        matches = sorted(Path(m) for m in glob.glob(str(path), recursive=True))  # noqa: PTH207
        images = [m for m in matches if m.is_file() and not _is_inside(m, leave_out)]
        if not images:
            raise DataError("D01", f"{source}: no file matches this pattern.")
        return images
    siblings = [file.name for file in path.parent.glob("*")] if path.parent.is_dir() else []
    close = did_you_mean(path.name, siblings) if siblings else ""
    hint = f"; {close}" if close.startswith("did") else ""
    raise DataError("D01", f"{source}: there is no such file or folder{hint}.")


def _images_in(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        is_hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.suffix.lower() in SUFFIXES and not is_hidden and path.is_file():
            yield path


def _is_inside(path: Path, folder: Path | None) -> bool:
    return folder is not None and path.resolve().is_relative_to(folder)
