"""Counts: how many objects of each class, the area they cover, and their density."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from ..results import Result
from .labels import visible_pixels
from .table import PixelSize

COLUMNS: Final = (
    "image",
    "class",
    "count",
    "area",
    "covered",
    "image_area",
    "area_mm2",
    "image_area_mm2",
    "per_mm2",
)
ALL: Final = "all images"
_MM2: Final = 1e6  # square micrometres

Row = Mapping[str, Any]


def count_rows(result: Result, pixel_size: PixelSize | None = None) -> list[dict[str, Any]]:
    """A row for each class of the model: its objects in one image, by `COLUMNS`.

    ``area`` are the pixels at which objects of the class are seen, each counted once, for the
    better object; ``covered`` is their share of the image. With `pixel_size` (y, x) in micrometres
    there are areas in square millimetres, and objects per square millimetre of the image.
    """
    visible = visible_pixels(result)
    pixels = result.size[0] * result.size[1]
    square = None if pixel_size is None else pixel_size[0] * pixel_size[1] / _MM2
    rows = []
    for label, entry in enumerate(result.classes):
        of_class = result.labels == label
        area = int(visible[of_class].sum())
        row: dict[str, Any] = {
            "image": result.source,
            "class": entry.name,
            "count": int(of_class.sum()),
            "area": area,
            "image_area": pixels,
            "area_mm2": None if square is None else area * square,
            "image_area_mm2": None if square is None else pixels * square,
        }
        rows.append(_with_shares(row))
    return rows


def with_totals(rows: Iterable[Row], classes: Sequence[str]) -> Iterator[list[Any]]:
    """The rows as lists by `COLUMNS`, then one row for each class over all images.

    Areas in square millimetres are summed where every image has them.
    """
    sums: dict[str, dict[str, Any]] = {
        name: dict.fromkeys(("count", "area", "image_area", "area_mm2", "image_area_mm2"), 0)
        for name in classes
    }
    for row in rows:
        yield [row.get(column) for column in COLUMNS]
        total = sums[row["class"]]
        for column, value in total.items():
            total[column] = None if value is None or row[column] is None else value + row[column]
    for name, total in sums.items():
        whole = _with_shares({"image": ALL, "class": name, **total})
        yield [whole.get(column) for column in COLUMNS]


def _with_shares(row: dict[str, Any]) -> dict[str, Any]:
    area, square = row["image_area"], row["image_area_mm2"]
    covered = row["area"] / area if area else None
    return row | {"covered": covered, "per_mm2": row["count"] / square if square else None}
