"""Conventions about boxes and pixels that a detector was trained with.

Boxes are edges everywhere in this package: a box over the first ten pixels is (0, 10).
MMDetection 1.x ("v1") used the first and the last pixel instead, (0, 9), and added 1 for every
width. Its box (x1, y1, x2, y2) is (x1, y1, x2 + 1, y2 + 1) here. So the "+1" of its coder, areas,
overlaps, suppression, pyramid levels and files needs no code: the plain formulas give the same
numbers. Centres are moved by half a pixel in all boxes, which cancels in the coder. The remaining
differences are the fields of `Convention`, and the anchors, which are
`models.rpn.anchors.pixel_anchors`.

torchvision has the boxes of "v2", and its own sampling, levels, suppression and pasting.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from ..structures.detection import Paste
from .roi_align import (
    Align,
    LevelOf,
    align_adaptive,
    align_corners,
    align_two_by_two,
    pyramid_level,
    torchvision_level,
)


@dataclass(frozen=True, slots=True)
class Convention:
    """Conventions of boxes on the pixel grid."""

    pixel: float = 0.0
    """Extent of a point: clipping leaves at least this extent of a box, and scaling does not
    change it."""
    align: Align = align_adaptive  # sampling of a RoI from a feature map
    level: LevelOf = pyramid_level  # level of the pyramid that fits a RoI
    apart_from: int | None = None
    """Number of boxes from which groups are suppressed one after the other, on boxes that are not
    shifted; None: never."""
    limits_shrinking: bool = True  # deltas make a box smaller by at most 1000 / 16
    ranks: Literal["scores", "logits"] = "scores"  # by which the best anchors are chosen
    anchor_steps: Literal["strides", "maps"] = "strides"
    """Distance of anchors: the `strides`, or the size of the input over that of the map, in whole
    pixels."""
    paste: Paste = "sampled"  # conversion of mask probabilities to pixels
    trainable: bool = True  # targets of this convention can be made


V2: Final = Convention()  # MMDetection 2.x and 3.x
V1: Final = Convention(1.0, align_two_by_two, apart_from=0, paste="resized", trainable=False)
TORCHVISION: Final = Convention(
    align=align_corners,
    level=torchvision_level,
    apart_from=1001,  # on a CPU; it is 25,001 on a GPU, with the same boxes up to rounding
    limits_shrinking=False,
    ranks="logits",
    anchor_steps="maps",
    paste="expanded",
)
"""torchvision's Faster and Mask R-CNN."""
