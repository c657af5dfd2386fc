"""Statistics of a data set: the size and the number of its objects, as a network sees them."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from .augment.transforms import Limits, resized_size
from .coco.reader import CocoIndex


@dataclass(frozen=True, slots=True)
class ObjectStatistics:
    """Sides of objects, each the square root of its box's area, and how crowded images are."""

    small: float  # pixels of the network input; a tenth of the objects is smaller
    median: float
    large: float  # a tenth of the objects is larger
    most: int  # objects in the fullest image
    images: int
    objects: int

    @classmethod
    def of(cls, index: CocoIndex, limits: Limits) -> ObjectStatistics:
        """Those of `index` with its images scaled to fit `limits` (long, short).

        Crowd regions are left out. Without any object the sides are 0.
        """
        sides: list[float] = []
        most = 0
        for image in index.images:
            height, width = resized_size(image.height, image.width, limits)
            scale = np.sqrt(height * width / (image.height * image.width))
            boxes = [thing.box for thing in image.objects if not thing.is_crowd]
            most = max(most, len(boxes))
            sides += [scale * np.sqrt((x2 - x1) * (y2 - y1)) for x1, y1, x2, y2 in boxes]
        small, median, large = np.percentile(sides or [0.0], [10, 50, 90])
        return cls(float(small), float(median), float(large), most, len(index.images), len(sides))

    def to_json(self) -> dict[str, float]:
        """The numbers by name, rounded, for the metadata of a model file."""
        return {name: round(value, 2) for name, value in asdict(self).items()}
