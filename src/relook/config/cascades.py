"""What can be chosen about a cascade."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .base import Config, Fraction, Positive

Deviations = tuple[float, float, float, float]


class StageConfig(Config):
    """What makes one stage of a cascade stricter than the one before."""

    iou: Fraction  # a RoI is positive from here on
    std: Deviations  # of the encoded deltas
    loss_weight: float


STAGES = (
    StageConfig(iou=0.5, std=(0.1, 0.1, 0.2, 0.2), loss_weight=1.0),
    StageConfig(iou=0.6, std=(0.05, 0.05, 0.1, 0.1), loss_weight=0.5),
    StageConfig(iou=0.7, std=(0.033, 0.033, 0.067, 0.067), loss_weight=0.25),
)


class CascadeConfig(Config):
    """What every cascade has."""

    box_hidden: Positive = 1024
    mask_channels: Positive = 256
    rois_per_image: Positive = 512
    positive_fraction: Fraction = 0.25
    score_threshold: Fraction = 0.001  # HTC and DSC; Cascade R-CNN: 0.05
    nms_iou: Fraction = 0.5
    suppression: Literal["nms", "soft_nms"] = "nms"
    suppress_in: Literal["original", "network"] = "original"
    """Pixels in which boxes are compared: `original` as in MMDetection 2.x, which made the
    published numbers; 3.x uses `network` for models with masks."""
    max_detections: Positive = 100


class HTCConfig(CascadeConfig):
    """Hybrid Task Cascade. With `interleaved`, `mask_flow` and the semantic branch off it is
    Cascade Mask R-CNN, and without `masks` Cascade R-CNN."""

    kind: Literal["htc"] = "htc"
    stages: Annotated[tuple[StageConfig, ...], Field(min_length=1)] = STAGES
    masks: bool = True
    interleaved: bool = True  # the mask branch of a stage sees the boxes that stage refined
    mask_flow: bool = True  # each mask head is fed the features of the one before
    match_low_quality: bool = True  # HTC configurations: True, Cascade R-CNN: False
    mask_average: Literal["mean", "last"] = "mean"
    """`mean` over the stages' masks, as the published numbers; MMDetection 3.x uses the last
    stage alone by mistake."""

    @model_validator(mode="after")
    def _mask_parts_need_masks(self) -> Self:
        if not self.masks and (self.interleaved or self.mask_flow):
            raise ValueError("without masks, interleaved and mask_flow must be false")
        return self


class DSCStageConfig(Config):
    """An iteration of DSC: which RoIs are positive, and what its losses count."""

    iou: Fraction
    std: Deviations
    class_weight: float = 1.0
    box_weight: float = 1.0
    guide_weight: float = 1.0  # of the class-agnostic masks


class DSCConfig(CascadeConfig):
    """Deeply Shape-guided Cascade (DSC; Fast DSC with a `guidance_size` of 7).

    The defaults are those of the reference code, which the published weights were trained with.
    `paper` has what the equations say where the code differs.
    """

    kind: Literal["dsc"] = "dsc"
    stages: Annotated[tuple[DSCStageConfig, ...], Field(min_length=1)] = tuple(
        DSCStageConfig(iou=stage.iou, std=stage.std, box_weight=weight)
        for stage, weight in zip(STAGES, (1.0, 0.5, 0.5), strict=True)
    )
    mask_iou: Fraction = 0.7  # a RoI is positive for the final masks from here on
    guidance_size: Literal[7, 14] = 14
    """Side of the features that guidance masks are predicted from; the masks' is twice that."""
    enlarge_ratios: tuple[Annotated[float, Field(ge=1)], ...] | None = None
    """How much more than its box the guidance of each iteration sees. None: 2, 1.59, 1.26, ...
    (a fraction of a doubling less each time), or 1 where `alignment` asks for boxes as they are.
    """
    explicit_guidance: bool = True  # box features are weighted by the mask (shape-guided RoIAlign)
    plus_one: bool = True  # by the mask plus one, which keeps the background
    guidance_product: Literal["of_means", "of_samples"] = "of_means"
    """`of_means` multiplies a cell's mean feature and mean weight; `of_samples` averages the
    products at the sample points, as the equation says."""
    detach_guidance: bool = False  # True: box losses do not train the masks
    implicit_guidance: bool = True  # box heads are shown the features behind the mask
    initial_guidance: bool = True  # False: the first box head is shown no mask at all
    mask_flow: bool = True  # mask heads are shown the features of the iteration before
    alignment: Literal["relative", "none", "recompute"] = "relative"
    """How features of the iteration before get to the new boxes: `relative` samples them there
    (adaptive feature alignment), `none` takes them as they are, `recompute` runs the earlier
    heads again, as HTC does."""
    fuse_norm: Literal["batch", "sync_batch", "group", "none"] = "batch"
    """Of the 1x1 convolutions through which features are shown on. `batch` is trained with the
    statistics of the RoIs of one process, `sync_batch` (GPU only) with those of all."""
    fuse_kernel: Annotated[int, Field(ge=1, le=7)] = 1  # odd
    clip_enlarged_to_image: bool = False
    clip_into_previous: bool = False  # a new frame ends where the one before did
    mask_target_frame: Literal["tight", "enlarged"] = "tight"
    """Whether guidance masks show the box or the enlarged box that they are predicted from."""
    last_box_frame: Literal["tight", "enlarged"] = "tight"  # what the last box head sees
    semantic_frame: Literal["tight", "enlarged"] = "tight"
    """Where guidance heads look at the semantic feature; box heads look at it in the box."""
    score_stages: tuple[Annotated[int, Field(ge=0)], ...] | None = None
    """Whose class logits are averaged, counted from 0; None: the last two."""
    keep_gt_rows: bool = True  # objects' own boxes stay among the RoIs after the first iteration
    freeze_gt_rows: bool = True  # and where they are
    rois_at_a_time: Positive = 128
    """When predicting. What is found does not depend on it; memory does."""

    @property
    def masks(self) -> bool:
        """There is no DSC without masks."""
        return True

    @property
    def ratios(self) -> tuple[float, ...]:
        """`enlarge_ratios`, one for each iteration."""
        if self.enlarge_ratios is not None:
            return self.enlarge_ratios
        number = len(self.stages)
        if self.alignment != "relative":
            return (1.0,) * number
        return tuple(round(2 ** (1 - t / number), 2) for t in range(number))

    @property
    def scoring(self) -> tuple[int, ...]:
        """`score_stages`, none left open."""
        if self.score_stages is not None:
            return self.score_stages
        number = len(self.stages)
        return tuple(range(max(number - 2, 0), number))

    @classmethod
    def paper(cls) -> Self:
        """What the equations of the paper say; nobody has published numbers of it."""
        return cls(
            guidance_product="of_samples",
            clip_enlarged_to_image=True,
            clip_into_previous=True,
            mask_target_frame="enlarged",
            last_box_frame="enlarged",
        )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        number = len(self.stages)
        if len(self.ratios) != number:
            raise ValueError(f"enlarge_ratios needs one ratio for each of the {number} stages")
        if self.alignment != "relative" and set(self.ratios) != {1.0}:
            raise ValueError(f"alignment {self.alignment} needs enlarge_ratios of 1")
        if not self.scoring or max(self.scoring) >= number:
            raise ValueError(f"score_stages must name some of the stages 0 to {number - 1}")
        if len(set(self.scoring)) < len(self.scoring):
            raise ValueError("score_stages names a stage twice")
        if self.clip_into_previous and not self.clip_enlarged_to_image:
            raise ValueError("clip_into_previous needs clip_enlarged_to_image")
        if self.fuse_kernel % 2 == 0:
            raise ValueError("fuse_kernel must be odd")
        return self
