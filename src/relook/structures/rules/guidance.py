"""The rules of a cascade that is guided by shapes (DSC).

The defaults are those of the reference code, which the published weights were trained with.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from typing import Annotated, Literal

from annotated_types import Ge, Lt

from .bounds import Finite, Fraction, NonNegative, Positive
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
    """An iteration of DSC: its positive RoIs, and the weights of its losses."""

    iou: Fraction
    std: Deviations
    class_weight: Finite = 1.0
    box_weight: Finite = 1.0
    guide_weight: Finite = 1.0  # of the class-agnostic masks

    def words(self) -> str:
        """Describe when a RoI is positive, and the weights of the losses."""
        return (
            f"positive from IoU {self.iou:g}, deltas over {numbers(self.std)}, losses times "
            f"{self.class_weight:g} (class), {self.box_weight:g} (box), {self.guide_weight:g} "
            "(mask)"
        )


@dataclass(frozen=True, slots=True)
class GuidanceRule:
    """Rule of shape guidance, and of guidance features between iterations.

    Raises:
        ValueError: fields that contradict each other.
    """

    side: Side = 14
    """Side of the features of guidance masks; the masks have twice this side. Fast DSC has 7."""
    enlarge_ratios: tuple[Annotated[float, Ge(1), Lt(inf)], ...] | None = None
    """Scale of the frame of each iteration over its box. None: 2, 1.59, 1.26, ...
    (a fraction of a doubling less each time), or 1 where `alignment` is not `relative`.
    """
    explicit: bool = True  # box features are weighted by the mask (shape-guided RoIAlign)
    plus_one: bool = True  # by the mask plus one, which keeps the background
    product: Product = "of_means"
    """`of_means` multiplies a cell's mean feature and mean weight; `of_samples` averages the
    products at the sample points, as in the paper's equation."""
    detach: bool = False  # True: box losses do not train the masks
    implicit: bool = True  # box heads take the features of the mask head
    initial: bool = True  # False: no guidance of the first box head
    mask_flow: bool = True  # mask heads take the features of the iteration before
    alignment: Alignment = "relative"
    """Alignment of the features of the iteration before with the new boxes: `relative` samples
    them in the new boxes (adaptive feature alignment), `none` does not change them, `recompute`
    runs the earlier heads again, as in HTC."""
    clip_to_image: bool = False  # enlarged boxes end at the image
    clip_into_previous: bool = False  # a new frame is cut at the frame before
    target_frame: Frame = "tight"
    """Frame of guidance masks: the box, or the enlarged box that they are predicted from."""
    last_box_frame: Frame = "tight"  # of the features of the last box head
    semantic_frame: Frame = "tight"
    """Frame of the semantic feature in guidance heads; in box heads it is the box."""

    def __post_init__(self) -> None:
        if self.clip_into_previous and not self.clip_to_image:
            raise ValueError("clip_into_previous needs clip_to_image")
        if self.alignment != "relative" and set(self.enlarge_ratios or (1.0,)) != {1.0}:
            raise ValueError(f"alignment {self.alignment} needs enlarge_ratios of 1")

    def ratios(self, iterations: int) -> tuple[float, ...]:
        """`enlarge_ratios`, one for each iteration."""
        if self.enlarge_ratios is not None:
            return self.enlarge_ratios
        if self.alignment != "relative":
            return (1.0,) * iterations
        return tuple(round(2 ** (1 - t / iterations), 2) for t in range(iterations))

    def words(self) -> list[str]:
        """Describe the guidance, in words."""
        return [
            f"guidance from {self.side}x{self.side} features, of which masks show the "
            f"{self.target_frame} box and the last box head takes the {self.last_box_frame} one; "
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
    """Rule of the RoIs in the iterations."""

    keep_gt: bool = True  # objects' own boxes stay among the RoIs after the first iteration
    freeze_gt: bool = True  # objects' own boxes are not moved
    mask_iou: Fraction = 0.7  # from which a RoI is positive for the final masks
    score_stages: tuple[NonNegative, ...] | None = None
    """Stages whose class logits are averaged, counted from 0; None: the last two."""
    at_a_time: Positive = 128
    """Number of RoIs at a time when predicting. Memory depends on it, results do not."""

    def scoring(self, iterations: int) -> tuple[int, ...]:
        """`score_stages`, or its default for this number of iterations."""
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
