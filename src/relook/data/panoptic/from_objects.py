"""Panoptic maps of a data set of objects: what belongs to no object is one kind of stuff."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...errors import DataError, UsageError, counted
from ...ops.id_runs import id_extents
from ...structures.panoptic import PanopticCategory, PanopticMap, Segment
from ..coco.records import CocoIndex, ImageRecord
from ..coco.segmentation import runs_of
from .writer import PanopticWriter


@dataclass(frozen=True, slots=True)
class MadeMaps:
    """The panoptic file that was made, and how much is in it."""

    path: Path
    num_images: int
    num_things: int
    num_covered: int  # objects of which other objects leave no pixel
    background: float  # share of all pixels that became stuff

    def lines(self) -> list[str]:
        """Lines for people."""
        images, things = counted(self.num_images, "image"), counted(self.num_things, "thing")
        lines = [f"{self.path}: {images}, {things}; {self.background:.0%} of the pixels are stuff"]
        if self.num_covered:
            covered = counted(self.num_covered, "object")
            lines.append(f"left out: {covered} that other objects cover in whole")
        return lines


def write_maps_of_objects(
    index: CocoIndex,
    json_path: Path,
    background: str,
    progress: Callable[[int, int], None] | None = None,
) -> MadeMaps:
    """Write panoptic maps and their json, with the objects of `index` as things.

    Where objects overlap, the smaller one is on top, since a pixel has one segment only. Pixels of
    no object are stuff of the class `background`.

    Raises:
        UsageError: U04 where a class has the name of the background, or `json_path` exists.
        DataError: D09 for objects without masks, D01 and D05 as `PanopticWriter.add`.
        RelookError: R02 when a file cannot be written.
    """
    if not index.has_masks:
        raise DataError(
            "D09",
            f"{index.path.name} has boxes only. A panoptic map says of each pixel which object it "
            "belongs to, so masks are needed.",
        )
    if background in {category.name for category in index.classes}:
        raise UsageError(
            "U04", f"a class of {index.path.name} is called {background!r}. Choose another --stuff."
        )
    for place in (json_path, json_path.with_suffix("")):
        if place.exists():
            raise UsageError("U04", f"{place} exists. Choose another file; nothing is overwritten.")
    rest = max(category.id for category in index.classes) + 1
    things = [PanopticCategory(category.id, category.name, True) for category in index.classes]
    writer = PanopticWriter(json_path, [*things, PanopticCategory(rest, background, False)])
    num_things = num_covered = num_stuff = num_pixels = 0
    for done, image in enumerate(index.images, 1):
        panoptic = map_of_objects(image, index, rest)
        writer.add(image.id, image.file_name, panoptic)
        visible = sum(segment.is_thing for segment in panoptic.segments)
        num_things += visible
        num_covered += len(image.objects) - visible
        num_stuff += sum(s.area for s in panoptic.segments if not s.is_thing)
        num_pixels += panoptic.ids.size
        if progress is not None:
            progress(done, len(index.images))
    writer.finish()
    share = num_stuff / max(num_pixels, 1)
    return MadeMaps(json_path, len(index.images), num_things, num_covered, share)


def map_of_objects(image: ImageRecord, index: CocoIndex, background_id: int) -> PanopticMap:
    """The panoptic map (H, W) of an image: its objects, the smaller ones on top, and the rest.

    An object costs what its outline costs, however large its image is.
    """
    rest = len(image.objects) + 1
    columns = np.full(image.height * image.width, rest, dtype=np.int32)  # pixels by `Runs` number
    for number, thing in sorted(
        enumerate(image.objects, 1), key=lambda pair: (not pair[1].is_crowd, -pair[1].area)
    ):
        assert thing.segmentation is not None  # CocoIndex.has_masks
        runs_of(thing.segmentation, image.height, image.width).paint(columns, number)
    ids = np.ascontiguousarray(columns.reshape(image.width, image.height).T)
    segments = []
    for key, (area, box) in id_extents(ids).items():
        if key == rest:
            segments.append(Segment(key, background_id, False, area, box))
            continue
        thing = image.objects[key - 1]
        category = index.classes[thing.label].id
        segments.append(Segment(key, category, True, area, box, is_crowd=thing.is_crowd))
    return PanopticMap(ids, tuple(segments))
