"""Conversion of settings that Faster and Mask R-CNN and their cascades share, and of one head."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

from ...structures.rules.cascade import STAGES
from .account import Account

HEADS: Final = "model.roi_head"
ONE_HEAD: Final = "StandardRoIHead"
_NORMS: Final = (
    ("model.backbone.norm_cfg", "backbone.norm_groups"),
    ("model.neck.norm_cfg", "pyramid.norm.groups"),
    (f"{HEADS}.bbox_head.*.norm_cfg", "cascade.box.norm.groups"),
    (f"{HEADS}.mask_head.*.norm_cfg", "cascade.mask_norm.groups"),
)
"""Settings of norms, and the field of their groups."""


def carry_border(account: Account, train: str) -> None:
    """Carry over which anchors are trained: those inside the image, or all."""
    path = f"{train}.rpn.allowed_border"
    border = account.number(path) if account.has(path) else None
    if border is not None and border <= 0:
        account.set(path, "rpn.anchors.inside", border == 0)
    elif border is not None:
        account.conflict(path, "relook has 0, and -1 for all anchors")


def carry_beta(account: Account, head: str, ours: str, default: float) -> None:
    """Carry over where a loss of boxes turns from a square to a line; that of L1 is 0."""
    path = f"{head}.loss_bbox"
    kind = account.kind(path)
    if kind == "L1Loss":
        account.set(f"{path}.type", ours, 0.0)
    elif kind == "SmoothL1Loss":
        beta = account.number(f"{path}.beta") if account.has(f"{path}.beta") else default
        if beta is not None:
            account.set(f"{path}.beta", ours, beta)


def carry_groups_of_norms(account: Account) -> None:
    """Carry over the groups of group norms."""
    for pattern, ours in _NORMS:
        for path in account.expand(f"{pattern}.num_groups"):
            groups = account.integer(path)
            if groups is not None and account.kind(path.rpartition(".")[0]) == "GN":
                account.set(path, ours, groups)


def carry_one_head(account: Account) -> None:
    """Set the cascade to one stage, with a box of each class unless all have one."""
    path = f"{HEADS}.bbox_head.reg_class_agnostic"
    shared = account.flag(path) if account.has(path) else False
    masks = account.has(f"{HEADS}.mask_head")
    stage = asdict(STAGES[0])
    paths = [f"{HEADS}.type", *([path] if account.has(path) else [])]
    account.set_all(
        paths,
        {
            "cascade.kind": "htc",
            "cascade.masks": masks,
            "cascade.stages": [stage],
            "cascade.box.boxes": "shared" if shared else "each_class",
            "cascade.hybrid.interleaved": False,
            "cascade.hybrid.mask_flow": False,
        },
    )
