"""COCO panoptic annotations, read strictly: a json file and the maps it speaks of.

The json is read at once; maps are read when an image is asked for, and checked against it then.
"""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from ...errors import DataError, counted, first_few
from ...structures.detection import Size
from ...structures.panoptic import PanopticCategory, PanopticMap, Segment
from ...structures.rules.reading import DEFAULT_READING, Reading
from ..coco.frames import Frame
from ..coco.images_table import inside, is_file, read_images
from ..coco.json_form import load_tables, text_of
from ..coco.ledger import ImageHeader
from ..coco.records import Category, CocoIndex, ImageRecord, ObjectRecord
from ..coco.required_images import require_images
from .json_tables import annotations_by_image, read_categories, read_segments
from .png import Ids, MapSegment, check_ids, read_ids


@dataclass(frozen=True, slots=True, eq=False)
class PanopticImage:
    """One image, and the segments of its panoptic map."""

    id: int
    file_name: str  # as in the json
    path: Path
    map_path: Path
    height: int
    width: int
    segments: tuple[Segment, ...]

    @property
    def size(self) -> Size:
        """(height, width) in pixels."""
        return self.height, self.width


@dataclass(frozen=True, eq=False)
class PanopticIndex:
    """A panoptic json, read and checked."""

    path: Path
    maps_dir: Path
    images: tuple[PanopticImage, ...]  # in the order of the json
    categories: tuple[PanopticCategory, ...]  # by ascending id
    reading: Reading = DEFAULT_READING  # what is read of its images

    @cached_property
    def things(self) -> tuple[PanopticCategory, ...]:
        """Categories that are counted, by ascending id: position = label of an object."""
        return tuple(category for category in self.categories if category.is_thing)

    @cached_property
    def stuff(self) -> tuple[PanopticCategory, ...]:
        """Categories that are not counted, by ascending id: position = label of stuff."""
        return tuple(category for category in self.categories if not category.is_thing)

    def first(self, limit: int | None) -> PanopticIndex:
        """The same with the first `limit` images only; with all for None."""
        return replace(self, images=self.images[:limit])

    def summary(self) -> list[str]:
        """Lines for people: how much there is."""
        segments = [segment for image in self.images for segment in image.segments]
        crowd = sum(segment.is_crowd for segment in segments)
        things = sum(segment.is_thing and not segment.is_crowd for segment in segments)
        stuff = sum(not segment.is_thing for segment in segments)
        images = counted(len(self.images), "image")
        line = f"{self.path.name}: {images}, {counted(things, 'thing')}, {stuff} stuff"
        line += f", {counted(crowd, 'crowd region')}" if crowd else ""
        return [
            line,
            f"classes: {len(self.things)} of things, {len(self.stuff)} of stuff; "
            f"maps in {self.maps_dir}",
        ]


