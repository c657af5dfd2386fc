"""The rules of a cascade that is guided by shapes (DSC).

The defaults are those of the reference code, which the published weights were trained with.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge

from .bounds import Fraction, NonNegative, Positive
from .cascade import Deviations
from .wording import numbers, on_off

Alignment = Literal["relative", "none", "recompute"]
Frame = Literal["tight", "enlarged"]
Product = Literal["of_means", "of_samples"]
Side = Literal[7, 14]

_ALIGNMENTS = {
    "relative": "sampled in the new boxes (adaptive feature alignment)",
    "none": "taken as they are",
    "recompute": "computed again by all heads before",
}
_PRODUCTS = {"of_means": "product of means", "of_samples": "mean of products"}


@dataclass(frozen=True, slots=True)
class IterationRule:
    """An iteration of DSC: which RoIs are positive, and what its losses count."""

    iou: Fraction
    std: Deviations
    class_weight: float = 1.0
    box_weight: float = 1.0
    guide_weight: float = 1.0  # of the class-agnostic masks

    def words(self) -> str:
        """When a RoI is positive, and what is counted."""
        return (
            f"positive from IoU {self.iou:g}, deltas over {numbers(self.std)}, losses times "
            f"{self.class_weight:g} (class), {self.box_weight:g} (box), {self.guide_weight:g} "
            "(mask)"
        )


@dataclass(frozen=True, slots=True)
class GuidanceRule:
    """Rule of shape guidance, and of how guidance features go from iteration to iteration.

    Raises:
        ValueError: fields that do not fit together.
    """

    side: Side = 14
    """Of the features that guidance masks are predicted from; the masks' is twice that. Fast DSC
    has 7."""
    enlarge_ratios: tuple[Annotated[float, Ge(1)], ...] | None = None
    """Scale of the frame of each iteration over its box. None: 2, 1.59, 1.26, ...
    (a fraction of a doubling less each time), or 1 where `alignment` asks for boxes as they are.
    """
    explicit: bool = True  # box features are weighted by the mask (shape-guided RoIAlign)
    plus_one: bool = True  # by the mask plus one, which keeps the background
    product: Product = "of_means"
    """`of_means` multiplies a cell's mean feature and mean weight; `of_samples` averages the
    products at the sample points, as the equation says."""
    detach: bool = False  # True: box losses do not train the masks
    implicit: bool = True  # box heads are shown the features behind the mask
    initial: bool = True  # False: the first box head is shown no mask at all
    mask_flow: bool = True  # mask heads are shown the features of the iteration before
    alignment: Alignment = "relative"
    """Way of the features of the iteration before to the new boxes: `relative` samples them there
    (adaptive feature alignment), `none` takes them as they are, `recompute` runs the earlier
    heads again, as HTC does."""
    clip_to_image: bool = False  # enlarged boxes end at the image
    clip_into_previous: bool = False  # a new frame ends where the one before did
    target_frame: Frame = "tight"
    """Frame of guidance masks: the box, or the enlarged box that they are predicted from."""
    last_box_frame: Frame = "tight"  # what the last box head sees
    semantic_frame: Frame = "tight"
    """Frame in which guidance heads see the semantic feature; box heads see it in the box."""

    def __post_init__(self) -> None:
        if self.clip_into_previous and not self.clip_to_image:
            raise ValueError("clip_into_previous needs clip_to_image")
        if self.alignment != "relative" and set(self.enlarge_ratios or (1.0,)) != {1.0}:
            raise ValueError(f"alignment {self.alignment} needs enlarge_ratios of 1")

    def ratios(self, iterations: int) -> tuple[float, ...]:
        """`enlarge_ratios`, one for each of so many iterations."""
        if self.enlarge_ratios is not None:
            return self.enlarge_ratios
        if self.alignment != "relative":
            return (1.0,) * iterations
        return tuple(round(2 ** (1 - t / iterations), 2) for t in range(iterations))

    def words(self) -> list[str]:
        """Describe the guidance, in words."""
        return [
            f"guidance from {self.side}x{self.side} features, of which masks show the "
            f"{self.target_frame} box and the last box head sees the {self.last_box_frame} one; "
            f"context is pooled in the {self.semantic_frame} one",
            f"explicit guidance: {on_off(self.explicit)}, {_PRODUCTS[self.product]}, plus one: "
            f"{on_off(self.plus_one)}, trained by box losses: {on_off(not self.detach)}",
            f"implicit guidance: {on_off(self.implicit)}; guidance of the first box head: "
            f"{on_off(self.initial)}",
            f"mask features go from iteration to iteration: {on_off(self.mask_flow)}, "
            f"{_ALIGNMENTS[self.alignment]}",
            f"enlarged boxes end at the image: {on_off(self.clip_to_image)}, in the one before: "
            f"{on_off(self.clip_into_previous)}",
        ]


@dataclass(frozen=True, slots=True)
class RowRule:
    """Rule of the rows of RoIs on their way through the iterations."""

    keep_gt: bool = True  # objects' own boxes stay among the RoIs after the first iteration
    freeze_gt: bool = True  # and where they are
    mask_iou: Fraction = 0.7  # a RoI is positive for the final masks from here on
    score_stages: tuple[NonNegative, ...] | None = None
    """Whose class logits are averaged, counted from 0; None: the last two."""
    at_a_time: Positive = 128
    """When predicting. What is found does not depend on it; memory does."""

    def scoring(self, iterations: int) -> tuple[int, ...]:
        """`score_stages` of so many iterations, none left open."""
        if self.score_stages is not None:
            return self.score_stages
        return tuple(range(max(iterations - 2, 0), iterations))

    def words(self) -> list[str]:
        """Describe the treatment of objects' own boxes, and the training of the final masks."""
        return [
            f"objects' own boxes stay among the RoIs: {on_off(self.keep_gt)}, unmoved: "
            f"{on_off(self.freeze_gt)}",
            f"final masks are trained from IoU {self.mask_iou:g}; {self.at_a_time} RoIs at a time "
            "when predicting",
        ]
