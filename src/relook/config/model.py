"""Configuration of a model: frozen, validated data; every default is defined once.

`models.build` makes modules of it, and `presets` has names for it. Leaves that are arguments of
modules are in `structures.rules`; the parts of a model are here.

Field comments give the paper or the section of the reference numerics where it matters.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from ..structures.rules.bounds import Finite, Fraction, Positive, PositiveFloat
from ..structures.rules.norms import NO_NORM, NormRule
from ..structures.rules.pixels import SemanticRule, StuffRule
from ..structures.rules.proposals import AnchorRule, ProposalRule
from ..structures.rules.reading import Reading
from .base import Config
from .cascades import DSCConfig, HTCConfig
from .parts import NO_PARTS, PartsConfig


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


_PLAIN = 64  # width_per_group without groups


class BackboneConfig(Config):
    """ResNet or ResNeXt."""

    blocks: tuple[Positive, Positive, Positive, Positive] = (3, 4, 6, 3)
    block: Literal["bottleneck", "basic"] = "bottleneck"
    """`basic` blocks are of two 3x3 convolutions, as in ResNet-18 and -34."""
    width: Positive = 64  # channels of the stem and of the first stage's bottleneck
    groups: Positive = 1  # of the 3x3 convolutions; above 1 this is a ResNeXt
    width_per_group: Positive = 64  # ResNeXt 32x4d: groups 32, width_per_group 4
    stride_in: Literal["3x3", "1x1"] = "3x3"
    """The convolution of a stage's first block that halves the map; `1x1` is the older Caffe
    style, for imported weights of that kind."""
    norm: Literal["fixed_batch", "batch", "group"] = "fixed_batch"
    """`fixed_batch` always uses the stored statistics, as the COCO recipes do; `group` is for
    training from scratch, where there are none."""
    norm_groups: Positive | None = None
    """Groups of a group norm; None: as many as have 16 channels, at most 32."""
    norm_eps: Annotated[float, Field(ge=0)] = 1e-5
    """Added to the variance; 0 in the models that torchvision published first."""
    weight_standardisation: bool = False  # of every convolution, as in all DetectoRS backbones
    sac: SACConfig | None = None
    deformable_stages: tuple[bool, bool, bool, bool] = (False, False, False, False)
    """Stages whose 3x3 convolutions are deformable (DCN v1), without SAC."""
    frozen_stages: Annotated[int, Field(ge=0, le=5)] = 2
    """Number of frozen parts, from the pixels on: 1 the stem, 2 also stage 1, ..."""
    weights: (
        Literal[
            "resnet18",
            "resnet34",
            "resnet50",
            "resnet101",
            "resnext101_32x4d",
            "resnext101_64x4d",
        ]
        | None
    ) = None
    """The ImageNet weights a training starts from; None starts from random numbers."""

    @model_validator(mode="after")
    def _one_kind_of_convolution(self) -> Self:
        if self.sac is not None:
            if not self.weight_standardisation:
                raise ValueError("sac needs weight_standardisation: true")
            is_both = [
                a and b for a, b in zip(self.sac.stages, self.deformable_stages, strict=True)
            ]
            if any(is_both):
                raise ValueError(
                    f"stage {is_both.index(True) + 1} cannot be both sac and deformable"
                )
        return self

    @model_validator(mode="after")
    def _basic_blocks_are_plain(self) -> Self:
        if self.block == "basic":
            if self.groups != 1 or self.width_per_group != _PLAIN or self.stride_in != "3x3":
                raise ValueError("basic blocks have no groups, and their stride in the 3x3")
            if any(self.deformable_stages):
                raise ValueError("deformable_stages needs bottlenecks")
        return self

    @property
    def norm_rule(self) -> NormRule:
        """The normalisation, as a rule."""
        return NormRule(self.norm, self.norm_groups, self.norm_eps)


class PyramidConfig(Config):
    """Feature pyramid; with `steps` above 1 a recursive one (DetectoRS, section 3)."""

    channels: Annotated[Positive, Field(multiple_of=4)] = 256
    norm: NormRule = NO_NORM  # after each convolution of the pyramid
    steps: Positive = 1  # looks at the image
    share_backbone: bool = False  # one backbone for all looks
    connector: Literal["aspp", "none"] = "aspp"  # module between the pyramid and the backbone
    fusion: Literal["gated", "none"] = "gated"  # `none`: the last look replaces those before
    feedback_stages: tuple[bool, bool, bool, bool] = (False, True, True, True)
    """Stages of the backbone whose first block gets the feedback of the pyramid."""

    @model_validator(mode="after")
    def _something_is_fed_back(self) -> Self:
        if self.steps > 1 and not any(self.feedback_stages):
            raise ValueError("steps above 1 need a stage in feedback_stages")
        return self


class RPNConfig(Config):
    """Region proposal network. Five levels, strides 4 to 64."""

    convs: Annotated[int, Field(ge=1, le=16)] = 1  # 3x3 convolutions before the scores
    anchors: AnchorRule = AnchorRule()
    train: ProposalRule = ProposalRule(candidates=2000, proposals=2000)
    test: ProposalRule = ProposalRule()


class PanopticConfig(Config):
    """Rule by which objects and pixel labels become one map without overlaps.

    The defaults are those of the combining script of COCO's panoptic API, with which the DetectoRS
    paper made its numbers; MMDetection's Panoptic FPN has `score` 0.6, `suppress_iou` 0.5 and
    `max_objects` 100, and is otherwise the same.
    """

    score: Fraction = 0.5  # objects below it are left out
    overlap: Fraction = 0.5
    """An object is left out when more than this share of it is covered by better ones."""
    stuff_area: Annotated[int, Field(ge=0)] = 4096
    """Pixels of the original image; stuff with fewer is void."""
    suppress_iou: Fraction | None = None
    """IoU of boxes of any classes above which the object with the lower score is removed."""
    max_objects: Positive | None = None
    order: Literal["score", "area"] = "score"
    """Object that is on top: the one with the higher score, or the smaller one. All published
    numbers are with `score`."""


class InputConfig(Config):
    """Input of a model: how files become pixels, their size and their normalisation."""

    size: tuple[Positive, Positive] = (1333, 800)  # (long, short) side limits at test time
    mean: tuple[Finite, ...] = (123.675, 116.28, 103.53)  # of each channel, 0 to 255
    std: tuple[PositiveFloat, ...] = (58.395, 57.12, 57.375)
    reading: Reading = Reading()
    """Page, planes and channels that are read, and how their values become 0 to 255."""

    @property
    def channels(self) -> int:
        """Channels of the network's input: those that are read, and 3 where one is repeated."""
        return self.reading.depth

    @property
    def normalisation(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        """Mean and deviation of each channel; those of RGB are averaged for other channels."""
        if len(self.mean) == self.channels:
            return self.mean, self.std
        mean, std = (sum(values) / len(values) for values in (self.mean, self.std))
        return (mean,) * self.channels, (std,) * self.channels

    @model_validator(mode="after")
    def _long_first(self) -> Self:
        if self.size[0] < self.size[1]:
            raise ValueError(f"size is (long, short); got {self.size}, shorter first")
        if len(self.mean) != len(self.std) or len(self.mean) not in (3, self.channels):
            raise ValueError(
                f"mean and std have {len(self.mean)} and {len(self.std)} values; give one for "
                f"each of the {self.channels} channels of reading.channels, or those of RGB"
            )
        return self


def _kind(cascade: Any) -> str | None:
    """The kind of a cascade; one without a kind is an HTC."""
    default = cascade.get("kind", "htc") if isinstance(cascade, dict) else None
    kind = getattr(cascade, "kind", default)
    return kind if isinstance(kind, str) else None


_KINDS = "kind must be htc or dsc"


class ModelConfig(Config):
    """A whole detector."""

    num_classes: Positive = 80
    backbone: BackboneConfig = BackboneConfig()
    pyramid: PyramidConfig = PyramidConfig()
    rpn: RPNConfig = RPNConfig()
    semantic: SemanticRule | None = SemanticRule()
    stuff: StuffRule | None = None
    panoptic: PanopticConfig = PanopticConfig()
    cascade: Annotated[
        Annotated[HTCConfig, Tag("htc")] | Annotated[DSCConfig, Tag("dsc")],
        Discriminator(_kind, custom_error_type="kind", custom_error_message=_KINDS),
    ] = HTCConfig()
    input: InputConfig = InputConfig()
    parts: PartsConfig = NO_PARTS
    numerics: Literal["v2", "v1", "torchvision"] = "v2"
    """Numerics of boxes, anchors, crops and masks on the grid of pixels. `v2`: as MMDetection 2.x
    and 3.x, as in all presets and recorded runs. `v1`: as MMDetection 1.x, for predicting with
    weights of that age, such as the DetectoRS authors' own files (`ops.convention` lists the
    differences). Experimental: it was written from a description, and no recorded run confirms it.
    Training with `v1` is refused. `torchvision`: as torchvision's Faster and Mask R-CNN, for
    weights of that library."""

    @model_validator(mode="after")
    def _new_cascades_have_new_numerics(self) -> Self:
        if self.numerics != "v2" and isinstance(self.cascade, DSCConfig):
            raise ValueError(
                f"numerics {self.numerics} belongs to cascades of kind htc; dsc has v2"
            )
        return self

    @model_validator(mode="after")
    def _parts_have_their_place(self) -> Self:
        parts = self.parts
        if parts.backbone is not None and self.input.channels != 3:
            raise ValueError("parts.backbone takes images of three channels; see reading.channels")
        if isinstance(self.cascade, DSCConfig):
            for name in ("roi_extractor", "stage_rules", "mask_head", "box_head"):
                if getattr(parts, name) is not None:
                    raise ValueError(f"parts.{name} belongs to cascades of kind htc")
        for name in ("connector", "fusion"):
            if getattr(parts, name) is not None and self.pyramid.steps == 1:
                raise ValueError(f"parts.{name} needs pyramid.steps above 1: nothing is fed back")
        return self
