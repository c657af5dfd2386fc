"""Settings of MMDetection's heads for which relook has one value only."""

from __future__ import annotations

from typing import Final

from ...config.cascades import DSCConfig, HTCConfig
from ...config.model import ModelConfig
from .account import ANY
from .allowed import LOSSES, Allowed, assigner, coder, loss, norms, sampler, under
from .carried_dsc import DSC_HEAD, FINAL_MASK

_HEADS: Final = "model.roi_head"
_FEATURE_STRIDES = (4, 8, 16, 32)


def expected_heads(config: ModelConfig) -> Allowed:
    """Allowed values of the model's heads, under ``model.roi_head``."""
    cascade, channels = config.cascade, config.pyramid.channels
    kinds = (
        _htc_heads(cascade, channels)
        if isinstance(cascade, HTCConfig)
        else _dsc_heads(cascade, channels)
    )
    return {
        **kinds,
        f"{_HEADS}.bbox_head.*.fc_out_channels": (cascade.box_hidden,),
        f"{_HEADS}.mask_head.*.conv_out_channels": (cascade.mask_channels,),
        **_semantic(channels),
    }


def expected_draws(cascade: HTCConfig | DSCConfig, rcnn: str) -> Allowed:
    """Allowed values of the sampling of RoIs, under `rcnn`."""
    if isinstance(cascade, DSCConfig):
        return _dsc_draws(cascade, rcnn)
    allowed: Allowed = {}
    one_head = len(cascade.stages) == 1
    for i, stage in enumerate(cascade.stages):
        place = f"{rcnn}.*" if one_head else f"{rcnn}.{i}"
        allowed |= under(place, assigner(stage.iou, stage.iou))
    shared = {**_drawn(cascade), "mask_size": (FINAL_MASK,), "pos_weight": (-1,), "debug": (ANY,)}
    shared["assigner.match_low_quality"] = (cascade.sample.match_low_quality,)
    return allowed | under(f"{rcnn}.*", shared)


def _drawn(cascade: HTCConfig | DSCConfig) -> Allowed:
    return {
        **sampler(True),
        "sampler.num": (cascade.sample.per_image,),
        "sampler.pos_fraction": (cascade.sample.positive_fraction,),
    }


def _dsc_draws(cascade: DSCConfig, rcnn: str) -> Allowed:
    """Allowed values for DSC: RoIs are drawn once and kept; the last entry is for final masks."""
    allowed: Allowed = under(f"{rcnn}.0", _drawn(cascade))
    kept: Allowed = {
        "sampler.type": ("PseudoSampler", "DSCPseudoSampler"),
        "sampler.add_gt_as_proposals": (False,),
        "sampler.num": (ANY,),  # of a sampler that keeps all
        "sampler.pos_fraction": (ANY,),
        "sampler.neg_pos_ub": (ANY,),
    }
    overlaps = [*(stage.iou for stage in cascade.stages), cascade.rows.mask_iou]
    for i, iou in enumerate(overlaps):
        final = i == len(overlaps) - 1
        allowed |= under(f"{rcnn}.{i}", assigner(iou, iou) | (kept if i else {}))
        allowed[f"{rcnn}.{i}.mask_size"] = (FINAL_MASK if final else 2 * cascade.guidance.side,)
    shared: Allowed = {"pos_weight": (-1,), "debug": (ANY,), "assigner.match_low_quality": (False,)}
    return allowed | under(f"{rcnn}.*", shared)


def _htc_heads(cascade: HTCConfig, channels: int) -> Allowed:
    rule = cascade.box
    boxes: Allowed = _boxes(channels) | {
        "type": ("Shared4Conv1FCBBoxHead", "ConvFCBBoxHead")
        if rule.convs
        else ("Shared2FCBBoxHead",),
        "num_shared_fcs": (rule.hidden_layers,),
        "num_shared_convs": (rule.convs,),
        "conv_out_channels": (channels,),
        "reg_class_agnostic": (rule.boxes == "shared",),
        **norms("norm_cfg", rule.norm),
        **loss("loss_bbox", type=LOSSES),
    }
    if rule.norm.kind != "none":
        boxes.pop("norm_cfg", None)
    boxes.pop("loss_bbox.beta", None)
    masks: Allowed = {
        **{k: v for k, v in _masks(channels).items() if k != "norm_cfg"},
        **norms("norm_cfg", cascade.mask_norm),
        "type": ("HTCMaskHead", "FCNMaskHead"),
        "roi_feat_size": (14,),
        "class_agnostic": (False,),
        "with_conv_res": (True,),
    }
    return {
        f"{_HEADS}.type": (
            "CascadeRoIHead",
            "HybridTaskCascadeRoIHead",
            *(("StandardRoIHead",) if len(cascade.stages) == 1 else ()),
        ),
        **_roi_extractor("bbox_roi_extractor", (7,), channels),
        **_roi_extractor("mask_roi_extractor", (14,), channels),
        **under(f"{_HEADS}.bbox_head.*", boxes),
        **under(f"{_HEADS}.mask_head.*", masks),
        # The first mask head has no features of an earlier one to add.
        f"{_HEADS}.mask_head.0.with_conv_res": (False,),
    }


