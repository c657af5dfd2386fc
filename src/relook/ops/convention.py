"""Conventions about boxes and pixels that a detector was trained with.

Boxes are edges everywhere in this package: a box over the first ten pixels is (0, 10).
MMDetection 1.x ("v1") used the first and the last pixel instead, (0, 9), and added 1 for every
width. Its box (x1, y1, x2, y2) is (x1, y1, x2 + 1, y2 + 1) here. So the "+1" of its coder, areas,
overlaps, suppression, pyramid levels and files needs no code: the plain formulas give the same
numbers. Centres are moved by half a pixel in all boxes, which cancels in the coder. The remaining
differences are the fields of `Convention`, and the anchors, which are
`models.rpn.anchors.pixel_anchors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..structures.detection import Paste
from .roi_align import Align, align_adaptive, align_two_by_two


@dataclass(frozen=True, slots=True)
class Convention:
    """Conventions of boxes on the pixel grid."""

    pixel: float = 0.0
    """Extent of a point: clipping leaves at least this extent of a box, and scaling does not
    change it."""
    align: Align = align_adaptive  # sampling of a RoI from a feature map
    suppress_apart: bool = False  # groups one after the other, on boxes that are not shifted
    paste: Paste = "sampled"  # conversion of mask probabilities to pixels
    trainable: bool = True  # targets of this convention can be made


V2: Final = Convention()  # MMDetection 2.x and 3.x
V1: Final = Convention(1.0, align_two_by_two, True, "resized", trainable=False)
