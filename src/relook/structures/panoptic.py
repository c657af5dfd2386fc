"""Panoptic values: an image divided into segments, each a thing or a kind of stuff."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

VOID = 0  # id of pixels that belong to no segment


@dataclass(frozen=True, slots=True)
class PanopticCategory:
    """A class of things, which are counted, or of stuff, which is not counted."""

    id: int  # in COCO panoptic files
    name: str
    is_thing: bool
    supercategory: str | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a `PanopticMap`."""

    id: int  # of its pixels, 1 to 2**24 - 1
    category_id: int
    is_thing: bool
    area: int  # pixels
    box: tuple[int, int, int, int]  # x, y, width, height in pixels, as COCO has them
    is_crowd: bool = False  # several objects annotated as one region; ground truth only
    score: float | None = None  # of its instance
    instance: int | None = None  # row of that instance in its `Result`


@dataclass(frozen=True, slots=True, eq=False)
class PanopticMap:
    """An image divided into segments."""

    ids: NDArray[np.int32]  # (H, W); 0 is void
    segments: tuple[Segment, ...]

    def renumbered(self, rows: Sequence[int]) -> PanopticMap:
        """The same map for a result with only `rows`, in this order.

        A segment whose instance is removed stays, with `instance` None.
        """
        place = {row: new for new, row in enumerate(rows)}
        segments = (
            s if s.instance is None else replace(s, instance=place.get(s.instance))
            for s in self.segments
        )
        return PanopticMap(self.ids, tuple(segments))
