"""Allowed values of MMDetection settings by path: helpers that several modules share."""

from __future__ import annotations

from typing import Any

from ...structures.rules.norms import NormRule
from .account import ANY

Allowed = dict[str, tuple[Any, ...]]
"""Path, with ``*`` for list positions -> allowed values."""

LOSSES = ("SmoothL1Loss", "L1Loss")  # of boxes; where they bend is carried over
_ZEROS = (0.0, 0.0, 0.0, 0.0)


def under(prefix: str, allowed: Allowed) -> Allowed:
    """`allowed` with every path below `prefix`."""
    return {f"{prefix}.{key}": values for key, values in allowed.items()}


def loss(name: str, **options: Any) -> Allowed:
    """Allowed values of a loss of weight 1; only stages and the semantic branch have weights."""
    return under(
        name,
        {"loss_weight": (1.0,)}
        | {
            key: value if key == "type" and isinstance(value, tuple) else (value,)
            for key, value in options.items()
        },
    )


def norms(prefix: str, rule: NormRule) -> Allowed:
    """Allowed values of a norm, or of none."""
    if rule.kind == "none":
        return {prefix: (None,)}
    kinds = ("GN",) if rule.kind == "group" else ("BN", "SyncBN")
    groups: Allowed = {f"{prefix}.num_groups": (rule.groups,)} if rule.kind == "group" else {}
    return {f"{prefix}.type": kinds, f"{prefix}.requires_grad": (ANY,), **groups}


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
