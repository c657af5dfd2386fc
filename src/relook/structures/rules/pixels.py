"""The rules of the heads that label pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Le

from .bounds import Finite, Positive

Average = Literal["valid", "all"]


@dataclass(frozen=True, slots=True)
class FuseRule:
    """Heads that take the semantic context, where there is one."""

    boxes: bool = True
    masks: bool = True


@dataclass(frozen=True, slots=True)
class SemanticRule:
    """The semantic branch of HTC; its feature is added to the RoI features."""

    num_classes: Positive = 183
    loss_weight: Finite = 0.2
    average: Average = "valid"
    """`valid` averages over labelled pixels, as the published checkpoints were trained; `all`
    divides by ignored pixels too, as MMDetection does since 2.28."""
    padding_label: Annotated[int, Ge(0), Le(255)] = 255
    """Label of the padding beside an image; 255 is not labelled, and the DSC authors had 0."""
    fuse: FuseRule = FuseRule()

    def words(self) -> list[str]:
        """Describe the labels, the heads that take the feature, and the loss."""
        heads = [name for name in ("boxes", "masks") if getattr(self.fuse, name)]
        return [
            f"semantic branch of {self.num_classes} classes at stride 8, for the heads of "
            f"{' and '.join(heads) or 'nothing'}",
            f"loss times {self.loss_weight:g}, averaged over {self.average} pixels; beside an "
            f"image is label {self.padding_label}",
        ]


@dataclass(frozen=True, slots=True)
class StuffRule:
    """A head that labels pixels for panoptic segmentation, as in Panoptic FPN.

    Raises:
        ValueError: groups that cannot share the channels.
    """

    num_classes: Annotated[int, Ge(2), Le(255)] = 54  # of stuff, and one for all things
    channels: Positive = 128
    groups: Positive = 32  # of the group norm
    loss_weight: Finite = 0.5
    average: Average = "valid"  # as `SemanticRule.average`

    def __post_init__(self) -> None:
        if self.groups > 0 and self.channels % self.groups:
            raise ValueError(f"{self.channels} channels cannot be shared by {self.groups} groups")

    def words(self) -> list[str]:
        """Describe the labels, the layers and the loss."""
        return [
            f"labels pixels with {self.num_classes - 1} kinds of stuff, or all things, at stride 4",
            f"{self.channels} channels in {self.groups} groups of the norm",
            f"loss times {self.loss_weight:g}, averaged over {self.average} pixels",
        ]
