"""Records of a data set whose annotation file has been read and checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from ...errors import counted
from ...structures.rules.reading import DEFAULT_READING, Reading
from ..images.orientation import upright_size
from .category import Category
from .packed_polygons import PackedPolygons
from .segmentation import Segmentation

__all__ = ["Category", "CocoIndex", "ImageRecord", "ObjectRecord"]

FOUND_BY_RELOOK: Final = "Found by relook, not annotated"
"""Description of a file of predictions, in its "info"."""


class ObjectRecord(msgspec.Struct, frozen=True, eq=False, gc=False):
    """One annotated object, in pixels of its image.

    Data sets have millions of them, and a struct is made in a tenth of the time of a data class.
    """

    id: int
    label: int  # index in the classes of the data set
    box: tuple[float, float, float, float]  # (x1, y1, x2, y2), inside the image
    mask: Segmentation | PackedPolygons | None  # as it is kept: see `segmentation`
    is_crowd: bool  # a region of many objects that were not told apart
    area: float

    @property
    def segmentation(self) -> Segmentation | None:
        """Polygons or a run-length code, checked; None for an object that has a box only."""
        return self.mask.lists() if isinstance(self.mask, PackedPolygons) else self.mask


@dataclass(frozen=True, slots=True, eq=False)
class ImageRecord:
    """One image and what is in it."""

    id: int
    file_name: str  # as in the annotation file
    path: Path
    width: int
    height: int
    objects: tuple[ObjectRecord, ...]
    orientation: int = 1  # EXIF, as the image is stored; sizes and objects are upright
    turn: int = 1  # orientation by which its annotations were turned; 1 if they were upright

    @property
    def annotated_size(self) -> tuple[int, int]:
        """(height, width) in the frame of the annotation file."""
        return upright_size((self.height, self.width), self.turn)


@dataclass(frozen=True, slots=True, eq=False)
class CocoIndex:
    """An annotation file, read and checked: what `CocoDataset` draws its samples from."""

    path: Path
    images: tuple[ImageRecord, ...]  # in the order of the file
    classes: tuple[Category, ...]  # position = label
    skipped: Mapping[str, int]  # objects left out: reason -> how many
    has_masks: bool  # every object has a mask; otherwise none has
    merged: Mapping[int, int] | None = None
    """Category id in the file -> id of its class, where classes were renamed or joined."""
    adjusted: Mapping[str, int] = field(default_factory=dict)
    """Objects that were kept but changed: what was done -> how many."""
    examples: Mapping[str, int] = field(default_factory=dict)
    """Every reason in `skipped` and `adjusted` -> id of the first annotation it happened to."""
    is_panoptic: bool = False  # `path` is a panoptic json, and masks are segments of its maps
    reading: Reading = DEFAULT_READING  # what is read of its images
    remarks: tuple[str, ...] = ()  # lines for people on the file as a whole
    is_rewritten: bool = False  # objects, ids or classes are other than those in the file

    @property
    def num_objects(self) -> int:
        """Objects in all images, crowd regions not counted."""
        return sum(self.class_counts())

    @property
    def num_crowd(self) -> int:
        """Crowd regions in all images."""
        return sum(thing.is_crowd for image in self.images for thing in image.objects)

    @property
    def num_empty_images(self) -> int:
        """Images without a single object that is not a crowd."""
        return sum(all(thing.is_crowd for thing in image.objects) for image in self.images)

    def class_counts(self) -> tuple[int, ...]:
        """Number of objects of each class, crowd regions not counted."""
        counts = [0] * len(self.classes)
        for image in self.images:
            for thing in image.objects:
                counts[thing.label] += not thing.is_crowd
        return tuple(counts)

    def sizes(self) -> dict[int, tuple[int, int]]:
        """(height, width) by image id, upright; from the image where the file does not say it."""
        return {image.id: (image.height, image.width) for image in self.images}

    def annotated_sizes(self) -> dict[int, tuple[int, int]]:
        """(height, width) by image id in the frame of the annotations."""
        return {image.id: image.annotated_size for image in self.images}

    @property
    def is_turned(self) -> bool:
        """Return whether annotations of an image were turned with it."""
        return any(image.turn > 1 for image in self.images)

    def summary(self) -> list[str]:
        """Lines for people: how much there is, of which class, and what was left out and why."""
        kind = "masks" if self.has_masks else "boxes only"
        images, objects = counted(len(self.images), "image"), counted(self.num_objects, "object")
        lines = [f"{self.path.name}: {images}, {objects} with {kind}"]
        if self.num_empty_images:
            lines[0] += f", {counted(self.num_empty_images, 'image')} without objects"
        if self.num_crowd:
            lines[0] += f", {counted(self.num_crowd, 'crowd region')} (never trained as objects)"
        rows = zip(self.classes, self.class_counts(), strict=True)
        lines.append("classes: " + ", ".join(f"{c.name} {count}" for c, count in rows))
        oriented = [image for image in self.images if image.orientation > 1]
        if oriented:
            turned = sum(image.turn > 1 for image in oriented)
            lines.append(
                f"orientation: {counted(len(oriented), 'image')} stored turned, read upright; "
                f"the annotations of {turned} of them are for the stored frame and are turned too"
            )
        return [*lines, *self.notes()]

    def notes(self) -> list[str]:
        """Lines for people: what was left out or changed, and why, and what may be wrong."""
        counts_of = (("left out", self.skipped), ("changed", self.adjusted))
        lines = [
            f"{verb}: {count} x {reason} (first: annotation {self.examples[reason]})"
            for verb, counts in counts_of
            for reason, count in counts.items()
        ]
        return [*lines, *self.remarks]
