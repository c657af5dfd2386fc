"""Conventions about boxes and pixels that a detector was trained with.

Boxes are edges everywhere in this package: a box over the first ten pixels is (0, 10).
MMDetection 1.x ("v1") named the first and the last pixel instead, (0, 9), and added 1 wherever
a width was needed. Its box (x1, y1, x2, y2) is simply (x1, y1, x2 + 1, y2 + 1) here, and with
that the "+1" of its coder, areas, overlaps, suppression, pyramid levels and files needs no code:
the plain formulas give the same numbers: centres lie half a pixel further on in all boxes alike,
which the coder cancels. What remains different is listed in `Convention`, and the anchors, which
are `models.rpn.anchors.pixel_anchors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from ..structures.detection import Paste
from .roi_align import Align, align_adaptive, align_two_by_two


@dataclass(frozen=True, slots=True)
class Convention:
    """Conventions where boxes meet the pixel grid."""

    pixel: float = 0.0
    """Extent of what counts as a point: clipping leaves at least so much of a box, and scaling
    an image does not scale it."""
    align: Align = align_adaptive  # how a RoI is sampled from a feature map
    suppress_apart: bool = False  # groups one after the other, on boxes that are not shifted
    paste: Paste = "sampled"  # how mask probabilities become pixels
    trainable: bool = True  # targets of this convention can be made


V2: Final = Convention()  # MMDetection 2.x and 3.x
V1: Final = Convention(1.0, align_two_by_two, True, "resized", trainable=False)
