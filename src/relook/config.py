"""What can be chosen about a model: frozen, validated data in which every default stands once.

Nothing here builds anything. The only readers are `assembly` (configuration to modules) and
`presets` (names to configurations); modules themselves take plain arguments.

Field comments give the paper or the section of the reference numerics where it matters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from .errors import UsageError, did_you_mean

Deviations = tuple[float, float, float, float]
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]


class Config(BaseModel):
    """Base of all configurations: immutable, closed (an unknown key is an error)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    def with_(self, **changes: Any) -> Self:
        """A copy with fields replaced; nested fields by ``a__b=...`` or by a whole config."""
        nested: dict[str, Any] = {}
        for path, value in changes.items():
            assign(nested, path.split("__"), value)
        return overlay(self, nested)


class SACConfig(Config):
    """Switchable atrous convolution in place of 3x3 convolutions (DetectoRS, section 4)."""

    rate: Positive = 3  # dilation of the second branch
    stages: tuple[bool, bool, bool, bool] = (False, True, True, True)
    deformable: bool = True


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


class HTCConfig(Config):
    """Hybrid Task Cascade. With `interleaved`, `mask_flow` and the semantic branch off it is
    Cascade Mask R-CNN, and without `masks` Cascade R-CNN."""

    kind: Literal["htc"] = "htc"
    stages: Annotated[tuple[StageConfig, ...], Field(min_length=1)] = STAGES
    masks: bool = True
    interleaved: bool = True  # the mask branch of a stage sees the boxes that stage refined
    mask_flow: bool = True  # each mask head is fed the features of the one before
    box_hidden: Positive = 1024
    mask_channels: Positive = 256
    match_low_quality: bool = True  # HTC configurations: True, Cascade R-CNN: False
    rois_per_image: Positive = 512
    positive_fraction: Fraction = 0.25
    score_threshold: Fraction = 0.001  # HTC; Cascade R-CNN: 0.05
    nms_iou: Fraction = 0.5
    suppression: Literal["nms", "soft_nms"] = "nms"
    suppress_in: Literal["original", "network"] = "original"
    """Pixels in which boxes are compared: `original` as in MMDetection 2.x, which made the
    published numbers; 3.x uses `network` for models with masks."""
    max_detections: Positive = 100
    mask_average: Literal["mean", "last"] = "mean"
    """`mean` over the stages' masks, as the published numbers; MMDetection 3.x uses the last
    stage alone by mistake."""

    @model_validator(mode="after")
    def _mask_parts_need_masks(self) -> Self:
        if not self.masks and (self.interleaved or self.mask_flow):
            raise ValueError("without masks, interleaved and mask_flow must be false")
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


class ModelConfig(Config):
    """A whole detector."""

    num_classes: Positive = 80
    backbone: BackboneConfig = BackboneConfig()
    pyramid: PyramidConfig = PyramidConfig()
    rpn: RPNConfig = RPNConfig()
    semantic: SemanticConfig | None = SemanticConfig()
    cascade: HTCConfig = HTCConfig()
    input: InputConfig = InputConfig()
    numerics: Literal["v2", "v1"] = "v2"
    """How boxes, anchors, crops and masks meet the grid of pixels. `v2`: as MMDetection 2.x and
    3.x, which all presets and recorded runs are. `v1`: as MMDetection 1.x, for predicting with
    weights of that age, such as the DetectoRS authors' own files (`ops.convention` says what
    differs). Experimental: it was written from a description, and no recorded run proves it.
    Training with `v1` is refused."""


C = TypeVar("C", bound=Config)


def overlay(base: C, changes: Mapping[str, Any]) -> C:
    """`base` with nested `changes` applied.

    A mapping changes only the keys it names; ``null`` switches an optional part off, and a
    mapping for a part that is off starts from that part's defaults.

    Raises:
        UsageError: U02 for an unknown key (with the closest known one), U03 for a bad value.
    """
    return validated(type(base), _merged(base.model_dump(), changes))


def validated(kind: type[C], values: Mapping[str, Any]) -> C:
    """A configuration from plain data; errors name the key by its path.

    Raises:
        UsageError: U02 for an unknown key, U03 for a value of a wrong type or range.
    """
    try:
        return kind.model_validate(dict(values))
    except ValidationError as error:
        raise _explained(kind, error) from None


def assign(tree: dict[str, Any], path: list[str], value: Any) -> None:
    """Set ``tree[path[0]][path[1]]... = value``, making the mappings on the way."""
    *parents, last = path
    for key in parents:
        child = tree.setdefault(key, {})
        if not isinstance(child, dict):
            raise UsageError("U03", f"{'.'.join(path)}: {key} has already been given a value")
        tree = child
    tree[last] = value


def _merged(base: Any, changes: Any) -> Any:
    if isinstance(changes, Config):
        return changes.model_dump()
    if not isinstance(changes, Mapping) or not isinstance(base, Mapping):
        return changes
    return {**base, **{key: _merged(base.get(key), new) for key, new in changes.items()}}


def _explained(kind: type[Config], error: ValidationError) -> UsageError:
    problems = error.errors()
    first = next((p for p in problems if p["type"] == "extra_forbidden"), problems[0])
    path = [str(part) for part in first["loc"]]
    if first["type"] != "extra_forbidden":
        where = ".".join(path) or kind.__name__
        given = f", got {first['input']!r}" if path else ""
        return UsageError("U03", f"{where}: {first['msg'].removeprefix('Value error, ')}{given}")
    *parents, name = path
    known = _fields_at(kind, parents)
    return UsageError("U02", f"unknown key {'.'.join(path)}; {did_you_mean(name, known)}")


def _fields_at(kind: type[Config], path: list[str]) -> list[str]:
    """Names of the fields that may stand under `path`."""
    here: list[type[Config]] = [kind]
    for part in path:
        here = [c for k in here if part in k.model_fields for c in _configs_in(k, part)] or here
    return [name for k in here for name in k.model_fields]


def _configs_in(kind: type[Config], field: str) -> list[type[Config]]:
    found: list[type[Config]] = []
    pending: list[Any] = [kind.model_fields[field].annotation]
    while pending:
        hint = pending.pop()
        if isinstance(hint, type) and issubclass(hint, Config):
            found.append(hint)
        pending.extend(getattr(hint, "__args__", ()))
    return found
