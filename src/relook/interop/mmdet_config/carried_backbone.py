"""Conversion of the backbone and neck of an MMDetection configuration."""

from __future__ import annotations

from typing import Any, Final

from ..style import Style
from .account import ABSENT, Account, shown

BACKBONE: Final = "model.backbone"

_BLOCKS: Final = {
    18: ("basic", (2, 2, 2, 2)),
    34: ("basic", (3, 4, 6, 3)),
    50: ("bottleneck", (3, 4, 6, 3)),
    101: ("bottleneck", (3, 4, 23, 3)),
    152: ("bottleneck", (3, 8, 36, 3)),
}
_WEIGHTS: Final = {
    "torchvision://resnet18": "resnet18",
    "torchvision://resnet34": "resnet34",
    "torchvision://resnet50": "resnet50",
    "torchvision://resnet101": "resnet101",
    "open-mmlab://resnext101_32x4d": "resnext101_32x4d",
    "open-mmlab://resnext101_64x4d": "resnext101_64x4d",
}


def carry_backbone(account: Account) -> None:
    """Carry over depth, widths, kinds of convolutions, and frozen stages."""
    kind = account.kind(BACKBONE)
    if account.has(f"{BACKBONE}.depth"):
        depth = account.integer(f"{BACKBONE}.depth")
        if depth in _BLOCKS:
            kind_of_block, blocks = _BLOCKS[depth]
            account.set_all(
                [f"{BACKBONE}.depth"],
                {"backbone.blocks": blocks, "backbone.block": kind_of_block},
            )
        elif depth is not None:
            account.conflict(f"{BACKBONE}.depth", f"relook has {', '.join(map(str, _BLOCKS))}")
    if kind.endswith("ResNeXt"):
        _carry_groups(account)
    elif kind.endswith("ResNet"):
        account.set(f"{BACKBONE}.type", "backbone.groups", 1)
        account.set(f"{BACKBONE}.type", "backbone.width_per_group", 64)
    if kind:
        _carry_convolutions(account)
    if account.has(f"{BACKBONE}.frozen_stages"):
        frozen = account.integer(f"{BACKBONE}.frozen_stages")  # theirs counts from the stem as 0
        if frozen is not None:
            account.set(f"{BACKBONE}.frozen_stages", "backbone.frozen_stages", frozen + 1)
    if account.has(f"{BACKBONE}.norm_eval"):
        fixed = account.flag(f"{BACKBONE}.norm_eval")
        if account.kind(f"{BACKBONE}.norm_cfg") == "GN":
            account.set(f"{BACKBONE}.norm_cfg.type", "backbone.norm", "group")
            account.use(f"{BACKBONE}.norm_eval", "group norm, which has no statistics")
        elif fixed is not None:
            norm = "fixed_batch" if fixed else "batch"
            account.set(f"{BACKBONE}.norm_eval", "backbone.norm", norm)
    _carry_start_weights(account)


def _carry_groups(account: Account) -> None:
    for theirs, ours, default in (("groups", "groups", 1), ("base_width", "width_per_group", 4)):
        path = f"{BACKBONE}.{theirs}"
        value = account.integer(path) if account.has(path) else default
        if value is not None:
            account.set(path, f"backbone.{ours}", value)


def _carry_convolutions(account: Account) -> None:
    """Carry over standardised, switchable and deformable convolutions, which belong together."""
    standardised = account.kind(f"{BACKBONE}.conv_cfg") == "ConvAWS"
    switchable = _stages(account, "sac", "stage_with_sac")
    deformable = _stages(account, "dcn", "stage_with_dcn")
    changes: dict[str, Any] = {
        "backbone.weight_standardisation": standardised,
        "backbone.sac": None,
        "backbone.deformable_stages": deformable,
    }
    if any(switchable):
        path = f"{BACKBONE}.sac.use_deform"
        bends = account.flag(path) if account.has(path) else False
        changes["backbone.sac"] = {"stages": switchable, "deformable": bool(bends)}
    names = ["sac.use_deform", "stage_with_sac", "stage_with_dcn"]
    names += ["conv_cfg.type"] if standardised else []
    paths = [f"{BACKBONE}.{name}" for name in names]
    account.set_all([p for p in paths if account.get(p) is not ABSENT], changes)


def _stages(account: Account, kind: str, where: str) -> tuple[bool, ...]:
    """Stages that have a kind of convolution; none unless both values are set."""
    off = (False, False, False, False)
    path = f"{BACKBONE}.{where}"
    value = account.get(path)
    if not account.has(f"{BACKBONE}.{kind}") or value is ABSENT:
        return off
    if isinstance(value, list | tuple) and [type(v) for v in value] == [bool] * 4:
        return tuple(value)
    account.reject(path, "four times True or False was expected")
    return off


def _carry_start_weights(account: Account) -> None:
    path = account.first("model.pretrained", f"{BACKBONE}.pretrained")
    path = path or account.first(f"{BACKBONE}.init_cfg.checkpoint")
    if path is None:
        return
    account.settle(f"{BACKBONE}.init_cfg")
    name = account.get(path)
    if isinstance(name, str) and name in _WEIGHTS:
        account.set(path, "backbone.weights", _WEIGHTS[name])
    else:
        account.ignore(path, "relook has no such weights for the start of a training")


def carry_neck(account: Account) -> None:
    """Carry over the number of looks at the image; all looks must have one backbone."""
    kind, path = account.kind("model.neck"), "model.neck.rfp_steps"
    if kind == "FPN":
        account.set("model.neck.type", "pyramid.steps", 1)
    elif account.has(path):
        steps = account.integer(path)
        if steps is not None:
            account.set(path, "pyramid.steps", steps)
    elif kind == "RFP":
        account.conflict("model.neck.type", "it needs rfp_steps, which is not set")
    later = account.get("model.neck.rfp_backbone")
    for key in later if isinstance(later, dict) else ():
        theirs = f"model.neck.rfp_backbone.{key}"
        if key in {"pretrained", "init_cfg"}:
            account.settle(theirs)
        elif key not in {"type", "rfp_inplanes"}:
            _check_same(account, theirs, f"{BACKBONE}.{key}")


def _check_same(account: Account, path: str, reference: str) -> None:
    if account.get(path) == account.get(reference):
        account.check(path, (account.get(reference),))
    else:
        first = account.get(reference)
        text = "nothing" if first is ABSENT else shown(first)
        account.conflict(path, f"{reference} is {text}, and relook's looks all have one backbone")


def carry_style(account: Account) -> Style | None:
    """Return the place of the backbone's strides, if the file has it; PyTorch's is the default."""
    path = f"{BACKBONE}.style"
    value = account.get(path)
    if value == "pytorch":
        account.set(path, "backbone.stride_in", "3x3")
        return "pytorch"
    if value == "caffe":
        account.set(path, "backbone.stride_in", "1x1")
        return "caffe"
    if account.has(path):
        account.reject(path, "pytorch or caffe was expected")
        return None
    return "pytorch" if account.kind(BACKBONE) else None
