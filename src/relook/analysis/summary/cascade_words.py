"""The words about a cascade and what it finds."""

from __future__ import annotations

from typing import Final

from ...config.cascades import CascadeConfig, DSCConfig, HTCConfig
from ...config.model import ModelConfig
from .listing import numbers, on_off

_ALIGNMENTS: Final = {
    "relative": "sampled in the new boxes (adaptive feature alignment)",
    "none": "taken as they are",
    "recompute": "computed again by all heads before",
}
_PRODUCTS: Final = {"of_means": "product of means", "of_samples": "mean of products"}


def about_cascade(cascade: HTCConfig | DSCConfig) -> list[str]:
    """What its stages are, and what goes from one to the next."""
    return [
        "RoIAlign from the level of P2 to P5 that fits a RoI: 7x7 for boxes, 14x14 for masks",
        *(_dsc(cascade) if isinstance(cascade, DSCConfig) else _htc(cascade)),
        f"heads: two layers of {cascade.box_hidden} for boxes, four convolutions of "
        f"{cascade.mask_channels} for masks",
        f"trained on {cascade.rois_per_image} RoIs an image, up to {cascade.positive_fraction:g} "
        "of them positive",
    ]


def about_detections(config: ModelConfig) -> list[str]:
    """Which boxes become detections, and where their masks come from."""
    cascade = config.cascade
    lines = [
        f"{config.num_classes} class{'es' * (config.num_classes > 1)}; scores are the mean of the "
        f"logits of {_scored(cascade)}",
        f"scores above {cascade.score_threshold:g}, {cascade.suppression} at IoU "
        f"{cascade.nms_iou:g} in pixels of the {_PIXELS[cascade.suppress_in]}, at most "
        f"{cascade.max_detections} an image",
    ]
    if isinstance(cascade, DSCConfig):
        return [*lines, "masks of 28x28 by a head of their own, of the boxes that are left"]
    if not cascade.masks:
        return [*lines, "no masks"]
    which = "the mean of all stages" if cascade.mask_average == "mean" else "the last stage"
    return [*lines, f"masks of 28x28 by {which}, of the boxes that are left"]


_PIXELS: Final = {"original": "original image", "network": "network input"}


def _scored(cascade: CascadeConfig) -> str:
    if isinstance(cascade, DSCConfig):
        return f"iterations {numbers([i + 1 for i in cascade.scoring])}"
    return "all stages"


def _htc(cascade: HTCConfig) -> list[str]:
    lines = [
        f"stage {i}: positive from IoU {stage.iou:g}, deltas over {numbers(stage.std)}, loss times "
        f"{stage.loss_weight:g}"
        for i, stage in enumerate(cascade.stages, start=1)
    ]
    if cascade.masks:
        lines.append(
            f"masks see the boxes their stage refined: {on_off(cascade.interleaved)}; mask "
            f"features go from stage to stage: {on_off(cascade.mask_flow)}"
        )
    low = on_off(cascade.match_low_quality)
    return [*lines, f"an object also matches the best box below the IoU: {low}"]


def _dsc(cascade: DSCConfig) -> list[str]:
    lines = [
        f"iteration {i}: positive from IoU {stage.iou:g}, deltas over {numbers(stage.std)}, losses "
        f"times {stage.class_weight:g} (class), {stage.box_weight:g} (box), "
        f"{stage.guide_weight:g} (mask); the mask sees {ratio:g} times the box"
        for i, (stage, ratio) in enumerate(
            zip(cascade.stages, cascade.ratios, strict=True), start=1
        )
    ]
    first = on_off(cascade.initial_guidance)
    lines += [
        f"guidance from {cascade.guidance_size}x{cascade.guidance_size} features, of which masks "
        f"show the {cascade.mask_target_frame} box and the last box head sees the "
        f"{cascade.last_box_frame} one; context is pooled in the {cascade.semantic_frame} one",
        f"explicit guidance: {on_off(cascade.explicit_guidance)}, "
        f"{_PRODUCTS[cascade.guidance_product]}, plus one: {on_off(cascade.plus_one)}, trained by "
        f"box losses: {on_off(not cascade.detach_guidance)}",
        f"implicit guidance: {on_off(cascade.implicit_guidance)}; guidance of the first box head: "
        f"{first}",
        f"mask features go from iteration to iteration: {on_off(cascade.mask_flow)}, "
        f"{_ALIGNMENTS[cascade.alignment]}",
        f"features are shown on through {cascade.fuse_kernel}x{cascade.fuse_kernel} convolutions, "
        f"norm: {cascade.fuse_norm}",
        f"enlarged boxes end at the image: {on_off(cascade.clip_enlarged_to_image)}, in the one "
        f"before: {on_off(cascade.clip_into_previous)}",
        f"objects' own boxes stay among the RoIs: {on_off(cascade.keep_gt_rows)}, unmoved: "
        f"{on_off(cascade.freeze_gt_rows)}",
        f"final masks are trained from IoU {cascade.mask_iou:g}; {cascade.rois_at_a_time} RoIs at "
        "a time when predicting",
    ]
    return lines
