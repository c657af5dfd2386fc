"""Kinds of files that results are saved as: their names for ``--save``, and their places."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final, Literal

from ...errors import UsageError, did_you_mean
from ...runtime.edition import extra

Need = Literal["masks", "panoptic", "pandas", "pyogrio"]
SaveOption = Literal["pixel_size", "simplify", "labels"]  # fields of `SaveOptions`
_SIZE: Final[tuple[SaveOption, ...]] = ("pixel_size",)
_CORNERS: Final[tuple[SaveOption, ...]] = ("simplify",)
_WORDS: Final[tuple[SaveOption, ...]] = ("labels",)


@dataclass(frozen=True, slots=True)
class FileKind:
    """A kind of file: what it is, and where it stands in the folder of results."""

    about: str
    files: tuple[str, ...] = ()  # of each image; {name} is the name of its files
    common: tuple[str, ...] = ()  # of all images together
    need: Need | None = None  # what must be there
    takes: tuple[SaveOption, ...] = ()  # options that change it


KINDS: Final[Mapping[str, FileKind]] = {
    "overlay": FileKind(
        "pictures with the objects drawn in", ("overlay/{name}.jpg",), takes=_WORDS
    ),
    "coco": FileKind("predictions.json, with run lengths", common=("predictions.json",)),
    "masks": FileKind(
        "PNG whose values number the objects",
        ("masks/{name}.png", "masks/{name}.json"),
        (),
        "masks",
    ),
    "panoptic": FileKind(
        "panoptic.json and its PNG files",
        ("panoptic/{name}.png",),
        ("panoptic.json",),
        need="panoptic",
    ),
    "csv": FileKind(
        "objects.csv: a row for each object, measured", common=("objects.csv",), takes=_SIZE
    ),
    "parquet": FileKind("the same as objects.parquet", (), ("objects.parquet",), "pandas", _SIZE),
    "counts": FileKind(
        "counts.csv: objects, area and density of each image", common=("counts.csv",), takes=_SIZE
    ),
    "labels": FileKind(
        "label TIFF for Fiji, napari, CellProfiler", ("labels/{name}.tif",), takes=_SIZE
    ),
    "rois": FileKind("zip of ROIs for Fiji and ImageJ", ("rois/{name}.zip",), takes=_CORNERS),
    "geojson": FileKind(
        "GeoJSON for QuPath and GIS", ("geojson/{name}.geojson",), takes=(*_SIZE, *_CORNERS)
    ),
    "gpkg": FileKind(
        "GeoPackage for GIS", ("gpkg/{name}.gpkg",), (), "pyogrio", (*_SIZE, *_CORNERS)
    ),
    "coco-polygons": FileKind(
        "annotations.json, with polygons", common=("annotations.json",), takes=_CORNERS
    ),
    "yolo": FileKind(
        "labels of YOLO segmentation", ("yolo/{name}.txt",), ("yolo/data.yaml",), takes=_CORNERS
    ),
    "labelme": FileKind(
        "shapes for LabelMe and X-AnyLabeling", ("labelme/{name}.json",), takes=_CORNERS
    ),
    "label-studio": FileKind(
        "predictions for Label Studio",
        common=("label-studio.json", "label-studio.xml"),
        takes=_CORNERS,
    ),
    "cvat": FileKind("XML for CVAT, with masks", common=("cvat.xml",)),
    "film": FileKind(
        "with --track: an MP4 with the objects drawn in", common=("film/NAME.mp4",), takes=_WORDS
    ),
    "tracks": FileKind(
        "with --track: tracks.csv, counts_over_time.csv",
        common=("tracks.csv", "counts_over_time.csv"),
    ),
    "crops": FileKind("a picture of each object", ("crops/{name}/objects.csv",), takes=_SIZE),
}
"""Kinds by the names that ``--save`` takes."""


def check_kinds(kinds: Collection[str], *, panoptic: bool, masks: bool = True) -> tuple[str, ...]:
    """`kinds` sorted, each once; `panoptic` and `masks` say whether there will be any.

    Raises:
        UsageError: U01 for an unknown kind, U04 for one that has nothing to save, or that needs a
            package that is not installed.
    """
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError("U01", f"save: unknown kind {kind!r}; {did_you_mean(kind, KINDS)}")
        need = KINDS[kind].need
        if need == "panoptic" and not panoptic:
            raise UsageError(
                "U04",
                "save panoptic: nothing panoptic is made. Add --task panoptic, in Python "
                "panoptic=True.",
            )
        if need == "masks" and not masks:
            raise UsageError("U04", f"save {kind}: this model finds boxes only. Leave {kind} out.")
        if need == "pandas":
            _check_pandas(kind)
        if need == "pyogrio" and find_spec("pyogrio") is None:
            raise UsageError(
                "U04",
                f"save {kind}: it is written by pyogrio, which is not installed: "
                f"{extra('geo')}. Save geojson instead, which GIS open too.",
            )
    return tuple(sorted(set(kinds)))


def check_options(kinds: Collection[str], options: Collection[SaveOption]) -> None:
    """Refuse `options` that change none of the files of `kinds`.

    Raises:
        UsageError: U04.
    """
    for option in options:
        takers = [name for name, kind in KINDS.items() if option in kind.takes]
        if not set(takers).intersection(kinds):
            flag = f"--{option.replace('_', '-')}"
            saved = ", ".join(kinds) or "nothing"
            raise UsageError(
                "U04",
                f"{flag} changes nothing of what is saved ({saved}). Leave it out, or save one of "
                f"{', '.join(takers)} (--save).",
            )


def files_of(name: str, kinds: Collection[str]) -> list[str]:
    """The files of an image whose files are called `name`, relative to the folder of results."""
    return [file.format(name=name) for kind in kinds for file in KINDS[kind].files]


def _check_pandas(kind: str) -> None:
    if any(find_spec(package) is None for package in ("pandas", "pyarrow")):
        raise UsageError(
            "U04",
            f"save {kind}: it is written by pandas and pyarrow, which are not installed: "
            "pip install pandas pyarrow. Save csv instead, which has the same columns.",
        )
