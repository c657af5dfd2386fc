"""Settings that a foreign file does not have, and what is taken for them."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from ..config.cascades import DSCConfig
from ..config.model import ModelConfig, SACConfig


def assumptions(
    config: ModelConfig, preset: str | None, stated: Collection[str] = ()
) -> Iterator[str]:
    """Lines on the settings of `config` that tensors do not determine; fields of `stated` (dotted)
    came from a configuration, and are left out.

    `preset` is where they come from; without one they are the published ones of the family.
    """
    source = f"preset {preset}" if preset else "as published for this family"
    cascade, rpn, size = config.cascade, config.rpn, config.input.size
    select, low = cascade.select, cascade.sample.match_low_quality
    groups: list[list[tuple[str, str]]] = [
        [
            ("cascade.select.score_threshold", f"score threshold {select.score_threshold:g}"),
            ("cascade.select.nms_iou", f"suppression {select.suppression} at {select.nms_iou:g}"),
            (
                "cascade.sample.match_low_quality",
                f"low-quality matches {'on' if low else 'off'}",
            ),
        ],
        [
            ("rpn.anchors.scale", f"anchors of scale {rpn.anchors.scale:g}"),
            ("input.size", f"image size {size[0]} x {size[1]}"),
            ("input.mean", "mean and deviation of pixels"),
        ],
    ]
    for group in groups:
        if open_parts := [text for field, text in group if field not in stated]:
            yield f"{', '.join(open_parts)}: {source}"
    if isinstance(cascade, DSCConfig):
        stages = len(cascade.stages)
        ratios = ", ".join(f"{ratio:g}" for ratio in cascade.guidance.ratios(stages))
        scores = ", ".join(str(stage + 1) for stage in cascade.rows.scoring(stages))
        shown = cascade.guidance.target_frame
        yield (
            f"guidance frames are {ratios} times the box, its masks show the {shown} box, and "
            f"scores are of the stages {scores}: {source}"
        )
    if config.semantic is not None and "semantic.fuse.boxes" not in stated:
        yield f"the semantic feature joins boxes and masks: {source}"
    if isinstance(config.backbone.sac, SACConfig):
        yield f"SAC's second rate, {config.backbone.sac.rate}: {source}"
