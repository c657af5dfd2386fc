"""The files of single images that a prediction leaves on disk."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Literal, TypedDict

import numpy as np
from PIL import Image

from ...data.panoptic.writer import write_map
from ...data.sources.stored import AnyImage, stem_of
from ...errors import UsageError
from ...runtime.csv_files import write_csv
from ...runtime.files import replacing, write_text
from ..results import Result
from ..writers.counts import count_rows
from ..writers.crops import object_crops
from ..writers.geojson import Transform, write_geojson
from ..writers.geopackage import write_geopackage
from ..writers.kinds import KINDS
from ..writers.labelme import labelme_record
from ..writers.labels import label_image, write_labels
from ..writers.rois import write_rois
from ..writers.table import Columns, PixelSize, Samples, object_table
from ..writers.yolo import yolo_lines

TABLES: Final = frozenset({"csv", "parquet"})
"""Kinds with measurements of each object, which read the values of the image's file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SaveOptions:
    """Options of what is saved.

    Raises:
        UsageError: U03 for a value that makes no sense.
    """

    pixel_size: PixelSize | None = None
    """(y, x) in micrometres, in place of what the file of an image says."""
    simplify: float = 0.0
    """Pixels that polygons may leave the edges of the mask by; 0 keeps the edges."""
    labels: Literal["auto", "off"] = "auto"
    """Words in overlays: where they hide no object, or none."""

    def __post_init__(self) -> None:
        if self.pixel_size is not None and not all(0 < side < 1e9 for side in self.pixel_size):
            raise UsageError(
                "U03", f"pixel_size: expected micrometres above 0, got {self.pixel_size}"
            )
        if not 0 <= self.simplify < 1000:
            raise UsageError("U03", f"simplify: expected 0 or more pixels, got {self.simplify}")
        if self.labels not in ("auto", "off"):
            raise UsageError("U01", f"labels: expected auto or off, got {self.labels!r}")

    def pixel_size_of(self, result: Result) -> PixelSize | None:
        """(y, x) of a pixel of a result in micrometres; None where nothing says it."""
        if self.pixel_size is not None:
            return self.pixel_size
        return None if result.info is None else result.info.pixel_size

    def record(self) -> dict[str, Any]:
        """The options as json values."""
        size = self.pixel_size
        pixel_size = None if size is None else list(size)
        return {"pixel_size": pixel_size, "simplify": self.simplify, "labels": self.labels}


class _Geometry(TypedDict):
    tolerance: float
    transform: Transform | None
    crs: str | None
    measurements: Columns


DEFAULT_OPTIONS: Final = SaveOptions()


def output_names(images: Iterable[str | AnyImage]) -> dict[str, str]:
    """Source -> the name of its files: that of the image without its suffix (see `stem_of`).

    Images of the same name from several folders get ``NAME-2``, ``NAME-3``, ... in the order of
    `images`, so that names do not depend on which images are done first.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for image in images:
        stem = stem_of(image)
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
        self._writers: Mapping[str, Callable[[Result, str], None]] = {
            "overlay": self._write_overlay,
            "masks": self._write_masks,
            "labels": self._write_labels,
            "rois": self._write_rois,
            "geojson": self._write_geojson,
            "gpkg": self._write_geopackage,
            "yolo": self._write_yolo,
            "labelme": self._write_labelme,
            "crops": self._write_crops,
        }

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
        for kind, write in self._writers.items():
            if kind in self._kinds:
                write(result, name)
        record: dict[str, Any] = {}
        pixel_size = self._options.pixel_size_of(result)
        if self._kinds & TABLES:
            table = object_table(result, pixel_size=pixel_size, samples=samples)
            record["table"] = {name: _rounded(column) for name, column in table.items()}
        if "counts" in self._kinds:
            record["counts"] = count_rows(result, pixel_size)
        if "panoptic" in self._kinds and result.panoptic is not None:
            path = self._folder / "panoptic" / f"{name}.png"
            record["segments"] = write_map(path, result.panoptic)
        return record

    def _write_overlay(self, result: Result, name: str) -> None:
        text = False if self._options.labels == "off" else None
        if result.panoptic is None:
            picture = result.draw(text=text, legend=text)
        else:
            picture = result.draw_panoptic(text=text)
        with replacing(self._folder / "overlay" / f"{name}.jpg") as draft:
            picture.convert("RGB").save(draft, "JPEG", quality=92, subsampling=0)

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

    def _write_labels(self, result: Result, name: str) -> None:
        with replacing(self._folder / "labels" / f"{name}.tif") as draft:
            write_labels(draft, result, self._options.pixel_size_of(result))

    def _write_rois(self, result: Result, name: str) -> None:
        with replacing(self._folder / "rois" / f"{name}.zip") as draft:
            write_rois(draft, result, self._options.simplify)

    def _write_geojson(self, result: Result, name: str) -> None:
        path = self._folder / "geojson" / f"{name}.geojson"
        with replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
            write_geojson(file, result, **self._geometry(result))

    def _write_geopackage(self, result: Result, name: str) -> None:
        with TemporaryDirectory() as folder:  # GDAL wants the ending, which a draft has not
            made = Path(folder) / "objects.gpkg"
            write_geopackage(made, result, **self._geometry(result))
            with replacing(self._folder / "gpkg" / f"{name}.gpkg") as draft:
                shutil.copyfile(made, draft)

    def _geometry(self, result: Result) -> _Geometry:
        """Arguments of the writers of polygons with measurements."""
        info, pixel_size = result.info, self._options.pixel_size_of(result)
        has_crs = info is not None and info.crs is not None and info.transform is not None
        return {
            "tolerance": self._options.simplify,
            "transform": info.transform if info is not None and has_crs else None,
            "crs": info.crs if info is not None and has_crs else None,
            "measurements": object_table(result, pixel_size=pixel_size),
        }

    def _write_yolo(self, result: Result, name: str) -> None:
        lines = yolo_lines(result, self._options.simplify)
        write_text(self._folder / "yolo" / f"{name}.txt", "".join(f"{line}\n" for line in lines))

    def _write_labelme(self, result: Result, name: str) -> None:
        image = Path(result.source or name).name
        record = labelme_record(result, image, self._options.simplify)
        write_text(self._folder / "labelme" / f"{name}.json", json.dumps(record) + "\n")

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


def folders_of(kinds: Collection[str]) -> set[str]:
    """Folders inside of the folder of results in which files of these kinds stand."""
    files = [file for kind in kinds for file in (*KINDS[kind].files, *KINDS[kind].common)]
    return {"", *(str(Path(file).parent) for file in files if "{name}/" not in file)}
