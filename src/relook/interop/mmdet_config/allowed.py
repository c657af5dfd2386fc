"""Allowed values of MMDetection settings by path: helpers that several modules share."""

from __future__ import annotations

from typing import Any

from .account import ANY

Allowed = dict[str, tuple[Any, ...]]
"""Path, with ``*`` for list positions -> allowed values."""

_ZEROS = (0.0, 0.0, 0.0, 0.0)


def under(prefix: str, allowed: Allowed) -> Allowed:
    """`allowed` with every path below `prefix`."""
    return {f"{prefix}.{key}": values for key, values in allowed.items()}


def loss(name: str, **options: Any) -> Allowed:
    """Allowed values of a loss of weight 1; only stages and the semantic branch have weights."""
    return under(name, {"loss_weight": (1.0,)} | {key: (value,) for key, value in options.items()})


def coder(prefix: str) -> Allowed:
    """Allowed values of the box coder, deviations aside."""
    return {
        f"{prefix}.type": ("DeltaXYWHBBoxCoder",),
        f"{prefix}.target_means": (_ZEROS,),
        f"{prefix}.clip_border": (True,),
    }


def assigner(positive: float, negative: float) -> Allowed:
    """Allowed values of the matching of anchors or RoIs with objects, at these overlaps."""
    return under(
        "assigner",
        {
            "type": ("MaxIoUAssigner",),
            "pos_iou_thr": (positive,),
            "neg_iou_thr": (negative,),
            "min_pos_iou": (negative,),
            "ignore_iof_thr": (-1,),
            "gpu_assign_thr": (ANY,),
            "iou_calculator.type": ("BboxOverlaps2D",),
        },
    )


def sampler(add_truth: bool) -> Allowed:
    """Allowed values of the sampling of anchors or RoIs, numbers aside."""
    return under(
        "sampler",
        {"type": ("RandomSampler",), "neg_pos_ub": (-1,), "add_gt_as_proposals": (add_truth,)},
    )
