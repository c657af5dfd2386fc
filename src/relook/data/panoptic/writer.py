"""Panoptic maps as COCO has them: a PNG for each image, and one json that says what is in them."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import DataError
from ...ops.id_runs import id_runs
from ...runtime.json_files import write_json
from ...structures.panoptic import VOID, PanopticCategory, PanopticMap
from ..coco.images_table import inside
from .json_tables import MOST_IDS
from .png import check_ids, write_ids

_SPREAD = 49  # values that each channel of a class's colour takes on
_STEP = 7919  # has no divisor in common with _SPREAD**3: all colours of a class come up


class PanopticWriter:
    """Writes ``FOLDER/NAME.png`` for each image, and ``FOLDER.json`` beside it with `finish`.

    This is the form of COCO's panoptic ground truth and results alike, so `read_panoptic` reads
    it, and servers take it. Ids are colours: one for each category and near ones for its
    segments, so that a map can be looked at.
    """

    def __init__(self, json_path: str | Path, categories: Sequence[PanopticCategory]) -> None:
        self.path = Path(json_path)
        self.maps_dir = self.path.with_suffix("")
        self._categories = {category.id: category for category in categories}
        self._images: dict[int, dict[str, Any]] = {}
        self._annotations: list[dict[str, Any]] = []
        self._taken: set[str] = set()

    def add(self, image_id: int, file_name: str, panoptic: PanopticMap) -> Path:
        """Write the map of an image, under the name of the image, and return its path.

        Raises:
            DataError: D01 for a name that leads out of the folder, D05 for an image or the name
                of a map that was there before, D07 for an unknown category, D15 if the map and
                its segments disagree.
            RelookError: R02 when the file cannot be written.
        """
        where = f'image {image_id} ("{file_name}")'
        name = inside(self.path, file_name, where).with_suffix(".png").as_posix()
        if image_id in self._images or name.casefold() in self._taken:
            raise DataError(
                "D05",
                f"{self.path.name}: {where} would get the map {name} and the id of an image "
                "written before. Give every image its own id and name.",
            )
        for segment in panoptic.segments:
            if segment.category_id not in self._categories:
                raise DataError(
                    "D07",
                    f"{self.path.name}: segment {segment.id} of {where} has category_id "
                    f"{segment.category_id}, which is none of the categories to be written.",
                )
        check_ids(panoptic.ids, panoptic.segments, where)
        path = self.maps_dir / name
        rows = write_map(path, panoptic)
        height, width = panoptic.ids.shape
        self._taken.add(name.casefold())
        self._images[image_id] = {
            "id": image_id,
            "file_name": file_name,
            "width": width,
            "height": height,
        }
        self._annotations.append({"image_id": image_id, "file_name": name, "segments_info": rows})
        return path

    def finish(self) -> Path:
        """Write the json of all images so far and return its path; R02 when that fails."""
        categories = list(self._categories.values())
        tables = panoptic_tables(self._images.values(), self._annotations, categories)
        write_json(self.path, tables)
        return self.path


def write_map(path: Path, panoptic: PanopticMap) -> list[dict[str, Any]]:
    """Write the PNG of a map, its ids as colours; its "segments_info", with these ids.

    Raises:
        RelookError: R02 when the file cannot be written.
    """
    new_ids = color_ids([segment.category_id for segment in panoptic.segments])
    write_ids(path, _renamed(panoptic, new_ids))
    return [
        {
            "id": new_id,
            "category_id": segment.category_id,
            "area": segment.area,
            "bbox": list(segment.box),
            "iscrowd": int(segment.is_crowd),
            **({} if segment.score is None else {"score": round(segment.score, 5)}),
        }
        for segment, new_id in zip(panoptic.segments, new_ids, strict=True)
    ]


def panoptic_tables(
    images: Iterable[Mapping[str, Any]],
    annotations: Iterable[Mapping[str, Any]],
    categories: Iterable[PanopticCategory],
) -> dict[str, Iterator[Mapping[str, Any]]]:
    """The tables of a panoptic json, of rows as COCO has them, for `runtime.json_files`."""
    rows = (
        {
            "id": category.id,
            "name": category.name,
            "isthing": int(category.is_thing),
            "supercategory": category.supercategory or category.name,
        }
        for category in categories
    )
    return {"images": iter(images), "annotations": iter(annotations), "categories": rows}


def color_ids(category_ids: Sequence[int]) -> list[int]:
    """An id for each segment of an image, by the category of each: all different and none 0.

    The first segment of a category has the category's colour, the same in all images, unless a
    segment before it has that colour already.
    """
    shades = {category_id: _shades(category_id) for category_id in category_ids}
    taken = {VOID}
    ids = []
    for category_id in category_ids:
        new_id = next(value for value in shades[category_id] if value not in taken)
        taken.add(new_id)
        ids.append(new_id)
    return ids


def _shades(category_id: int) -> Iterator[int]:
    """The colour of a category as an id, then those near it, at last all ids there are."""
    hue = category_id * 0.618034 % 1  # multiples of the golden ratio stay apart
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.35 + 0.3 * (category_id % 3) / 2, 0.8)
    middle = _SPREAD // 2
    for number in range(_SPREAD**3):
        place = (number * _STEP + (_SPREAD**3 - 1) // 2) % _SPREAD**3
        offsets = place % _SPREAD, place // _SPREAD % _SPREAD, place // _SPREAD**2
        channels = [
            round(color * 255) + offset - middle
            for color, offset in zip((red, green, blue), offsets, strict=True)
        ]
        yield channels[0] + 256 * channels[1] + 256 * 256 * channels[2]
    yield from range(1, MOST_IDS)


def _renamed(panoptic: PanopticMap, new_ids: Sequence[int]) -> NDArray[np.int32]:
    """The map with `new_ids` for its segments."""
    old = np.array([VOID, *(segment.id for segment in panoptic.segments)])
    new = np.array([VOID, *new_ids], dtype=np.int32)
    order = old.argsort()
    (values,), lengths = id_runs(panoptic.ids)
    row = np.searchsorted(old[order], values)
    return np.repeat(new[order][row], lengths).reshape(panoptic.ids.shape)
