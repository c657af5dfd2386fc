"""Conversion of the settings that only configurations of the DSC authors have."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ...config.model import ModelConfig
from ...structures.rules.guidance import Side
from .account import ANY, Account

DSC_HEAD: Final = "DSCRoIHead"
FINAL_MASK: Final = 28  # side of the final masks
_RELATIVE: Final = "RelativeRoIExtractor"
_RELATIVE_FIELDS: Final[dict[str, tuple[Any, ...]]] = {
    "type": (_RELATIVE,),
    "roi_layer.type": ("RoIAlign",),
    "roi_layer.output_size": (7, 14),
    "roi_layer.sampling_ratio": (0,),
    "roi_layer.aligned": (True,),
    "roi_layer.pool_mode": ("avg",),
    "out_channels": (ANY,),
    "featmap_strides": (ANY,),  # features of a RoI are sampled in cells of their own
    "finest_scale": (ANY,),
}
_SIDES: Final[dict[int, Side]] = {14: 7, 28: 14}  # side of masks -> side of features


def guidance_size(values: Mapping[str, Any]) -> Side | None:
    """Side of the features that guidance masks come from, by the masks of a DSC training.

    Its settings have one entry for each iteration and a last one for the final masks. None where
    there are no such settings, or they are ambiguous.
    """
    account = Account(values, ModelConfig())
    if account.kind("model") != "DSC" and account.kind("model.roi_head") != DSC_HEAD:
        return None
    return _size(account, "model.train_cfg") or _size(account, "train_cfg")


def carry_guidance(account: Account, train: str) -> None:
    """Set the cascade to DSC, and carry over the side of its guidance, if it is set."""
    changes: dict[str, Any] = {"cascade.kind": "dsc"}
    paths = ["model.roi_head.type"]
    if (size := _size(account, train)) is not None:
        changes["cascade.guidance.side"] = size
        paths += account.expand(f"{train}.rcnn.*.mask_size")
    account.set_all(paths, changes)


def check_relative_extractors(account: Account) -> None:
    """Check what samples the features of an iteration in the boxes of the next."""
    heads = account.get("model.roi_head")
    names = [str(name) for name in heads] if isinstance(heads, Mapping) else []
    for name in names:
        for path in account.expand(f"model.roi_head.{name}.*"):
            if account.kind(path) == _RELATIVE:
                for field, allowed in _RELATIVE_FIELDS.items():
                    if account.has(f"{path}.{field}"):
                        account.check(f"{path}.{field}", allowed)


def carry_final_masks(account: Account, train: str) -> None:
    """Carry over the IoU from which a RoI is positive for the final masks."""
    last = account.expand(f"{train}.rcnn.*")[-1:]
    for path in (f"{entry}.assigner.pos_iou_thr" for entry in last):
        if account.has(path) and (value := account.number(path)) is not None:
            account.set(path, "cascade.rows.mask_iou", value)


def _size(account: Account, train: str) -> Side | None:
    sizes = [account.get(f"{entry}.mask_size") for entry in account.expand(f"{train}.rcnn.*")]
    if len(sizes) < 2 or any(type(size) is not int for size in sizes):
        return None
    *guides, final = sizes
    if final != FINAL_MASK or len(set(guides)) != 1:
        return None
    return _SIDES.get(guides[0])
