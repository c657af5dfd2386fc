"""Statistics of a whole data set: images, objects, classes, sizes, and how crowded it is."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from ..errors import counted
from ..ops.runs import Runs
from .coco.reader import read_coco
from .coco.records import CocoIndex
from .coco.segmentation import runs_of
from .image_folders import likely_folder
from .neighbours import highest_overlaps, touching
from .statistics import diameter_of, measured_images, objects_of

SHARES: Final = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
"""Shares of the values below each number of `quantiles_of`."""

_NAMES: Final = ("min", "p10", "p25", "median", "p75", "p90", "max")
_FREQUENT: Final = 5  # sizes of images that are named


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassStatistics:
    """Objects of one class."""

    name: str
    objects: int
    images: int  # with at least one
    diameters: Mapping[str, float]  # quantiles by name, pixels of the image; empty without any


@dataclass(frozen=True, slots=True, kw_only=True)
class DataStatistics:
    """A data set in numbers; crowd regions are counted apart and are no objects."""

    name: str
    images: int
    empty_images: int
    objects: int
    crowd_regions: int
    has_masks: bool
    left_out: Mapping[str, int]  # annotations that are no usable objects, by reason
    image_sizes: Mapping[tuple[int, int], int]  # (width, height) upright -> images
    per_image: tuple[int, ...]  # objects of each image
    classes: tuple[ClassStatistics, ...]
    measured: int
    """Objects that were measured: all up to 50,000, else those of evenly chosen images."""
    diameters: NDArray[np.float64]  # (M,) of the measured objects, in pixels of their images
    overlaps: NDArray[np.float64]  # (M,) highest IoU of the box with that of another object
    touching: float | None
    """Share of the measured objects whose mask meets another one; None without masks."""
    covered: float | None
    """Share of the pixels of the measured images that masks have; None without masks."""

    @property
    def overlapping(self) -> float:
        """Share of the measured objects whose box overlaps that of another one; 0 without any."""
        return float((self.overlaps > 0).mean()) if self.measured else 0.0

    def to_json(self) -> dict[str, Any]:
        """All numbers as json values; distributions as quantiles."""
        sides = [side for size, count in self.image_sizes.items() for side in [size] * count]
        return {
            "file": self.name,
            "images": self.images,
            "empty_images": self.empty_images,
            "objects": self.objects,
            "crowd_regions": self.crowd_regions,
            "masks": self.has_masks,
            "left_out": dict(self.left_out),
            "image_width": quantiles_of([width for width, _ in sides]),
            "image_height": quantiles_of([height for _, height in sides]),
            "objects_per_image": quantiles_of(self.per_image),
            "measured_objects": self.measured,
            "diameter": quantiles_of(self.diameters),
            "overlapping_boxes": round(self.overlapping, 4),
            "touching_masks": None if self.touching is None else round(self.touching, 4),
            "covered": None if self.covered is None else round(self.covered, 4),
            "classes": [
                {
                    "name": row.name,
                    "objects": row.objects,
                    "images": row.images,
                    "diameter": dict(row.diameters),
                }
                for row in self.classes
            ],
        }

    def lines(self) -> list[str]:
        """The same for people."""
        kind = "masks" if self.has_masks else "boxes only"
        lines = [
            f"{self.name}: {counted(self.images, 'image')}, {counted(self.objects, 'object')} with "
            f"{kind}, {counted(self.empty_images, 'image')} without objects, "
            f"{counted(self.crowd_regions, 'crowd region')}"
        ]
        if self.image_sizes:
            lines.append(f"sizes of images (width x height): {self._sizes()}")
        lines.append(f"objects in an image: {_spread(self.per_image)}")
        if self.measured:
            lines.append(
                f"diameters of objects in pixels: {_spread(self.diameters)}"
                + (f" (of {self.measured} objects)" if self.measured < self.objects else "")
            )
            crowding = f"crowding: {self.overlapping:.0%} of the boxes overlap another one"
            if self.touching is not None and self.covered is not None:
                crowding += (
                    f", {self.touching:.0%} of the masks touch another one; masks cover "
                    f"{self.covered:.0%} of the images"
                )
            lines.append(crowding)
        lines += [f"left out: {count} x {reason}" for reason, count in self.left_out.items()]
        return lines

    def _sizes(self) -> str:
        frequent = Counter(self.image_sizes).most_common(_FREQUENT)
        text = ", ".join(f"{width} x {height} ({count})" for (width, height), count in frequent)
        rest = len(self.image_sizes) - len(frequent)
        return text + (f", and {counted(rest, 'other size')}" if rest else "")


def data_statistics(
    data: CocoIndex | Path | str, images: Path | str | None = None
) -> DataStatistics:
    """Measure a data set: a COCO file, or one that has been read.

    Numbers, sizes and classes of images and objects come out, and how crowded they are; diameters
    are in pixels of the image. `images` is the folder of images, by default one near the file that
    has the first; they are opened only where the file does not say their size.

    Raises:
        DataError: D01 to D13 for a file that cannot be used.
    """
    if isinstance(data, CocoIndex):
        index = data
    else:
        folder = likely_folder(Path(data)) if images is None else images
        index = read_coco(data, folder, check_files=False)
    diameters: defaultdict[int, list[float]] = defaultdict(list)
    overlaps: list[NDArray[np.float64]] = [np.zeros(0)]
    meeting, covered, pixels = 0, 0, 0
    for image in measured_images(index):
        objects = objects_of(image)
        for thing in objects:
            diameters[thing.label].append(diameter_of(thing, image))
        boxes = [(x1, y1, x2 - x1, y2 - y1) for x1, y1, x2, y2 in (one.box for one in objects)]
        overlaps.append(highest_overlaps(np.array(boxes, dtype=np.float64).reshape(-1, 4)))
        if index.has_masks:
            size = image.height, image.width
            masks = [runs_of(mask, *size) for thing in objects if (mask := thing.segmentation)]
            meeting += int(touching(masks, image.height).sum())
            covered += Runs.union(masks).area
            pixels += image.width * image.height
    every = [value for values in diameters.values() for value in values]
    counts = [len(objects_of(image)) for image in index.images]
    return DataStatistics(
        name=index.path.name,
        images=len(index.images),
        empty_images=index.num_empty_images,
        objects=index.num_objects,
        crowd_regions=index.num_crowd,
        has_masks=index.has_masks,
        left_out=dict(index.skipped),
        image_sizes=Counter((image.width, image.height) for image in index.images),
        per_image=tuple(counts),
        classes=_classes(index, diameters),
        measured=len(every),
        diameters=np.array(every, dtype=np.float64),
        overlaps=np.concatenate(overlaps),
        touching=meeting / len(every) if index.has_masks and every else None,
        covered=covered / pixels if index.has_masks and pixels else None,
    )


def quantiles_of(values: Sequence[float] | NDArray[Any]) -> dict[str, float]:
    """Least, middle and largest of `values` and what is between, by name; empty without values."""
    if not len(values):
        return {}
    numbers = np.quantile(np.asarray(values, dtype=np.float64), SHARES)
    return {name: round(float(value), 2) for name, value in zip(_NAMES, numbers, strict=True)}


def _spread(values: Sequence[float] | NDArray[Any]) -> str:
    found = quantiles_of(values)
    if not found:
        return "none"
    return (
        f"{found['min']:g} to {found['max']:g}, half of them below {found['median']:g}, eight in "
        f"ten from {found['p10']:g} to {found['p90']:g}"
    )


def _classes(
    index: CocoIndex, diameters: Mapping[int, Sequence[float]]
) -> tuple[ClassStatistics, ...]:
    images: Counter[int] = Counter()
    for image in index.images:
        images.update({thing.label for thing in objects_of(image)})
    return tuple(
        ClassStatistics(
            name=category.name,
            objects=objects,
            images=images[label],
            diameters=quantiles_of(diameters.get(label, ())),
        )
        for label, (category, objects) in enumerate(
            zip(index.classes, index.class_counts(), strict=True)
        )
    )
