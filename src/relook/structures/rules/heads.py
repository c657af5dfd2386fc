"""Rules of the heads of a cascade."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from .norms import NO_NORM, NormRule
from .wording import numbers


@dataclass(frozen=True, slots=True)
class BoxHeadRule:
    """Layers and losses of the box heads."""

    boxes: Literal["shared", "each_class"] = "shared"
    """Refined boxes of a RoI: one `shared` by all classes, as in cascades, or one of `each_class`,
    as in Faster and Mask R-CNN; that needs a single stage."""
    convs: Annotated[int, Ge(0), Le(16)] = 0  # 3x3 convolutions before the hidden layers
    hidden_layers: Literal[1, 2] = 2
    norm: NormRule = NO_NORM  # of the convolutions
    beta: Annotated[float, Ge(0)] = 1.0
    """Error from which the smooth L1 loss of boxes is a line and not a square; 0 is the L1 loss."""

    def words(self, hidden: int) -> str:
        """Describe the layers, `hidden` wide, and the loss."""
        layers = "two layers" if self.hidden_layers == 2 else "one layer"
        convs = f"{self.convs} convolutions ({self.norm.words()}), then " if self.convs else ""
        boxes = "one box for all classes" if self.boxes == "shared" else "a box of each class"
        loss = f"smooth L1 with beta {numbers([self.beta])}" if self.beta else "L1"
        return f"{convs}{layers} of {hidden} for boxes, {boxes}, {loss}"