def is_panoptic(json_path: str | Path) -> bool:
    """Return whether a file lists segments, as a panoptic json does; no if it cannot be opened."""
    try:
        with (
            Path(json_path).open("rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            return content.find(b'"segments_info"') >= 0
    except (OSError, ValueError):  # no file, or an empty one
        return False


def read_panoptic(
    json_path: str | Path,
    images_dir: str | Path,
    maps_dir: str | Path | None = None,
    *,
    check_files: bool = True,
    frame: Frame | None = None,
    reading: Reading = DEFAULT_READING,
) -> PanopticIndex:
    """The images, categories and segments of a COCO panoptic file.

    Maps are in `maps_dir`, by default the folder beside the json that has its name without the
    suffix. `check_files` looks whether all images and maps exist now rather than when they are
    read. `frame` says whether maps of images with an orientation are upright; maps in the stored
    frame are refused. `reading` is what is read of the images.

    Raises:
        DataError: D01, D03 to D08, D10 and D15, naming file, entry and remedy.
    """
    path, folder = Path(json_path), Path(images_dir)
    top = load_tables(path, panoptic=True)
    maps = path.with_suffix("") if maps_dir is None else Path(maps_dir)
    for place, what in ((folder, "images"), (maps, "panoptic maps")):
        if not place.is_dir():
            raise DataError("D01", f"{place}: there is no such folder of {what}.")
    categories = read_categories(path, top)
    table = read_images(path, top, folder, frame=frame, reading=reading, look=check_files)
    paths, headers = table.paths, table.headers
    _require_upright(path, headers)
    if check_files:
        require_images(path, folder, table)
    rows = dict(annotations_by_image(path, top, headers))
    images = []
    for key, header in headers.items():
        where, size = f"the annotation of image {key}", (header.height, header.width)
        map_path = maps / inside(path, text_of(path, rows[key], "file_name", where), where)
        segments = read_segments(path, rows[key], key, size, categories)
        images.append(
            PanopticImage(key, header.file_name, paths[key], map_path, *size, segments=segments)
        )
    index = PanopticIndex(path, maps, tuple(images), tuple(categories.values()), reading)
    if check_files:
        _require_maps(index)
    return index


def read_map(image: PanopticImage) -> Ids:
    """Segment ids (H, W) int32 of an image, 0 for void, as its segments say; not to be written to.

    Raises:
        DataError: D01, D02 or D15, as `read_ids` and `check_ids` do.
    """
    ids = read_ids(image.map_path, image.size)
    check_ids(ids, image.segments, f'{image.map_path} (image {image.id}, "{image.file_name}")')
    return ids


def read_truth(image: PanopticImage) -> PanopticMap:
    """The panoptic map of an image; raises as `read_map` does."""
    return PanopticMap(read_map(image), image.segments)


def to_coco_index(index: PanopticIndex) -> CocoIndex:
    """The things of `index` as objects with masks, to train and evaluate detection with.

    A mask is a `MapSegment`: its pixels are read when they are needed, since decoding all maps of
    a large data set takes many minutes.

    Raises:
        DataError: D11 if there is no category of things.
    """
    if not index.things:
        raise DataError("D11", f"{index.path.name}: no category is a thing (isthing 1).")
    labels = {category.id: label for label, category in enumerate(index.things)}
    number = 0  # segments have numbers of their own in each image, objects in the whole file
    records = []
    for image in index.images:
        objects = []
        for segment in image.segments:
            if segment.is_thing:
                number += 1
                x, y, width, height = segment.box
                objects.append(
                    ObjectRecord(
                        id=number,
                        label=labels[segment.category_id],
                        box=(x, y, x + width, y + height),
                        mask=MapSegment(image.map_path, segment.id),
                        is_crowd=segment.is_crowd,
                        area=segment.area,
                    )
                )
        records.append(
            ImageRecord(
                image.id, image.file_name, image.path, image.width, image.height, tuple(objects)
            )
        )
    classes = tuple(Category(category.id, category.name) for category in index.things)
    return CocoIndex(
        index.path,
        tuple(records),
        classes,
        skipped={},
        has_masks=True,
        is_panoptic=True,
        reading=index.reading,
    )


def _require_upright(path: Path, headers: Mapping[int, ImageHeader]) -> None:
    turned = [header.file_name for header in headers.values() if header.turn > 1]
    if turned:
        raise DataError(
            "D10",
            f"{path.name}: {len(turned)} images are stored turned, and their maps are for the "
            f"stored frame: {first_few(turned, 3)}. Maps are read upright only: turn these maps, "
            "or save the images without an orientation.",
        )


def _require_maps(index: PanopticIndex) -> None:
    missing = [image for image in index.images if not is_file(image.map_path)]
    if missing:
        named = first_few((image.map_path.name for image in missing), 3)
        raise DataError(
            "D01",
            f"{index.path.name}: {len(missing)} of its {len(index.images)} panoptic maps are not "
            f"in {index.maps_dir}: {named}. Is this the right "
            "folder?",
        )
