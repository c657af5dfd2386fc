"""What can be chosen about a model: frozen, validated data in which every default stands once.

Nothing here builds anything. The only readers are `assembly` (configuration to modules) and
`presets` (names to configurations); modules themselves take plain arguments.

Field comments give the paper or the section of the reference numerics where it matters.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from .config_base import Config

Deviations = tuple[float, float, float, float]
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class SACConfig(Config):
    """Switchable atrous convolution in place of 3x3 convolutions (DetectoRS, section 4)."""

    rate: Positive = 3  # dilation of the second branch
    stages: tuple[bool, bool, bool, bool] = (False, True, True, True)
    deformable: bool = True
    context: bool = True  # global context is added before and after
    locked: bool = True  # the second branch's kernel is w + dw, not dw alone
    switch: Literal["single", "dual", "sigmoid"] = "single"
    """`single` is S and 1 - S, unbounded; `dual` two gates of their own; `sigmoid` bounds S, and
    alone does not start at the plain convolution."""


class BackboneConfig(Config):
    """ResNet or ResNeXt with bottleneck blocks."""

    blocks: tuple[Positive, Positive, Positive, Positive] = (3, 4, 6, 3)
    width: Positive = 64  # channels of the stem and of the first stage's bottleneck
    groups: Positive = 1  # of the 3x3 convolutions; above 1 this is a ResNeXt
    width_per_group: Positive = 64  # ResNeXt 32x4d: groups 32, width_per_group 4
    stride_in: Literal["3x3", "1x1"] = "3x3"
    """The convolution of a stage's first block that halves the map; `1x1` is the older Caffe
    style, for imported weights of that kind."""
    norm: Literal["fixed_batch", "batch", "group"] = "fixed_batch"
    """`fixed_batch` always uses the stored statistics, as the COCO recipes do; `group` is for
    training from scratch, where there are none."""
    weight_standardisation: bool = False  # of every convolution, as in all DetectoRS backbones
    sac: SACConfig | None = None
    deformable_stages: tuple[bool, bool, bool, bool] = (False, False, False, False)
    """Stages whose 3x3 convolutions are deformable (DCN v1), without SAC."""
    frozen_stages: Annotated[int, Field(ge=0, le=5)] = 2
    """How many parts from the pixels on are not trained: 1 the stem, 2 also stage 1, ..."""
    weights: Literal["resnet50", "resnet101", "resnext101_32x4d", "resnext101_64x4d"] | None = None
    """The ImageNet weights a training starts from; None starts from random numbers."""

    @model_validator(mode="after")
    def _one_kind_of_convolution(self) -> Self:
        if self.sac is not None:
            if not self.weight_standardisation:
                raise ValueError("sac needs weight_standardisation: true")
            both = [a and b for a, b in zip(self.sac.stages, self.deformable_stages, strict=True)]
            if any(both):
                raise ValueError(f"stage {both.index(True) + 1} cannot be both sac and deformable")
        return self


class PyramidConfig(Config):
    """Feature pyramid; with `steps` above 1 a recursive one (DetectoRS, section 3)."""

    channels: Annotated[int, Field(gt=0, multiple_of=4)] = 256
    steps: Positive = 1  # looks at the image
    share_backbone: bool = False  # one backbone for all looks
    connector: Literal["aspp", "none"] = "aspp"  # what the pyramid goes through to be fed back
    fusion: Literal["gated", "none"] = "gated"  # `none`: the last look replaces those before
    feedback_stages: tuple[bool, bool, bool, bool] = (False, True, True, True)
    """Stages of the backbone whose first block is shown the pyramid."""

    @model_validator(mode="after")
    def _something_is_fed_back(self) -> Self:
        if self.steps > 1 and not any(self.feedback_stages):
            raise ValueError("steps above 1 need a stage in feedback_stages")
        return self


class RPNConfig(Config):
    """Region proposal network. Five levels, strides 4 to 64, three anchor shapes a position."""

    anchor_scale: Annotated[float, Field(gt=0)] = 8.0  # anchor side over stride
    anchor_ratios: tuple[float, ...] = (0.5, 1.0, 2.0)  # height over width
    positive_iou: Fraction = 0.7
    negative_iou: Fraction = 0.3
    anchors_per_image: Positive = 256  # drawn for the loss
    positive_fraction: Fraction = 0.5
    train_candidates: Positive = 2000  # per level, before suppression
    train_proposals: Positive = 2000  # per image, after suppression
    test_candidates: Positive = 1000
    test_proposals: Positive = 1000
    nms_iou: Fraction = 0.7
    keep_empty_boxes: bool = False  # True: MMDetection up to 2.12 kept boxes without area


class SemanticConfig(Config):
    """The semantic branch of HTC; its feature joins the RoI features."""

    num_classes: Positive = 183
    loss_weight: float = 0.2
    average: Literal["valid", "all"] = "valid"
    """`valid` averages over labelled pixels, as the published checkpoints were trained; `all`
    divides by ignored pixels too, as MMDetection does since 2.28."""
    padding_label: Annotated[int, Field(ge=0, le=255)] = 255
    """What lies beside an image in its batch; 255 is not labelled, and the DSC authors had 0."""
    fuse_boxes: bool = True
    fuse_masks: bool = True


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


class InputConfig(Config):
    """How an image becomes numbers."""

    size: tuple[Positive, Positive] = (1333, 800)  # (long, short) side limits at test time
    mean: tuple[float, float, float] = (123.675, 116.28, 103.53)  # RGB, 0 to 255
    std: tuple[float, float, float] = (58.395, 57.12, 57.375)

    @model_validator(mode="after")
    def _long_first(self) -> Self:
        if self.size[0] < self.size[1]:
            raise ValueError(f"size is (long, short); got {self.size}, shorter first")
        return self


def _kind(cascade: Any) -> str | None:
    """The kind of a cascade; one that does not say is an HTC."""
    told = cascade.get("kind", "htc") if isinstance(cascade, dict) else None
    found = getattr(cascade, "kind", told)
    return found if isinstance(found, str) else None


_KINDS = "kind must be htc or dsc"


class ModelConfig(Config):
    """A whole detector."""

    num_classes: Positive = 80
    backbone: BackboneConfig = BackboneConfig()
    pyramid: PyramidConfig = PyramidConfig()
    rpn: RPNConfig = RPNConfig()
    semantic: SemanticConfig | None = SemanticConfig()
    cascade: Annotated[
        Annotated[HTCConfig, Tag("htc")] | Annotated[DSCConfig, Tag("dsc")],
        Discriminator(_kind, custom_error_type="kind", custom_error_message=_KINDS),
    ] = HTCConfig()
    input: InputConfig = InputConfig()
    numerics: Literal["v2", "v1"] = "v2"
    """How boxes, anchors, crops and masks meet the grid of pixels. `v2`: as MMDetection 2.x and
    3.x, which all presets and recorded runs are. `v1`: as MMDetection 1.x, for predicting with
    weights of that age, such as the DetectoRS authors' own files (`ops.convention` says what
    differs). Experimental: it was written from a description, and no recorded run proves it.
    Training with `v1` is refused."""

    @model_validator(mode="after")
    def _new_cascades_have_new_numerics(self) -> Self:
        if self.numerics == "v1" and isinstance(self.cascade, DSCConfig):
            raise ValueError("numerics v1 belongs to cascades of kind htc; there is no older dsc")
        return self
