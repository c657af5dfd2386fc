"""The files of single images that a prediction leaves on disk."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np
from PIL import Image

from ...data.panoptic.writer import write_map
from ...data.sources.stored import AnyImage, name_of
from ...runtime.csv_files import write_csv
from ...runtime.files import replacing, write_text
from ..results import Result
from ..writers.counts import count_rows
from ..writers.crops import object_crops
from ..writers.kinds import KINDS, files_of
from ..writers.labels import label_image, write_labels
from ..writers.options import DEFAULT_OPTIONS, SaveOptions
from ..writers.single import WRITERS, Saved
from ..writers.table import Samples

TABLES: Final = frozenset({"csv", "parquet"})
"""Kinds with measurements of each object, which read the values of the image's file."""


def output_names(images: Iterable[str | AnyImage], root: Path | None = None) -> dict[str, str]:
    """Source -> the name of its files: that of the image without its suffix, in its folders below
    `root` (see `name_of`): ``a/img001`` of ``ROOT/a/img001.png``.

    Images of the same name get ``NAME-2``, ``NAME-3``, ... in the order of `images`, so that names
    do not depend on which images are done first.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for image in images:
        stem = name_of(image, root)
        name, number = stem, 1
        while name.casefold() in taken:  # some file systems do not tell a from A
            number += 1
            name = f"{stem}-{number}"
        taken.add(name.casefold())
        names[str(image)] = name
    return names


class Writer:
    """Writes the files of single images into one folder, by `writers.kinds.KINDS`.

    Of an image that is too large to be kept, the overlay is at reduced size and the numbers of
    ``masks`` are in ``masks/NAME.tif``.
    """

    def __init__(
        self, folder: Path, kinds: Collection[str], options: SaveOptions = DEFAULT_OPTIONS
    ) -> None:
        self._folder, self._kinds, self._options = folder, frozenset(kinds), options

    @property
    def reads_samples(self) -> bool:
        """Return whether `write` needs the values of the image's file."""
        return bool(self._kinds & TABLES)

    def write(self, result: Result, name: str, samples: Samples | None = None) -> dict[str, Any]:
        """Write the files of one image, which are called `name`; the fields that the image's
        record in the journal keeps for the files of all images.

        Raises:
            RelookError: R02 when a file cannot be written.
            UsageError: U04 for an image that a kind cannot hold.
        """
        saved = Saved(result, self._options, samples)
        for kind, write in WRITERS.items():
            if kind in self._kinds and KINDS[kind].files:
                write(saved, self._folder / KINDS[kind].files[0].format(name=name))
        if "masks" in self._kinds:
            self._write_masks(result, name)
        if "crops" in self._kinds:
            self._write_crops(result, name)
        record: dict[str, Any] = {}
        if self._kinds & TABLES:
            record["table"] = {name: _rounded(column) for name, column in saved.table.items()}
        if "counts" in self._kinds:
            record["counts"] = count_rows(result, saved.pixel_size)
        if "panoptic" in self._kinds and result.panoptic is not None:
            path = self._folder / "panoptic" / f"{name}.png"
            record["segments"] = write_map(path, result.panoptic)
        files = stored_files(self._folder, name, self._kinds)
        return {**record, "files": files} if files else record

    def _write_masks(self, result: Result, name: str) -> None:
        if result.overview is not None or len(result) > np.iinfo(np.uint16).max:
            with replacing(self._folder / "masks" / f"{name}.tif") as draft:
                pixels = write_labels(draft, result)
        else:
            numbers = label_image(result)
            with replacing(self._folder / "masks" / f"{name}.png") as draft:
                Image.fromarray(numbers).save(draft, "PNG")
            pixels = np.bincount(numbers.ravel(), minlength=len(result) + 1)[1:]
        rows = zip(result.names, result.labels, result.scores, pixels, strict=True)
        objects = [
            {
                "number": number,
                "name": class_name,
                "category_id": result.classes[int(label)].id,
                "score": round(float(score), 5),
                "visible_pixels": int(count),
            }
            for number, (class_name, label, score, count) in enumerate(rows, start=1)
        ]
        index = {"file": result.source, "objects": objects}
        write_text(self._folder / "masks" / f"{name}.json", json.dumps(index, indent=1) + "\n")

    def _write_crops(self, result: Result, name: str) -> None:
        """Pictures first, their list last: it says that all are there."""
        folder = self._folder / "crops" / name
        rows = []
        for crop in object_crops(result):
            files = f"{crop.number:05d}.png", f"{crop.number:05d}-cut-out.png"
            for file, picture in zip(files, (crop.image, crop.cut_out), strict=True):
                with replacing(folder / file) as draft:
                    picture.save(draft, "PNG")
            rows.append([*files, crop.number, crop.name, round(crop.score, 5)])
        columns = ("file", "cut_out", "id", "class", "score")
        write_csv(folder / "objects.csv", columns, rows)


def _rounded(column: list[Any]) -> list[Any]:
    """A column with floats of six digits."""
    return [float(f"{value:.6g}") if isinstance(value, float) else value for value in column]


def has_file(folder: Path, file: str) -> bool:
    """Return whether a file of an image is in `folder`, as PNG or, of a large image, as TIFF."""
    path = folder / file
    return path.is_file() or (file.startswith("masks/") and path.with_suffix(".tif").is_file())


def stored_files(folder: Path, name: str, kinds: Collection[str]) -> list[str]:
    """The files of an image as they are in `folder`: a large image has its masks as TIFF."""
    files = files_of(name, sorted(kinds))
    return [
        file if (folder / file).is_file() or not has_file(folder, file) else _as_tiff(file)
        for file in files
    ]


def _as_tiff(file: str) -> str:
    return str(PurePosixPath(file).with_suffix(".tif"))


def folders_of(kinds: Collection[str], names: Iterable[str] = ()) -> set[str]:
    """Folders inside of the folder of results in which files of these kinds stand, those of the
    images called `names` included.
    """
    mirrored = {str(PurePosixPath(name).parent) for name in names}
    inside = {
        str(PurePosixPath(file).parent)
        for name in mirrored
        for file in files_of(f"{name}/x", kinds)
    }
    files = [file for kind in kinds for file in (*KINDS[kind].files, *KINDS[kind].common)]
    return {"", *inside, *(str(Path(file).parent) for file in files if "{name}/" not in file)}
