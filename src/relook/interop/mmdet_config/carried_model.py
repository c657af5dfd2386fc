"""Conversion of an MMDetection model: architecture, thresholds and sampling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Final

from ...config.cascades import DSCConfig
from ..style import Style
from .account import Account
from .carried_backbone import BACKBONE, carry_backbone, carry_neck, carry_style
from .carried_dsc import (
    DSC_HEAD,
    carry_final_masks,
    carry_guidance,
    check_relative_extractors,
)
from .carried_heads import (
    ONE_HEAD,
    carry_beta,
    carry_border,
    carry_groups_of_norms,
    carry_one_head,
)
from .fixed_numerics import expected

_MOST_STAGES = 20
_HEADS: Final = "model.roi_head"
_CASCADES: Final = ("CascadeRoIHead", "HybridTaskCascadeRoIHead", ONE_HEAD, DSC_HEAD)

# Fields that one value of MMDetection sets. Several names are of several versions; TRAIN and TEST
# stand for the paths of the model's train_cfg and test_cfg, which depend on the version.
_NUMBERS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("cascade.select.score_threshold", ("TEST.rcnn.score_thr",)),
    ("cascade.select.nms_iou", ("TEST.rcnn.nms.iou_threshold", "TEST.rcnn.nms.iou_thr")),
    ("rpn.test.nms_iou", ("TEST.rpn.nms.iou_threshold", "TEST.rpn.nms_thr")),
    (
        "rpn.train.nms_iou",
        (
            "TRAIN.rpn_proposal.nms.iou_threshold",
            "TRAIN.rpn_proposal.nms_thr",
            "TEST.rpn.nms.iou_threshold",
            "TEST.rpn.nms_thr",
        ),
    ),
    ("rpn.anchors.positive_iou", ("TRAIN.rpn.assigner.pos_iou_thr",)),
    ("rpn.anchors.negative_iou", ("TRAIN.rpn.assigner.neg_iou_thr",)),
    ("rpn.anchors.positive_fraction", ("TRAIN.rpn.sampler.pos_fraction",)),
    ("cascade.sample.positive_fraction", ("TRAIN.rcnn.*.sampler.pos_fraction",)),
)
_INTEGERS: Final[tuple[tuple[str, tuple[str, ...]], ...]] = (
    ("cascade.select.max_detections", ("TEST.rcnn.max_per_img",)),
    ("rpn.test.candidates", ("TEST.rpn.nms_pre",)),
    ("rpn.test.proposals", ("TEST.rpn.max_per_img", "TEST.rpn.max_num", "TEST.rpn.nms_post")),
    ("rpn.train.candidates", ("TRAIN.rpn_proposal.nms_pre",)),
    (
        "rpn.train.proposals",
        (
            "TRAIN.rpn_proposal.max_per_img",
            "TRAIN.rpn_proposal.max_num",
            "TRAIN.rpn_proposal.nms_post",
        ),
    ),
    ("rpn.anchors.per_image", ("TRAIN.rpn.sampler.num",)),
    ("cascade.sample.per_image", ("TRAIN.rcnn.*.sampler.num",)),
    ("cascade.box_hidden", (f"{_HEADS}.bbox_head.*.fc_out_channels",)),
    ("cascade.mask_channels", (f"{_HEADS}.mask_head.*.conv_out_channels",)),
    ("backbone.width", (f"{BACKBONE}.base_channels",)),
    ("pyramid.channels", ("model.neck.out_channels",)),
)


def carry_model(account: Account) -> Style | None:
    """Carry over the settings of the model; return the style of the backbone, if it is set."""
    train = "train_cfg" if account.has("train_cfg.rcnn") else "model.train_cfg"
    test = "test_cfg" if account.has("test_cfg.rcnn") else "model.test_cfg"
    if account.has("model.bbox_head"):
        account.conflict("model", "a model of MMDetection 1.x; its boxes and anchors differ")
    else:
        carry_backbone(account)
        carry_neck(account)
        _carry_anchors(account)
        carry_border(account, train)
        _carry_cascade(account, train)
        _check_box_heads(account)
        _carry_stages(account, train)
        _carry_classes(account)
        _carry_semantic(account)
        carry_groups_of_norms(account)
        carry_beta(account, "model.rpn_head", "rpn.anchors.beta", 1.0)
        if not isinstance(account.config.cascade, DSCConfig):
            for path in account.expand(f"{_HEADS}.bbox_head.*"):
                carry_beta(account, path, "cascade.box.beta", 1.0)
    for ours, names in _NUMBERS:
        _carry_one(account, ours, names, train, test, Account.number)
    for ours, names in _INTEGERS:
        _carry_one(account, ours, names, train, test, Account.integer)
    _carry_least_side(account, test=f"{test}.rpn", train=f"{train}.rpn_proposal")
    _carry_suppression(account, f"{test}.rcnn.nms.type")
    _carry_low_quality(account, train)
    _check_fixed(account, train, test)
    return carry_style(account)


def _carry_one(
    account: Account,
    ours: str,
    names: tuple[str, ...],
    train: str,
    test: str,
    read: Callable[[Account, str], Any],
) -> None:
    replaced = [n.replace("TRAIN", train, 1).replace("TEST", test, 1) for n in names]
    path = account.first(*(path for name in replaced for path in account.expand(name)))
    value = None if path is None else read(account, path)
    if path is not None and value is not None:
        account.set(path, ours, value)


def _carry_anchors(account: Account) -> None:
    path = "model.rpn_head.anchor_generator"
    if account.has(f"{path}.scales"):
        scales = account.numbers(f"{path}.scales")
        if scales is not None and len(scales) == 1:
            account.set(f"{path}.scales", "rpn.anchors.scale", scales[0])
        elif scales is not None:
            account.conflict(f"{path}.scales", "relook has one scale for each level")
    if account.has(f"{path}.ratios"):
        ratios = account.numbers(f"{path}.ratios")
        if ratios is not None:
            account.set(f"{path}.ratios", "rpn.anchors.ratios", ratios)


def _carry_cascade(account: Account, train: str) -> None:
    kind = account.kind(_HEADS)
    if kind == DSC_HEAD:
        carry_guidance(account, train)
        check_relative_extractors(account)
    if kind == ONE_HEAD:
        carry_one_head(account)
    if kind in (DSC_HEAD, ONE_HEAD) or kind not in _CASCADES:
        return
    hybrid, masks = kind.startswith("Hybrid"), account.has(f"{_HEADS}.mask_head")
    changes: dict[str, Any] = {"cascade.kind": "htc", "cascade.masks": masks}
    paths = [f"{_HEADS}.type"]
    for theirs, ours in (("interleaved", "interleaved"), ("mask_info_flow", "mask_flow")):
        path = f"{_HEADS}.{theirs}"
        enabled = account.flag(path) if account.has(path) else True
        changes[f"cascade.hybrid.{ours}"] = bool(hybrid and masks and enabled)
        paths += [path] if account.has(path) else []
    account.set_all(paths, changes)


def _check_box_heads(account: Account) -> None:
    if account.kind(_HEADS) == ONE_HEAD:
        return
    for head in account.expand(f"{_HEADS}.bbox_head.*.type"):
        path = f"{head.removesuffix('.type')}.reg_class_agnostic"
        if not account.has(path):
            account.conflict(path, "it is not set, which means False; relook has True")


def _carry_stages(account: Account, train: str) -> None:
    """Carry over thresholds, deviations and weights, stage by stage."""
    rcnn, weights = f"{train}.rcnn", f"{_HEADS}.stage_loss_weights"
    guided = isinstance(account.config.cascade, DSCConfig)
    counted = [(rcnn, int(guided)), (f"{_HEADS}.bbox_head", 0)]
    counted += [] if guided else [(weights, 0)]
    lengths = {
        len(entries) - num_others
        for path, num_others in counted
        if isinstance(entries := account.get(path), list | tuple)
    }
    if account.kind(_HEADS) == ONE_HEAD:
        lengths = {1}
    if not lengths:
        return
    if account.has(f"{_HEADS}.num_stages"):
        count = account.integer(f"{_HEADS}.num_stages")
        lengths |= set() if count is None else {count}
    if len(lengths) > 1:
        account.conflict(f"{_HEADS}.num_stages", f"the lists of stages have lengths {lengths}")
        return
    assigners = account.expand(f"{rcnn}.*.assigner.pos_iou_thr")
    coders = account.expand(f"{_HEADS}.bbox_head.*.bbox_coder.target_stds")
    stages: list[dict[str, Any]] = []
    paths = [f"{_HEADS}.num_stages"] if account.has(f"{_HEADS}.num_stages") else []
    for i in range(min([*lengths, _MOST_STAGES])):
        defaults = account.config.cascade.stages
        stage = asdict(defaults[min(i, len(defaults) - 1)])
        fields: list[tuple[str, str, Callable[[Account, str], Any]]] = [
            ("iou", _at(assigners, i), Account.number),
            ("std", _at(coders, i), Account.numbers),
        ]
        fields += [] if guided else [("loss_weight", f"{weights}.{i}", Account.number)]
        for field, path, read in fields:
            value = read(account, path) if account.has(path) else None
            if value is not None:
                stage[field] = value
                paths.append(path)
        stages.append(stage)
    account.set_all(paths, {"cascade.stages": stages})
    if not guided:
        account.settle(weights)
        return
    carry_final_masks(account, train)
    if account.has(weights):
        account.ignore(weights, "of DSC these are not read; set the weights of cascade.stages")


def _at(paths: list[str], stage: int) -> str:
    """The path of one stage; a single path is that of all stages."""
    return paths[stage] if stage < len(paths) else paths[0] if len(paths) == 1 else "nowhere"


def _carry_classes(account: Account) -> None:
    """Carry over the number of classes, which must be equal in all heads."""
    counts: dict[str, int] = {}
    for head in ("bbox_head", "mask_head"):
        for path in account.expand(f"{_HEADS}.{head}.*.num_classes"):
            count = account.integer(path)
            if count is not None:
                counts[path] = count
    for path, count in counts.items():
        if count == next(iter(counts.values())):
            account.set(path, "num_classes", count)
        else:
            account.conflict(path, f"another head has {next(iter(counts.values()))}")


def _carry_semantic(account: Account) -> None:
    if account.kind(_HEADS) not in _CASCADES:
        return
    path = f"{_HEADS}.semantic_head"
    if not account.has(path):
        account.set(f"{_HEADS}.type", "semantic", None)
        return
    changes: dict[str, Any] = {}
    paths: list[str] = []
    if account.has(f"{path}.num_classes"):
        changes["semantic.num_classes"] = account.integer(f"{path}.num_classes")
        paths.append(f"{path}.num_classes")
    weight = account.first(f"{path}.loss_seg.loss_weight", f"{path}.loss_weight")
    if weight is not None:
        changes["semantic.loss_weight"] = account.number(weight)
        paths.append(weight)
    if account.has(f"{path}.loss_seg.avg_non_ignore"):
        valid = account.flag(f"{path}.loss_seg.avg_non_ignore")
        changes["semantic.average"] = None if valid is None else ("valid" if valid else "all")
        paths.append(f"{path}.loss_seg.avg_non_ignore")
    fusion = f"{_HEADS}.semantic_fusion"
    if account.has(fusion):
        joined = account.get(fusion)
        for part, ours in (("bbox", "boxes"), ("mask", "masks")):
            changes[f"semantic.fuse.{ours}"] = isinstance(joined, list | tuple) and part in joined
        paths.append(fusion)
    account.set_all(paths, {k: v for k, v in changes.items() if v is not None} or {"semantic": {}})


def _carry_least_side(account: Account, **places: str) -> None:
    """Carry over the least sides of proposals; a missing value is that of the other place.

    A file does not name the version that reads it, and versions compare differently: values of a
    DSC are compared as in its authors' code, all others as in MMDetection 2.28 and 3.x. In every
    version a number below 0 means that all boxes are kept.
    """
    rule = "from" if isinstance(account.config.cascade, DSCConfig) else "above"
    sides: dict[str, tuple[str, float]] = {}
    for name, place in places.items():
        path = f"{place}.min_bbox_size"
        if account.has(path) and (least := account.number(path)) is not None:
            sides[name] = path, float(least)
    for name in places if sides else ():
        path, least = sides.get(name) or next(iter(sides.values()))
        values = (least, rule) if least >= 0 else (0.0, "from")
        fields = (f"rpn.{name}.min_bbox_size", f"rpn.{name}.min_bbox_size_rule")
        account.set_all([path], dict(zip(fields, values, strict=True)))


def _carry_suppression(account: Account, path: str) -> None:
    if not account.has(path):
        return
    if (name := account.get(path)) in ("nms", "soft_nms"):
        account.set(path, "cascade.select.suppression", name)
    else:
        account.conflict(path, "relook has nms and soft_nms")


def _carry_low_quality(account: Account, train: str) -> None:
    """Carry over low-quality matches; MMDetection's default is True, so a missing value counts."""
    assigners = account.expand(f"{train}.rcnn.*.assigner")
    if not assigners:
        return
    path = f"{assigners[0]}.match_low_quality"
    value = account.flag(path) if account.has(path) else True
    if value and isinstance(account.config.cascade, DSCConfig):
        account.conflict(path, "relook's DSC has no low-quality matches")
    elif value is not None and not isinstance(account.config.cascade, DSCConfig):
        account.set(path, "cascade.sample.match_low_quality", value)


def _check_fixed(account: Account, train: str, test: str) -> None:
    allowed = expected(account.config, train, test)
    open_paths = {path for path, _ in account.unsettled()}
    for pattern in sorted(allowed, key=lambda p: "*" in p):  # exact paths before patterns
        off = allowed[pattern] == (None,)  # a setting that must be off may be a mapping
        for path in account.expand(pattern):
            if path in open_paths or (off and account.has(path)):
                account.check(path, allowed[pattern])
                open_paths.discard(path)
