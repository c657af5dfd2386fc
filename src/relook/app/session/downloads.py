"""Objects of a project as files for other programs: every kind of ``--save``."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Iterable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from ...data.coco.reader import Category
from ...data.images import Reading, open_image
from ...data.images.shown import as_picture
from ...errors import RelookError, UsageError, did_you_mean
from ...inference.batch.coco_json import image_record
from ...inference.batch.common_files import write_common
from ...inference.batch.writer import Writer
from ...inference.results import Result
from ...inference.tiles.overview import read_overview
from ...inference.writers.kinds import KINDS, check_kinds
from ...inference.writers.samples import file_samples

NOT_HERE: Final = ("panoptic", "film", "tracks")
"""Kinds that need more than objects of single images."""
_PICTURES: Final = ("overlay", "crops", "labelme")
"""Kinds that need the pixels of the image."""


@dataclass(frozen=True, slots=True)
class Download:
    """A file in a temporary folder, which is deleted by `close`."""

    folder: Path
    path: Path
    name: str

    def close(self) -> None:
        """Delete the file and its folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def kinds() -> list[dict[str, str]]:
    """The kinds that can be downloaded here, with words about each."""
    found = []
    for name, kind in KINDS.items():
        if name in NOT_HERE:
            continue
        try:
            check_kinds([name], panoptic=False)
        except UsageError:  # a package is not installed
            continue
        found.append({"name": name, "words": kind.about})
    return found


def make_download(
    kind: str,
    results: Iterable[tuple[Path, str, Result]],
    classes: Sequence[Category],
    reading: Reading,
) -> Download:
    """Write the objects of images as one kind; several files are one zip archive.

    `results` are images by the path and the name of each. Archives and single files have the same
    content as those of ``relook predict --save``.

    Raises:
        UsageError: U01 for an unknown kind, U04 for one that cannot be made here.
        DataError: D01, D02 for an image whose pixels are needed and cannot be read.
        RelookError: R02 when a file cannot be written.
    """
    if kind in NOT_HERE or kind not in KINDS:
        names = [entry["name"] for entry in kinds()]
        raise UsageError(
            "U01", f"kind: there is no {kind[:60]!r} here; {did_you_mean(kind, names)}"
        )
    check_kinds([kind], panoptic=False)
    folder = Path(tempfile.mkdtemp(prefix="relook-download-"))
    try:
        return _written(folder, kind, results, classes, reading)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def _written(
    folder: Path,
    kind: str,
    results: Iterable[tuple[Path, str, Result]],
    classes: Sequence[Category],
    reading: Reading,
) -> Download:
    place = folder / "files"
    place.mkdir()
    writer = Writer(place, [kind])
    records: list[dict[str, Any]] = []
    taken: set[str] = set()
    for path, name, result in results:
        stem = _free(str(PurePosixPath(name).with_suffix("")), taken)
        result = _with_file(path, name, result, reading, pixels=kind in _PICTURES)
        opened = file_samples(path, reading, result) if writer.reads_samples else nullcontext()
        with opened as samples:
            more = writer.write(result, stem, samples)
        records.append({**image_record(result), "name": stem, "has_masks": True, **more})
    write_common(place, [kind], lambda: records, classes)
    files = sorted(path for path in place.rglob("*") if path.is_file())
    if not files:
        raise RelookError("R02", f"{kind}: no file came of it. Correct an image first.")
    if len(files) == 1:
        return Download(folder, files[0], files[0].name)
    archive = folder / f"relook-{kind}.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=3) as file:
        for path in files:
            file.write(path, path.relative_to(place).as_posix())
    return Download(folder, archive, archive.name)


def _with_file(path: Path, name: str, result: Result, reading: Reading, *, pixels: bool) -> Result:
    """The result with what the file says of the image and, if they are needed, its pixels."""
    with open_image(path, reading) as image:
        if not pixels:
            return replace(result, source=name, info=image.info)
        height, width = image.size
        if image.is_windowed and height * width > 64_000_000:
            return replace(result, source=name, info=image.info, overview=read_overview(image))
        return replace(result, source=name, info=image.info, image=as_picture(image.read()))


def _free(name: str, taken: set[str]) -> str:
    """`name`, or with a number at its end where another image has it."""
    free, number = name, 1
    while free.casefold() in taken:
        number += 1
        free = f"{name}-{number}"
    taken.add(free.casefold())
    return free
