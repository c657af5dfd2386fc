"""Configuration of a cascade: its heads and its rules."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ..structures.rules.bounds import Positive
from ..structures.rules.cascade import STAGES, HybridRule, SampleRule, SelectRule, StageRule
from ..structures.rules.guidance import GuidanceRule, IterationRule, RowRule
from ..structures.rules.heads import BoxHeadRule
from ..structures.rules.norms import NO_NORM, NormRule
from .base import Config


class CascadeConfig(Config):
    """Fields that every cascade has."""

    box_hidden: Positive = 1024
    mask_channels: Positive = 256
    select: SelectRule = SelectRule()


class HTCConfig(CascadeConfig):
    """Hybrid Task Cascade. With the switches of `hybrid` and the semantic branch off it is
    Cascade Mask R-CNN, and without `masks` Cascade R-CNN. With one stage, and a box of each class,
    these are Mask R-CNN and Faster R-CNN."""

    kind: Literal["htc"] = "htc"
    stages: Annotated[tuple[StageRule, ...], Field(min_length=1, max_length=16)] = STAGES
    masks: bool = True
    hybrid: HybridRule = HybridRule()
    sample: SampleRule = SampleRule()
    box: BoxHeadRule = BoxHeadRule()
    mask_norm: NormRule = NO_NORM  # after each convolution of the mask heads

    @model_validator(mode="after")
    def _mask_parts_need_masks(self) -> Self:
        if not self.masks and (self.hybrid.interleaved or self.hybrid.mask_flow):
            raise ValueError("without masks, hybrid.interleaved and hybrid.mask_flow must be false")
        return self

    @model_validator(mode="after")
    def _boxes_of_each_class_are_the_last(self) -> Self:
        if self.box.boxes == "each_class" and len(self.stages) > 1:
            raise ValueError("box.boxes each_class needs a single stage: boxes are not refined on")
        return self


class DSCConfig(CascadeConfig):
    """Deeply Shape-guided Cascade (DSC; Fast DSC with a `guidance.side` of 7).

    The defaults are those of the reference code, which the published weights were trained with.
    `paper` follows the equations where the code differs from them.
    """

    kind: Literal["dsc"] = "dsc"
    stages: Annotated[tuple[IterationRule, ...], Field(min_length=1, max_length=16)] = tuple(
        IterationRule(iou=stage.iou, std=stage.std, box_weight=weight)
        for stage, weight in zip(STAGES, (1.0, 0.5, 0.5), strict=True)
    )
    guidance: GuidanceRule = GuidanceRule()
    rows: RowRule = RowRule()
    sample: SampleRule = SampleRule(match_low_quality=False)
    fuse_norm: Literal["batch", "sync_batch", "group", "none"] = "batch"
    """Norm of the 1x1 convolutions between the features of the heads. `batch` is trained with the
    statistics of the RoIs of one process, `sync_batch` (GPU only) with those of all."""
    fuse_kernel: Annotated[int, Field(ge=1, le=7)] = 1  # odd

    @property
    def masks(self) -> bool:
        """True: there is no DSC without masks."""
        return True

    @classmethod
    def paper(cls) -> Self:
        """Return the cascade of the paper's equations; no numbers of it are published."""
        return cls(
            guidance=GuidanceRule(
                product="of_samples",
                clip_to_image=True,
                clip_into_previous=True,
                target_frame="enlarged",
                last_box_frame="enlarged",
            )
        )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        number = len(self.stages)
        if len(self.guidance.ratios(number)) != number:
            raise ValueError(
                f"guidance.enlarge_ratios needs one ratio for each of the {number} stages"
            )
        scoring = self.rows.scoring(number)
        if not scoring or max(scoring) >= number:
            raise ValueError(f"rows.score_stages must name some of the stages 0 to {number - 1}")
        if len(set(scoring)) < len(scoring):
            raise ValueError("rows.score_stages names a stage twice")
        if self.fuse_kernel % 2 == 0:
            raise ValueError("fuse_kernel must be odd")
        if self.sample.match_low_quality:
            raise ValueError("sample.match_low_quality belongs to cascades of kind htc")
        return self
