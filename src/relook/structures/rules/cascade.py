"""The rules of a cascade; those of shape guidance are in `guidance`."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import inf
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Lt

from .bounds import Finite, Fraction, Positive, PositiveFloat
from .wording import numbers, on_off

Deviations = tuple[PositiveFloat, PositiveFloat, PositiveFloat, PositiveFloat]
Suppression = Literal["nms", "soft_nms"]

_PIXELS = {"original": "original image", "network": "network input"}


@dataclass(frozen=True, slots=True)
class StageRule:
    """Thresholds and weights of one stage of a cascade."""

    iou: Fraction  # from which a RoI is positive
    std: Deviations  # of the encoded deltas
    loss_weight: Finite

    def words(self) -> str:
        """Describe when a RoI is positive, and the weights of the losses."""
        return (
            f"positive from IoU {self.iou:g}, deltas over {numbers(self.std)}, loss times "
            f"{self.loss_weight:g}"
        )


STAGES = (
    StageRule(iou=0.5, std=(0.1, 0.1, 0.2, 0.2), loss_weight=1.0),
    StageRule(iou=0.6, std=(0.05, 0.05, 0.1, 0.1), loss_weight=0.5),
    StageRule(iou=0.7, std=(0.033, 0.033, 0.067, 0.067), loss_weight=0.25),
)


@dataclass(frozen=True, slots=True)
class HybridRule:
    """Rule of the cooperation of boxes and masks in a Hybrid Task Cascade."""

    interleaved: bool = True
    """The mask branch of a stage takes the boxes that this stage has refined, matched anew."""
    mask_flow: bool = True  # each mask head takes the features of the one before
    mask_average: Literal["mean", "last"] = "mean"
    """`mean` over the stages' masks, as for the published numbers; MMDetection 3.x uses only the
    last stage, by mistake."""

    def words(self) -> str:
        """Describe the boxes and features that go from stage to stage."""
        return (
            f"masks from the boxes their stage refined: {on_off(self.interleaved)}; mask features "
            f"go from stage to stage: {on_off(self.mask_flow)}"
        )

    def mask_words(self) -> str:
        """Describe which stages give the masks."""
        return "the mean of all stages" if self.mask_average == "mean" else "the last stage"


@dataclass(frozen=True, slots=True)
class SampleRule:
    """Rule of the RoIs that the losses are computed on."""

    per_image: Positive = 512
    positive_fraction: Fraction = 0.25  # at most
    match_low_quality: bool = True
    """An object also matches its best RoI where that is below the IoU of the stage. HTC
    configurations: True, Cascade R-CNN: False, DSC: False."""

    def words(self) -> str:
        """Describe the number of RoIs in training, and their matching."""
        return (
            f"trained on {self.per_image} RoIs an image, up to {self.positive_fraction:g} of them "
            "positive; an object also matches the best box below the IoU: "
            f"{on_off(self.match_low_quality)}"
        )


@dataclass(frozen=True, slots=True)
class SelectRule:
    """Rule of the boxes of the last stage that become detections."""

    score_threshold: Fraction = 0.001  # above it; HTC and DSC; Cascade R-CNN: 0.05
    nms_iou: Fraction = 0.5
    suppression: Suppression = "nms"
    suppress_in: Literal["original", "network"] = "original"
    """Pixels in which boxes are compared: `original` as in MMDetection 2.x and the published
    numbers; 3.x uses `network` for models with masks."""
    max_detections: Positive = 100  # an image
    min_bbox_size: Annotated[float, Ge(0), Lt(inf)] = 0.0
    """Pixels, as of `suppress_in`; boxes with a smaller side are left out."""
    agnostic: ClassVar[bool] = False  # an object of one class suppresses those of others too

    def changed(
        self,
        score_threshold: float | None,
        max_detections: int | None,
        *,
        agnostic: bool = False,
    ) -> SelectRule:
        """The rule with these values where they are not None; `agnostic` is no field, since it is
        asked for by a prediction and never stored in a model."""
        least = self.score_threshold if score_threshold is None else score_threshold
        limit = self.max_detections if max_detections is None else max_detections
        rule = replace(self, score_threshold=least, max_detections=limit)
        if not agnostic:
            return rule
        return AgnosticRule(**{field.name: getattr(rule, field.name) for field in fields(rule)})

    def words(self) -> str:
        """Describe which detections are kept."""
        least = f", sides from {self.min_bbox_size:g} on" if self.min_bbox_size else ""
        return (
            f"scores above {self.score_threshold:g}, {self.suppression} at IoU {self.nms_iou:g} in "
            f"pixels of the {_PIXELS[self.suppress_in]}{least}, at most {self.max_detections} an "
            "image"
        )


@dataclass(frozen=True, slots=True)
class AgnosticRule(SelectRule):
    """The rule by which objects of all classes suppress each other, so that one object is found
    as one class only."""

    agnostic: ClassVar[bool] = True