def _dsc_heads(cascade: DSCConfig, channels: int) -> Allowed:
    # Class names of heads are not checked: the tensors determine their layers.
    shown = cascade.fuse_kernel if cascade.guidance.implicit else None
    boxes = _boxes(channels) | {"type": (ANY,), "conv_res": (shown,)}
    masks: Allowed = _masks(channels) | {"type": (ANY,)}
    guides: Allowed = {
        "class_agnostic": (True,),
        "num_classes": (ANY,),  # for a head that has one mask for all
        "conv_out_channels": (cascade.mask_channels,),
    }
    sides = (cascade.guidance.side, 14)
    return {
        f"{_HEADS}.type": (DSC_HEAD,),
        **_roi_extractor("bbox_roi_extractor", (7,), channels, kind="SgSingleRoIExtractor"),
        **_roi_extractor("mask_roi_extractor", sides, channels),
        **under(f"{_HEADS}.bbox_head.*", boxes),
        **under(f"{_HEADS}.mpn.*", masks | guides),
        **under(f"{_HEADS}.mask_head.*", masks | {"class_agnostic": (False,)}),
    }


def _roi_extractor(
    name: str,
    sides: tuple[int, ...],
    channels: int,
    *,
    strides: tuple[int, ...] = _FEATURE_STRIDES,
    kind: str = "SingleRoIExtractor",
) -> Allowed:
    return under(
        f"{_HEADS}.{name}.*",
        {
            "type": (kind,),
            "roi_layer.type": ("RoIAlign",),
            "roi_layer.output_size": sides,
            "roi_layer.out_size": sides,
            "roi_layer.sampling_ratio": (0,),
            "roi_layer.sample_num": (0,),
            "roi_layer.aligned": (True,),
            "roi_layer.pool_mode": ("avg",),
            "out_channels": (channels,),
            "featmap_strides": (strides,),
            "finest_scale": (56,),
        },
    )


def _boxes(channels: int) -> Allowed:
    return {
        "in_channels": (channels,),
        "roi_feat_size": (7,),
        "num_shared_fcs": (2,),
        "num_shared_convs": (0,),
        "num_cls_convs": (0,),
        "num_reg_convs": (0,),
        "num_cls_fcs": (0,),
        "num_reg_fcs": (0,),
        "with_avg_pool": (False,),
        "reg_class_agnostic": (True,),
        "reg_decoded_bbox": (False,),
        "norm_cfg": (None,),
        "conv_cfg": (None,),
        **coder("bbox_coder"),
        **loss("loss_cls", type="CrossEntropyLoss", use_sigmoid=False, class_weight=None),
        **loss("loss_bbox", type="SmoothL1Loss", beta=1.0),
    }


def _masks(channels: int) -> Allowed:
    return {
        "in_channels": (channels,),
        "num_convs": (4,),
        "conv_kernel_size": (3,),
        "upsample_cfg.type": ("deconv",),
        "upsample_cfg.scale_factor": (2,),
        "norm_cfg": (None,),
        "conv_cfg": (None,),
        **loss("loss_mask", type="CrossEntropyLoss", use_mask=True),
    }


def _semantic(channels: int) -> Allowed:
    head = {
        "type": ("FusedSemanticHead",),
        "num_ins": (5,),
        "fusion_level": (1,),
        "seg_scale_factor": (0.125,),
        "num_convs": (4,),
        "in_channels": (channels,),
        "conv_out_channels": (channels,),
        "ignore_label": (255,),
        "norm_cfg": (None,),
        "conv_cfg": (None,),
        "loss_seg.type": ("CrossEntropyLoss",),
        "loss_seg.ignore_index": (255,),
    }
    return {
        **_roi_extractor("semantic_roi_extractor", (14,), channels, strides=(8,)),
        **under(f"{_HEADS}.semantic_head", head),
    }
