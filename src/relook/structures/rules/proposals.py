"""The rules of the region proposal network."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated, Literal

from annotated_types import Ge, Lt, MaxLen, MinLen

from .bounds import Fraction, Positive, PositiveFloat
from .wording import numbers

Bound = Literal["above", "from"]
"""Kind of a bound: `above` excludes the bound itself, `from` includes it."""


@dataclass(frozen=True, slots=True)
class AnchorRule:
    """Rule of the anchors of a position, and of their training."""

    scale: PositiveFloat = 8.0  # side over stride
    ratios: Annotated[tuple[PositiveFloat, ...], MinLen(1), MaxLen(100)] = (0.5, 1.0, 2.0)
    """Height over width."""
    positive_iou: Fraction = 0.7
    negative_iou: Fraction = 0.3
    per_image: Positive = 256  # drawn for the loss
    positive_fraction: Fraction = 0.5
    inside: bool = True
    """Only anchors that lie wholly inside the image are trained: in cascades; Faster and Mask
    R-CNN train all."""
    beta: Annotated[float, Ge(0)] = 1 / 9
    """Error from which the smooth L1 loss of boxes is a line and not a square; 0 is the L1 loss."""

    def words(self) -> list[str]:
        """Describe the anchors and their training."""
        return [
            f"anchors of {self.scale:g} strides, height over width {numbers(self.ratios)}",
            f"trained on {self.per_image} anchors an image, {self.positive_fraction:g} of them "
            f"positive: IoU from {self.positive_iou:g}, background below {self.negative_iou:g}; "
            f"{'only those inside the image' if self.inside else 'also those across its border'}, "
            f"loss of boxes {f'smooth L1 with beta {self.beta:.3g}' if self.beta else 'L1'}",
        ]


@dataclass(frozen=True, slots=True)
class ProposalRule:
    """Rule of the boxes that become proposals, and of their number."""

    candidates: Positive = 1000  # best anchors of each level
    proposals: Positive = 1000  # at most, per image, over all levels
    nms_iou: Fraction = 0.7
    min_bbox_size: Annotated[float, Ge(0), Lt(inf)] = 0.0
    """Pixels of the network input; narrower or lower boxes are no proposals."""
    min_bbox_size_rule: Bound = "above"
    """`above`: both sides must be larger than `min_bbox_size`, as in MMDetection 2.28 and 3.x, so
    that 0 leaves out boxes without area. `from`: at least as large, as in the DSC authors' code
    and MMDetection up to 2.12, so that 0 keeps every box."""

    def words(self) -> str:
        """Describe the number and the sides of the proposals."""
        least = f"{self.min_bbox_size:g} pixels"
        sides = f"above {least}" if self.min_bbox_size_rule == "above" else f"from {least} on"
        return (
            f"the best {self.candidates} of a level, {self.proposals} an image; both sides of a "
            f"box {sides}; suppressed from IoU {self.nms_iou:g}"
        )
