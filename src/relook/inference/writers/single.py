"""One result in one file, by its kind or by the ending of the file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypedDict

from ...errors import UsageError, did_you_mean
from ...runtime.csv_files import write_csv
from ...runtime.files import replacing, write_text
from ...runtime.json_files import write_json
from ..results import Result
from .coco import coco_annotations, coco_categories, coco_image
from .cvat import cvat_document, cvat_image
from .geojson import Transform, write_geojson
from .geopackage import write_geopackage
from .label_studio import label_studio_task
from .labelme import labelme_record, way_to
from .labels import write_labels
from .options import DEFAULT_OPTIONS, SaveOptions
from .rois import write_rois
from .table import Columns, PixelSize, Samples, is_intensity, object_table
from .yolo import yolo_lines

_BY_ENDING: Final[Mapping[str, str]] = {
    ".csv": "csv",
    ".tif": "labels",
    ".tiff": "labels",
    ".zip": "rois",
    ".geojson": "geojson",
    ".gpkg": "gpkg",
    ".txt": "yolo",
    ".xml": "cvat",
    ".jpg": "overlay",
    ".jpeg": "overlay",
    ".png": "overlay",
}


class _Geometry(TypedDict):
    tolerance: float
    transform: Transform | None
    crs: str | None
    measurements: Columns


class Saved:
    """A result to be saved as some kinds: its options, and its table, which is made once.

    `samples` are the values of the image's file, for the intensities in the table.
    """

    def __init__(
        self,
        result: Result,
        options: SaveOptions = DEFAULT_OPTIONS,
        samples: Samples | None = None,
    ) -> None:
        self.result, self.options, self.samples = result, options, samples

    @property
    def pixel_size(self) -> PixelSize | None:
        """(y, x) of a pixel in micrometres; None where nothing says it."""
        return self.options.pixel_size_of(self.result)

    @property
    def image_name(self) -> str:
        """Name of the image's file."""
        return Path(self.result.source or "image").name

    @cached_property
    def table(self) -> Columns:
        """The columns of `object_table`."""
        return object_table(self.result, pixel_size=self.pixel_size, samples=self.samples)

    def geometry(self) -> _Geometry:
        """Arguments of the writers of polygons with measurements of the shape."""
        info = self.result.info
        has_crs = info is not None and info.crs is not None and info.transform is not None
        return {
            "tolerance": self.options.simplify,
            "transform": info.transform if info is not None and has_crs else None,
            "crs": info.crs if info is not None and has_crs else None,
            "measurements": {n: c for n, c in self.table.items() if not is_intensity(n)},
        }


def save_result(result: Result, path: str | Path, kind: str | None = None) -> None:
    """Write a result to the file `path`, as a whole or not at all.

    Kinds are ``overlay`` (.jpg, .png), ``csv``, ``labels`` (.tif), ``rois`` (.zip), ``geojson``,
    ``gpkg``, ``yolo`` (.txt), ``cvat`` (.xml), and of json files ``coco`` with polygons,
    ``labelme`` and ``label-studio``. Without `kind` the ending of the file says it, but for .json.

    Raises:
        UsageError: U01 for an unknown kind, U03 for an ending that tells none.
        RelookError: R02 when the file cannot be written.
    """
    path = Path(path)
    name = kind or _BY_ENDING.get(path.suffix.lower())
    if name is None:
        raise UsageError(
            "U03",
            f"{path.name}: its ending does not say the kind. Give it: "
            f"result.save(path, kind), one of {', '.join(sorted(WRITERS))}.",
        )
    if name not in WRITERS:
        raise UsageError("U01", f"save: unknown kind {name!r}; {did_you_mean(name, WRITERS)}")
    WRITERS[name](Saved(result), path)


def _overlay(saved: Saved, path: Path) -> None:
    text = False if saved.options.labels == "off" else None
    if saved.result.panoptic is None:
        picture = saved.result.draw(text=text, legend=text)
    else:
        picture = saved.result.draw_panoptic(text=text)
    with replacing(path) as draft:
        if path.suffix.lower() == ".png":
            picture.convert("RGB").save(draft, "PNG")
        else:
            picture.convert("RGB").save(draft, "JPEG", quality=92, subsampling=0)


def _csv(saved: Saved, path: Path) -> None:
    write_csv(path, list(saved.table), zip(*saved.table.values(), strict=True))


def _labels(saved: Saved, path: Path) -> None:
    with replacing(path) as draft:
        write_labels(draft, saved.result, saved.pixel_size)


def _rois(saved: Saved, path: Path) -> None:
    with replacing(path) as draft:
        write_rois(draft, saved.result, saved.options.simplify)


def _geojson(saved: Saved, path: Path) -> None:
    with replacing(path) as draft, draft.open("w", encoding="utf-8") as file:
        write_geojson(file, saved.result, **saved.geometry())


def _geopackage(saved: Saved, path: Path) -> None:
    with TemporaryDirectory() as folder:  # GDAL wants the ending, which a draft has not
        made = Path(folder) / "objects.gpkg"
        write_geopackage(made, saved.result, **saved.geometry())
        with replacing(path) as draft:
            shutil.copyfile(made, draft)


def _yolo(saved: Saved, path: Path) -> None:
    lines = yolo_lines(saved.result, saved.options.simplify)
    write_text(path, "".join(f"{line}\n" for line in lines))


def _cvat(saved: Saved, path: Path) -> None:
    image = cvat_image(saved.result, 0, saved.image_name)
    names = [category.name for category in saved.result.classes]
    with replacing(path) as draft:
        draft.write_bytes(cvat_document([image], names))


def _coco(saved: Saved, path: Path) -> None:
    content = {
        "images": [coco_image(saved.result, 1, saved.image_name)],
        "categories": coco_categories(saved.result.classes),
        "annotations": coco_annotations(saved.result, 1, 1, saved.options.simplify),
    }
    write_json(path, content)


def _labelme(saved: Saved, path: Path) -> None:
    image = way_to(Path(saved.result.source or ""), path.parent) or saved.image_name
    write_json(path, labelme_record(saved.result, image, saved.options.simplify))


def _label_studio(saved: Saved, path: Path) -> None:
    task = label_studio_task(saved.result, saved.image_name, saved.options.simplify)
    write_json(path, iter([task]))


WRITERS: Final[Mapping[str, Callable[[Saved, Path], None]]] = {
    "overlay": _overlay,
    "csv": _csv,
    "labels": _labels,
    "rois": _rois,
    "geojson": _geojson,
    "gpkg": _geopackage,
    "yolo": _yolo,
    "cvat": _cvat,
    "coco": _coco,
    "labelme": _labelme,
    "label-studio": _label_studio,
}
"""Writers of one file, by the kind; `batch.writer` uses those of files of each image."""
