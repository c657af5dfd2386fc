"""Description of a cascade and of its detections, in words."""

from __future__ import annotations

from ...config.cascades import CascadeConfig, DSCConfig, HTCConfig
from ...config.model import ModelConfig
from ...structures.rules.wording import numbers


def about_cascade(cascade: HTCConfig | DSCConfig) -> list[str]:
    """Describe the stages, and what goes from one to the next."""
    return [
        "RoIAlign from the level of P2 to P5 that fits a RoI: 7x7 for boxes, 14x14 for masks",
        *(_dsc(cascade) if isinstance(cascade, DSCConfig) else _htc(cascade)),
        f"heads: {_box_head(cascade)}; four convolutions of {cascade.mask_channels} for masks"
        f"{_mask_norm(cascade)}",
        cascade.sample.words(),
    ]


def about_detections(config: ModelConfig) -> list[str]:
    """Describe which boxes become detections, and which heads give their masks."""
    cascade = config.cascade
    lines = [
        f"{config.num_classes} class{'es' * (config.num_classes > 1)}; scores are the mean of the "
        f"logits of {_scored(cascade)}",
        cascade.select.words(),
    ]
    if isinstance(cascade, DSCConfig):
        return [*lines, "masks of 28x28 by a head of their own, of the boxes that are left"]
    if not cascade.masks:
        return [*lines, "no masks"]
    return [*lines, f"masks of 28x28 by {cascade.hybrid.mask_words()}, of the boxes that are left"]


def _box_head(cascade: HTCConfig | DSCConfig) -> str:
    if isinstance(cascade, DSCConfig):
        return f"two layers of {cascade.box_hidden} for boxes"
    return cascade.box.words(cascade.box_hidden)


def _mask_norm(cascade: HTCConfig | DSCConfig) -> str:
    return f", {cascade.mask_norm.words()}" if isinstance(cascade, HTCConfig) else ""


def _scored(cascade: CascadeConfig) -> str:
    if isinstance(cascade, DSCConfig):
        scoring = cascade.rows.scoring(len(cascade.stages))
        return f"iterations {numbers([i + 1 for i in scoring])}"
    return "all stages"


def _htc(cascade: HTCConfig) -> list[str]:
    stages = enumerate(cascade.stages, start=1)
    lines = [f"stage {i}: {stage.words()}" for i, stage in stages]
    return [*lines, cascade.hybrid.words()] if cascade.masks else lines


def _dsc(cascade: DSCConfig) -> list[str]:
    ratios = cascade.guidance.ratios(len(cascade.stages))
    stages = enumerate(zip(cascade.stages, ratios, strict=True), start=1)
    return [
        *(
            f"iteration {i}: {stage.words()}; the mask covers {ratio:g} times the box"
            for i, (stage, ratio) in stages
        ),
        *cascade.guidance.words(),
        "features go to the next heads through "
        f"{cascade.fuse_kernel}x{cascade.fuse_kernel} convolutions, norm: {cascade.fuse_norm}",
        *cascade.rows.words(),
    ]
